//! The log on Apache Kafka, by librdkafka.
//!
//! Idempotent producer with `acks=all`; offsets are stored and committed only after the effect; cooperative-sticky
//! rebalancing, where a partition that is taken away is handed over only after its events at hand are done. No Kafka
//! transactions: outbox and inbox give the same guarantee without them.

mod admin;
mod consumer;
mod parts;
mod producer;
mod reader;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use time::OffsetDateTime;

use crate::{Bounds, Consumer, Delivery, EventLog, Lag, LogError, Record, TopicSpec};
use reader::{Inspector, Reader};

/// Answers of a broker to questions about topics and offsets take no longer.
const ASK: Duration = Duration::from_secs(10);

/// How a [`KafkaLog`] behaves.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Copies of each partition; -1 leaves it to the broker.
    pub replication: i32,
    /// A member that is not heard of for so long has died.
    pub session_timeout: Duration,
    /// A publish that the brokers did not confirm within it has failed.
    pub publish_timeout: Duration,
    /// How long a partition that is taken away waits for the event at hand.
    pub handover: Duration,
    /// Further settings of librdkafka, such as `security.protocol` and `sasl.*`.
    pub options: BTreeMap<String, String>,
}

impl KafkaConfig {
    /// The usual settings for a cluster.
    pub fn new(brokers: impl Into<String>) -> Self {
        KafkaConfig {
            brokers: brokers.into(),
            replication: -1,
            session_timeout: Duration::from_secs(10),
            publish_timeout: Duration::from_secs(30),
            handover: Duration::from_secs(20),
            options: BTreeMap::new(),
        }
    }

    /// What every client has in common.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "tessera")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "2000")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("allow.auto.create.topics", "false");
        for (name, value) in &self.options {
            config.set(name, value);
        }
        config
    }
}

/// The event log on Kafka.
pub struct KafkaLog {
    config: KafkaConfig,
    producer: producer::Producer,
    /// One per group: asks for its offsets without joining it.
    inspectors: Mutex<HashMap<String, Arc<Inspector>>>,
    reader: Arc<Reader>,
}

impl KafkaLog {
    /// Makes the clients and sees that a broker answers.
    pub async fn connect(config: KafkaConfig) -> Result<KafkaLog, LogError> {
        let log = KafkaLog {
            producer: producer::Producer::new(&config)?,
            inspectors: Mutex::default(),
            reader: Arc::new(Reader::new(&config)),
            config,
        };
        log.topics().await?;
        Ok(log)
    }

    fn inspector(&self, group: &str) -> Result<Arc<Inspector>, LogError> {
        let mut inspectors = self.inspectors.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(inspector) = inspectors.get(group) {
            return Ok(inspector.clone());
        }
        let inspector = Arc::new(Inspector::new(&self.config, group)?);
        inspectors.insert(group.to_owned(), inspector.clone());
        Ok(inspector)
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        admin::ensure_topics(&self.config, topics, self.partitions().await?).await
    }

    async fn topics(&self) -> Result<Vec<String>, LogError> {
        let mut names: Vec<String> = self.partitions().await?.into_keys().collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn publish(&self, batch: &[Record]) -> Result<(), LogError> {
        self.producer.publish(&self.config, batch).await
    }

    async fn subscribe(&self, group: &str, topics: &[String]) -> Result<Box<dyn Consumer>, LogError> {
        Ok(Box::new(consumer::KafkaConsumer::join(&self.config, group, topics)?))
    }

    async fn lag(&self, group: &str, topics: &[String]) -> Result<Vec<Lag>, LogError> {
        let inspector = self.inspector(group)?;
        let wanted = self.wanted(topics).await?;
        blocking(move || inspector.lag(&wanted)).await
    }

    async fn bounds(&self, topics: &[String]) -> Result<Vec<Bounds>, LogError> {
        let inspector = self.inspector("tessera-bounds")?;
        let wanted = self.wanted(topics).await?;
        blocking(move || inspector.bounds(&wanted)).await
    }

    async fn read(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        max: usize,
    ) -> Result<Vec<Delivery>, LogError> {
        let (reader, topic) = (self.reader.clone(), topic.to_owned());
        blocking(move || reader.read(&topic, partition, from, max)).await
    }

    async fn close(&self) {
        self.producer.close().await;
        let inspectors = std::mem::take(&mut *self.inspectors.lock().unwrap_or_else(|e| e.into_inner()));
        // Their destructors talk to the broker.
        let _ = tokio::task::spawn_blocking(move || drop(inspectors)).await;
    }
}

impl KafkaLog {
    /// Every topic with its number of partitions.
    async fn partitions(&self) -> Result<HashMap<String, i32>, LogError> {
        let inspector = self.inspector("tessera-bounds")?;
        blocking(move || inspector.partitions()).await
    }

    /// The partitions of these topics.
    async fn wanted(&self, topics: &[String]) -> Result<Vec<(String, i32)>, LogError> {
        let all = self.partitions().await?;
        let mut names: Vec<&String> = topics.iter().collect();
        names.sort_unstable();
        names.dedup();
        let partitions = |name: &String| {
            let name = name.clone();
            (0..all.get(&name).copied().unwrap_or(0)).map(move |p| (name.clone(), p))
        };
        Ok(names.into_iter().flat_map(partitions).collect())
    }
}

/// librdkafka's questions block: they are asked on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| LogError::Fatal(format!("kafka: {e}")))?
}

/// A message as a delivery. What strangers wrote is read as far as it goes.
fn delivery(message: &impl Message) -> Delivery {
    let millis = message.timestamp().to_millis().unwrap_or(0);
    let headers = message
        .headers()
        .into_iter()
        .flat_map(|h| h.iter())
        .map(|h| (h.key.to_owned(), text(h.value.unwrap_or_default())))
        .collect();
    Delivery {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key().unwrap_or_default()),
        payload: bytes::Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        headers,
        timestamp: OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
    }
}

/// Bytes as a text that PostgreSQL can keep too.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// What an error of librdkafka means for the caller.
fn kafka_error(error: KafkaError) -> LogError {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidTopic
            | Code::TopicAuthorizationFailed,
        ) => LogError::Rejected(error.to_string()),
        _ if matches!(error, KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_)) => {
            LogError::Fatal(error.to_string())
        }
        _ => LogError::Unavailable(error.to_string()),
    }
}
