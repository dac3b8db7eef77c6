//! What goes into the log and what comes out of it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Header with the UUID of the event.
pub const EVENT_ID: &str = "event_id";
/// Header with the type of the event, such as `contact.created`.
pub const EVENT_TYPE: &str = "event_type";
/// Header with the UUID of the tenant in whose name it happened.
pub const TENANT_ID: &str = "tenant_id";
/// Header with the W3C trace context of whatever told the event; absent where that was not traced.
pub const TRACEPARENT: &str = "traceparent";
/// Header of a replayed dead letter: the one group that it is meant for.
pub const REPLAY_FOR: &str = "replay_for";

/// The largest payload in bytes: what an unconfigured Kafka broker takes, less room for headers.
pub const MAX_PAYLOAD: usize = 1_000_000;

/// The topic that takes what could not be handled.
pub fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}.dlq")
}

/// A topic as the contract declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: String,
    /// Fixed for good once the topic exists: another number would send keys elsewhere and break their order.
    pub partitions: i32,
    /// How long events stay, read or not.
    pub retention: Duration,
}

impl TopicSpec {
    /// The declaration of this topic's dead letters: one partition, kept four times as long.
    pub fn dead_letters(&self) -> TopicSpec {
        TopicSpec {
            name: dead_letter_topic(&self.name),
            partitions: 1,
            retention: self.retention.saturating_mul(4),
        }
    }
}

/// One event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    /// Events of one key stay in order.
    pub key: String,
    pub event_id: Uuid,
    pub tenant_id: Uuid,
    pub event_type: String,
    /// Further headers; the three above are added by the log.
    pub headers: BTreeMap<String, String>,
    pub payload: Bytes,
}

impl Record {
    /// Every header as it goes over the wire.
    pub fn wire_headers(&self) -> BTreeMap<String, String> {
        let mut headers = self.headers.clone();
        headers.insert(EVENT_ID.into(), self.event_id.to_string());
        headers.insert(TENANT_ID.into(), self.tenant_id.to_string());
        headers.insert(EVENT_TYPE.into(), self.event_type.clone());
        headers
    }
}

/// One event read from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: String,
    pub payload: Bytes,
    pub headers: BTreeMap<String, String>,
    /// When the log took it.
    pub timestamp: OffsetDateTime,
}

impl Delivery {
    /// The event's id; `None` when a stranger wrote the record.
    pub fn event_id(&self) -> Option<Uuid> {
        self.headers.get(EVENT_ID)?.parse().ok()
    }

    /// The tenant; `None` when a stranger wrote the record.
    pub fn tenant_id(&self) -> Option<Uuid> {
        self.headers.get(TENANT_ID)?.parse().ok()
    }

    /// What told it, as W3C trace context; empty when that was not traced.
    pub fn traceparent(&self) -> &str {
        self.headers.get(TRACEPARENT).map_or("", String::as_str)
    }

    /// The event's type, empty when a stranger wrote the record.
    pub fn event_type(&self) -> &str {
        self.headers.get(EVENT_TYPE).map_or("", String::as_str)
    }
}

/// Consecutive events of one partition, lent to the consumer until it commits.
#[derive(Debug, Clone)]
pub struct Batch {
    pub topic: String,
    pub partition: i32,
    pub deliveries: Vec<Delivery>,
    /// Cancelled when another member of the group wants the partition, or it is lost: finish the event at hand,
    /// start no other, commit.
    pub revoked: CancellationToken,
}

/// "Everything of this partition below `next` is done."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub topic: String,
    pub partition: i32,
    pub next: i64,
}

/// How far a group is behind in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    pub topic: String,
    pub partition: i32,
    /// The first offset that the group has not committed.
    pub committed: i64,
    /// The offset that the next event will get.
    pub end: i64,
    /// Events that are kept and not committed yet.
    pub lag: i64,
}

/// What a partition holds: offsets from `start` up to and without `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    pub topic: String,
    pub partition: i32,
    pub start: i64,
    pub end: i64,
}
