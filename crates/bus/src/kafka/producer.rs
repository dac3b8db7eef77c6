//! Appending to Kafka.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::time::Instant;

use super::{ASK, KafkaConfig, blocking, kafka_error};
use crate::record::MAX_PAYLOAD;
use crate::{LogError, Record};

/// A producer that is thrown away after a failure.
///
/// librdkafka must not drop single messages by itself (no `message.timeout.ms`): a later one of the same key could
/// then overtake. Instead a batch that is not confirmed in time fails as a whole, and with it the producer and all
/// that it still holds; the next batch gets a new one.
pub(super) struct Producer {
    current: Mutex<Option<Arc<FutureProducer>>>,
    known: RwLock<HashSet<String>>,
}

impl Producer {
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, LogError> {
        Ok(Producer { current: Mutex::new(Some(create(config)?)), known: RwLock::default() })
    }

    pub(super) async fn publish(&self, config: &KafkaConfig, batch: &[Record]) -> Result<(), LogError> {
        if let Some(record) = batch.iter().find(|r| r.payload.len() > MAX_PAYLOAD) {
            let (id, size) = (record.event_id, record.payload.len());
            return Err(LogError::Rejected(format!(
                "event {id} has {size} bytes, the limit is {MAX_PAYLOAD}"
            )));
        }
        let producer = self.get(config)?;
        for topic in batch.iter().map(|r| r.topic.as_str()).collect::<HashSet<_>>() {
            self.check_topic(&producer, topic).await?;
        }
        let deadline = Instant::now() + config.publish_timeout;
        let published = match tokio::time::timeout_at(deadline, send(&producer, batch)).await {
            Ok(published) => published,
            Err(_) => Err(LogError::Unavailable("the brokers did not confirm in time".into())),
        };
        if matches!(&published, Err(error) if error.is_retryable()) {
            self.discard(&producer).await;
        }
        published
    }

    fn get(&self, config: &KafkaConfig) -> Result<Arc<FutureProducer>, LogError> {
        let mut current = self.current.lock().unwrap_or_else(|e| e.into_inner());
        match &*current {
            Some(producer) => Ok(producer.clone()),
            None => Ok(current.insert(create(config)?).clone()),
        }
    }

    /// librdkafka waits long for a topic that may yet appear; asking first gives a clear answer at once.
    async fn check_topic(&self, producer: &Arc<FutureProducer>, topic: &str) -> Result<(), LogError> {
        if self.known.read().unwrap_or_else(|e| e.into_inner()).contains(topic) {
            return Ok(());
        }
        let (client, name) = (producer.clone(), topic.to_owned());
        let exists = blocking(move || {
            let metadata = client.client().fetch_metadata(Some(&name), ASK).map_err(kafka_error)?;
            Ok(metadata
                .topics()
                .iter()
                .any(|t| t.name() == name && t.error().is_none() && !t.partitions().is_empty()))
        })
        .await?;
        if !exists {
            return Err(LogError::Rejected(format!("there is no topic {topic}")));
        }
        self.known.write().unwrap_or_else(|e| e.into_inner()).insert(topic.to_owned());
        Ok(())
    }

    /// Throws away a producer together with what it did not deliver.
    async fn discard(&self, failed: &Arc<FutureProducer>) {
        let taken = {
            let mut current = self.current.lock().unwrap_or_else(|e| e.into_inner());
            match &*current {
                Some(producer) if Arc::ptr_eq(producer, failed) => current.take(),
                _ => None,
            }
        };
        if let Some(producer) = taken {
            let purge = move || {
                producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
                drop(producer);
            };
            let _ = tokio::task::spawn_blocking(purge).await;
        }
    }

    pub(super) async fn close(&self) {
        let producer = self.current.lock().unwrap_or_else(|e| e.into_inner()).take();
        let _ = tokio::task::spawn_blocking(move || {
            if let Some(producer) = producer {
                let _ = producer.flush(Duration::from_secs(5));
            }
        })
        .await;
    }
}

fn create(config: &KafkaConfig) -> Result<Arc<FutureProducer>, LogError> {
    let producer: FutureProducer = config
        .client()
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", "0")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        .set("linger.ms", "2")
        // A full queue makes the relay wait: what waits is safe in the outbox.
        .set("queue.buffering.max.messages", "20000")
        .set("queue.buffering.max.kbytes", "65536")
        .create()
        .map_err(kafka_error)?;
    Ok(Arc::new(producer))
}

/// Queues the batch in order and waits for every confirmation.
async fn send(producer: &FutureProducer, batch: &[Record]) -> Result<(), LogError> {
    let mut sent = Vec::with_capacity(batch.len());
    for record in batch {
        sent.push(enqueue(producer, record).await?);
    }
    let mut refused = None;
    for confirmation in sent {
        match confirmation.await {
            Ok(Ok(_)) => {}
            Ok(Err((error, _))) => match kafka_error(error) {
                error @ LogError::Rejected(_) => refused = Some(error),
                error => return Err(error),
            },
            Err(_) => return Err(LogError::Unavailable("the producer was thrown away".into())),
        }
    }
    refused.map_or(Ok(()), Err)
}

async fn enqueue(producer: &FutureProducer, record: &Record) -> Result<DeliveryFuture, LogError> {
    let headers = headers(&record.wire_headers());
    let mut message =
        FutureRecord::to(&record.topic).key(&record.key).payload(&record.payload[..]).headers(headers);
    loop {
        match producer.send_result(message) {
            Ok(confirmation) => return Ok(confirmation),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                message = back;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err((error, _)) => return Err(kafka_error(error)),
        }
    }
}

fn headers(all: &BTreeMap<String, String>) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(all.len());
    all.iter().fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}
