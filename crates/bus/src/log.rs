//! The interface that both logs implement.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Batch, Bounds, Delivery, Lag, Position, Record, TopicSpec};

/// Why the log did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log cannot be reached or did not answer in time; the outcome of a publish is unknown. Try again.
    #[error("the event log is unavailable: {0}")]
    Unavailable(String),
    /// The log will never take this record: its topic does not exist, or it is too large.
    #[error("the event log refuses the record: {0}")]
    Rejected(String),
    /// The partition belongs to another member now; what was done will be delivered there again.
    #[error("{topic}/{partition} is no longer held by this consumer")]
    NotOwner { topic: String, partition: i32 },
    /// Configuration or state that no retry mends.
    #[error("{0}")]
    Fatal(String),
}

impl LogError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, LogError::Unavailable(_))
    }
}

/// An append-only log of topics and partitions.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Makes the topics that do not exist yet. One that exists keeps its number of partitions.
    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError>;

    /// The topics that exist, by name.
    async fn topics(&self) -> Result<Vec<String>, LogError>;

    /// Appends the batch, in order per key, and returns once it is durable. After [`LogError::Unavailable`] the
    /// caller publishes the same batch again: events may then be in the log twice, but the first time of each is
    /// in order.
    async fn publish(&self, batch: &[Record]) -> Result<(), LogError>;

    /// Joins a group. A group that is new starts at the oldest event.
    async fn subscribe(&self, group: &str, topics: &[String]) -> Result<Box<dyn Consumer>, LogError>;

    /// How far the group is behind, for every partition of the topics.
    async fn lag(&self, group: &str, topics: &[String]) -> Result<Vec<Lag>, LogError>;

    /// What the partitions of the topics hold.
    async fn bounds(&self, topics: &[String]) -> Result<Vec<Bounds>, LogError>;

    /// Up to `max` events of one partition from offset `from` on, without joining a group.
    async fn read(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        max: usize,
    ) -> Result<Vec<Delivery>, LogError>;

    /// Ends background work and connections. Calls after it fail.
    async fn close(&self);
}

/// A member of a consumer group.
///
/// At most one batch of a partition is out at a time: the next one comes after the first was committed. A future
/// of `poll` or `commit` must be driven to its end, not dropped halfway; `poll` returns within about its timeout.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Waits up to `timeout` for events: at most one batch of at most `max` events for every partition that is
    /// held and has no batch out. Also keeps the membership alive, so it must be called all the time.
    async fn poll(&self, max: usize, timeout: Duration) -> Result<Vec<Batch>, LogError>;

    /// Ends the batches of these partitions. What a batch held at or above `next` is delivered again; `next` lies
    /// within the batch or just behind it.
    async fn commit(&self, done: &[Position]) -> Result<(), LogError>;

    /// The partitions held now.
    fn assignment(&self) -> Vec<(String, i32)>;

    /// Leaves the group at once; batches that are out count as not done.
    async fn close(&self) -> Result<(), LogError>;
}
