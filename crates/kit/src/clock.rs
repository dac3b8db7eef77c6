//! Time and ids as parameters, so that tests can turn the clock and runs can be repeated.

use std::sync::Mutex;

use time::OffsetDateTime;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The current instant in UTC, cut to microseconds, which is what PostgreSQL keeps.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> OffsetDateTime {
        to_micros(OffsetDateTime::now_utc())
    }
}

/// A clock that a test sets and turns.
#[derive(Debug)]
pub struct ManualClock(Mutex<OffsetDateTime>);

impl ManualClock {
    /// A clock that stands at the given instant.
    pub fn new(start: OffsetDateTime) -> Self {
        Self(Mutex::new(to_micros(start)))
    }

    /// Turns the clock forward.
    pub fn advance(&self, by: time::Duration) {
        *self.0.lock().expect("a panic while holding the clock ends the test anyway") += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().expect("a panic while holding the clock ends the test anyway")
    }
}

fn to_micros(instant: OffsetDateTime) -> OffsetDateTime {
    let micros = instant.nanosecond() / 1_000;
    instant.replace_nanosecond(micros * 1_000).expect("a smaller nanosecond part stays in range")
}

/// Gives ids for new rows and events.
pub trait IdSource: Send + Sync + 'static {
    /// A new id that sorts after those given before it in the same process.
    fn new_id(&self) -> Uuid;
}

/// UUID version 7 from the machine's clock: sortable by time of making.
#[derive(Debug, Default, Clone, Copy)]
pub struct UuidV7;

impl IdSource for UuidV7 {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
