//! The event log of the mesh, and everything above it that every service needs.
//!
//! [`EventLog`] is the one interface; [`PgLog`] (a PostgreSQL database of its own) and `KafkaLog` (Apache
//! Kafka) implement it, and [`connect`] picks one by configuration. Written once above them:
//!
//! * [`Relay`] moves the rows of a service's outbox to the log;
//! * [`run_consumer`] hands events to a [`Handler`], retries, sets poison aside, commits;
//! * [`DeadLetter`] and [`replay`] keep what failed and send it again;
//! * [`inbox`] is the dedupe that a handler does inside its own transaction;
//! * [`Tail`] reads the newest events for a person.
//!
//! The promise is *at least once, in order per key*: a publish returns after the log is durable, an offset is
//! committed after the effect. Together with the outbox and the inbox an effect happens exactly once.

mod backoff;
mod commits;
mod config;
mod consume;
mod dead_letters;
pub mod inbox;
#[cfg(feature = "kafka")]
mod kafka;
mod log;
mod outbox;
pub mod partition;
mod pg;
mod record;
mod relay;
mod tail;

pub use backoff::{Backoff, Retry};
pub use config::{LogConfig, connect};
pub use consume::{ConsumerConfig, HandleError, Handler, run_consumer};
pub use dead_letters::{BoxError, DeadLetter, DeadLetterSink, KeptLetter, Letters, PgDeadLetters, replay};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaConfig, KafkaLog};
pub use log::{Consumer, EventLog, LogError};
pub use pg::{PgLog, PgLogConfig};
pub use record::{
    Batch, Bounds, Delivery, EVENT_ID, EVENT_TYPE, Lag, MAX_PAYLOAD, Position, REPLAY_FOR, Record, TENANT_ID,
    TopicSpec, dead_letter_topic,
};
pub use relay::{Relay, RelayConfig};
pub use tail::Tail;
