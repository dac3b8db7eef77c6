//! Watching the log go by, for a person at a terminal.

use std::collections::HashMap;
use std::time::Duration;

use crate::{Delivery, EventLog, LogError};

/// How many events a start looks at, all partitions together, to find those that are wanted.
const LOOK_BACK: usize = 20_000;

/// Follows topics without joining a group: it commits nothing and disturbs nobody.
#[derive(Debug, Clone)]
pub struct Tail {
    topics: Vec<String>,
    next: HashMap<(String, i32), i64>,
}

impl Tail {
    /// The newest `count` events among those that are wanted, oldest first, and a tail that goes on from there.
    /// Looks back over a bounded number of events: what is rare may lie further back.
    pub async fn start(
        log: &dyn EventLog,
        topics: &[String],
        count: usize,
        is_wanted: impl Fn(&Delivery) -> bool,
    ) -> Result<(Vec<Delivery>, Tail), LogError> {
        let mut tail = Tail { topics: topics.to_vec(), next: HashMap::new() };
        let mut events = Vec::new();
        let bounds = log.bounds(topics).await?;
        let window = count.max(LOOK_BACK / bounds.len().max(1));
        for b in bounds {
            let from = b.start.max(b.end.saturating_sub(i64::try_from(window).unwrap_or(i64::MAX)));
            let mut next = b.end;
            if count > 0 && from < b.end {
                let read = log.read(&b.topic, b.partition, from, window).await?;
                // More may have come since the bounds were asked for.
                next = read.last().map_or(next, |last| next.max(last.offset + 1));
                events.extend(read.into_iter().filter(&is_wanted));
            }
            tail.next.insert((b.topic, b.partition), next);
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
                let mut latest = None;
                for event in log.read(&b.topic, b.partition, from, max).await? {
                    self.pass(&event);
                    // Clocks may step back; the events of one partition stay in their order all the same.
                    latest = latest.max(Some(event.timestamp));
                    events.push((latest, event));
                }
            }
        }
        // A stable sort: events of one time stay as they were read.
        events.sort_by_key(|(time, _)| *time);
        Ok(events.into_iter().map(|(_, event)| event).collect())
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

    /// Goes on behind an event that came by another way; false when it was passed before.
    pub fn pass(&mut self, event: &Delivery) -> bool {
        let next = self.next.entry((event.topic.clone(), event.partition)).or_default();
        let is_new = event.offset >= *next;
        *next = (*next).max(event.offset + 1);
        is_new
    }
}

fn by_time(a: &Delivery, b: &Delivery) -> std::cmp::Ordering {
    (a.timestamp, &a.topic, a.partition, a.offset).cmp(&(b.timestamp, &b.topic, b.partition, b.offset))
}
