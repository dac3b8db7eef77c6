//! Making topics.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use super::reader::Inspector;
use super::{ASK, KafkaConfig, blocking, kafka_error};
use crate::{LogError, TopicSpec};

/// Makes what is missing among `existing` and waits until the brokers know it.
pub(super) async fn ensure_topics(
    config: &KafkaConfig,
    topics: &[TopicSpec],
    existing: HashMap<String, i32>,
) -> Result<(), LogError> {
    let mut missing = Vec::new();
    for spec in topics {
        match existing.get(&spec.name) {
            None => missing.push(spec),
            Some(partitions) if *partitions != spec.partitions => {
                tracing::warn!(
                    topic = spec.name,
                    partitions,
                    declared = spec.partitions,
                    "topic keeps its partitions"
                );
            }
            Some(_) => {}
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let retention: Vec<String> = missing.iter().map(|spec| spec.retention.as_millis().to_string()).collect();
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .zip(&retention)
        .map(|(spec, retention)| {
            NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(config.replication))
                .set("retention.ms", retention)
        })
        .collect();
    let admin: AdminClient<DefaultClientContext> = config.client().create().map_err(kafka_error)?;
    let options = AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK));
    for result in admin.create_topics(&new, &options).await.map_err(kafka_error)? {
        match result {
            // Somebody was quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(LogError::Unavailable(format!("cannot make topic {topic}: {code}")));
            }
        }
    }
    let names: Vec<String> = missing.iter().map(|spec| spec.name.clone()).collect();
    await_topics(config, names).await
}

/// A topic that was just made is not known to every broker at once.
async fn await_topics(config: &KafkaConfig, names: Vec<String>) -> Result<(), LogError> {
    let config = config.clone();
    blocking(move || {
        let inspector = Inspector::new(&config, "tessera-bounds")?;
        for _ in 0..100 {
            let known = inspector.partitions()?;
            if names.iter().all(|name| known.get(name).is_some_and(|partitions| *partitions > 0)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(LogError::Unavailable("the new topics do not appear".into()))
    })
    .await
}
