//! Looking at the log without taking part in a group.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::{ASK, KafkaConfig, delivery, kafka_error};
use crate::{Bounds, Delivery, Lag, LogError};

/// Asks about topics and a group's offsets. It never subscribes, so the group does not see it.
pub(super) struct Inspector {
    client: BaseConsumer<DefaultConsumerContext>,
}

impl Inspector {
    pub(super) fn new(config: &KafkaConfig, group: &str) -> Result<Self, LogError> {
        let client = config
            .client()
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .create()
            .map_err(kafka_error)?;
        Ok(Inspector { client })
    }

    /// Every topic with its number of partitions, without the broker's own.
    pub(super) fn partitions(&self) -> Result<HashMap<String, i32>, LogError> {
        let metadata = self.client.fetch_metadata(None, ASK).map_err(kafka_error)?;
        let topics = metadata.topics().iter().filter(|t| !t.name().starts_with("__"));
        Ok(topics
            .map(|t| (t.name().to_owned(), i32::try_from(t.partitions().len()).unwrap_or(i32::MAX)))
            .collect())
    }

    pub(super) fn bounds(&self, partitions: &[(String, i32)]) -> Result<Vec<Bounds>, LogError> {
        let bounds = |(topic, partition): &(String, i32)| {
            let (start, end) = self.client.fetch_watermarks(topic, *partition, ASK).map_err(kafka_error)?;
            Ok(Bounds { topic: topic.clone(), partition: *partition, start, end })
        };
        partitions.iter().map(bounds).collect()
    }

    pub(super) fn lag(&self, partitions: &[(String, i32)]) -> Result<Vec<Lag>, LogError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let committed = self.client.committed_offsets(list, ASK).map_err(kafka_error)?.to_topic_map();
        let lag = |Bounds { topic, partition, start, end }| {
            let committed = match committed.get(&(topic.clone(), partition)) {
                Some(Offset::Offset(offset)) => *offset,
                _ => 0,
            };
            Lag { topic, partition, committed, end, lag: (end - committed.max(start)).max(0) }
        };
        Ok(self.bounds(partitions)?.into_iter().map(lag).collect())
    }
}

/// Reads single partitions. One client, made at the first use, for one read at a time: it serves people.
pub(super) struct Reader {
    config: KafkaConfig,
    client: Mutex<Option<BaseConsumer<DefaultConsumerContext>>>,
}

impl Reader {
    pub(super) fn new(config: &KafkaConfig) -> Self {
        Reader { config: config.clone(), client: Mutex::new(None) }
    }

    pub(super) fn read(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        max: usize,
    ) -> Result<Vec<Delivery>, LogError> {
        let mut slot = self.client.lock().unwrap_or_else(|e| e.into_inner());
        let client = match slot.take() {
            Some(client) => client,
            None => self
                .config
                .client()
                .set("group.id", "tessera-reader")
                .set("enable.auto.commit", "false")
                .set("enable.partition.eof", "true")
                .set("auto.offset.reset", "earliest")
                .create()
                .map_err(kafka_error)?,
        };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(from)).map_err(kafka_error)?;
        client.assign(&list).map_err(kafka_error)?;
        let read = collect(&client, (topic, partition, from), max);
        client.unassign().map_err(kafka_error)?;
        *slot = Some(client);
        read
    }
}

fn collect(
    client: &BaseConsumer<DefaultConsumerContext>,
    (topic, partition, from): (&str, i32, i64),
    max: usize,
) -> Result<Vec<Delivery>, LogError> {
    let deadline = Instant::now() + ASK;
    let mut events = Vec::new();
    while events.len() < max {
        match client.poll(Duration::from_millis(100)) {
            None if Instant::now() >= deadline => {
                return Err(LogError::Unavailable(format!("{topic}/{partition} cannot be read now")));
            }
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => return Err(kafka_error(error)),
            Some(Ok(message)) => {
                let event = delivery(&message);
                // Left over from the read before.
                if event.topic == topic && event.partition == partition && event.offset >= from {
                    events.push(event);
                }
            }
        }
    }
    Ok(events)
}
