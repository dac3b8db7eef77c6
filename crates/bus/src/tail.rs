//! Watching the log go by, for a person at a terminal.

use std::collections::HashMap;
use std::time::Duration;

use crate::{Delivery, EventLog, LogError};

/// The newest `count` events of the topics, oldest first.
pub async fn newest(log: &dyn EventLog, topics: &[String], count: usize) -> Result<Vec<Delivery>, LogError> {
    Ok(Tail::start(log, topics, count).await?.0)
}

/// Follows topics without joining a group: it commits nothing and disturbs nobody.
#[derive(Debug)]
pub struct Tail {
    topics: Vec<String>,
    next: HashMap<(String, i32), i64>,
}

impl Tail {
    /// The newest `count` events, and a tail that goes on from there.
    pub async fn start(
        log: &dyn EventLog,
        topics: &[String],
        count: usize,
    ) -> Result<(Vec<Delivery>, Tail), LogError> {
        let mut tail = Tail { topics: topics.to_vec(), next: HashMap::new() };
        let mut events = Vec::new();
        let per_partition = i64::try_from(count).unwrap_or(i64::MAX);
        for b in log.bounds(topics).await? {
            let from = b.start.max(b.end.saturating_sub(per_partition));
            if count > 0 && from < b.end {
                events.extend(log.read(&b.topic, b.partition, from, count).await?);
            }
            tail.next.insert((b.topic, b.partition), b.end);
        }
        for event in &events {
            tail.advance(event);
        }
        events.sort_by(by_time);
        events.drain(..events.len().saturating_sub(count));
        Ok((events, tail))
    }

    /// A tail that goes on from [`Tail::positions`].
    pub fn resume(topics: &[String], positions: Vec<(String, i32, i64)>) -> Tail {
        let next = positions.into_iter().map(|(topic, partition, next)| ((topic, partition), next)).collect();
        Tail { topics: topics.to_vec(), next }
    }

    /// Where it stands: topic, partition and the next offset of each, in order.
    pub fn positions(&self) -> Vec<(String, i32, i64)> {
        let mut positions: Vec<_> =
            self.next.iter().map(|((topic, partition), next)| (topic.clone(), *partition, *next)).collect();
        positions.sort();
        positions
    }

    /// What came since the last call, up to `max` events a partition, oldest first; empty when nothing did.
    pub async fn more(&mut self, log: &dyn EventLog, max: usize) -> Result<Vec<Delivery>, LogError> {
        let mut events = Vec::new();
        for b in log.bounds(&self.topics).await? {
            let from =
                self.next.get(&(b.topic.clone(), b.partition)).copied().unwrap_or(b.start).max(b.start);
            if from < b.end {
                events.extend(log.read(&b.topic, b.partition, from, max).await?);
            }
        }
        for event in &events {
            self.advance(event);
        }
        events.sort_by(by_time);
        Ok(events)
    }

    /// Like [`Tail::more`], looking again every `pause` until something comes.
    pub async fn wait(
        &mut self,
        log: &dyn EventLog,
        max: usize,
        pause: Duration,
    ) -> Result<Vec<Delivery>, LogError> {
        loop {
            let events = self.more(log, max).await?;
            if !events.is_empty() {
                return Ok(events);
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn advance(&mut self, event: &Delivery) {
        let next = self.next.entry((event.topic.clone(), event.partition)).or_default();
        *next = (*next).max(event.offset + 1);
    }
}

fn by_time(a: &Delivery, b: &Delivery) -> std::cmp::Ordering {
    (a.timestamp, &a.topic, a.partition, a.offset).cmp(&(b.timestamp, &b.topic, b.partition, b.offset))
}
