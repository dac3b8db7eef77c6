//! The machine's clock with an offset that a test turns.

use std::sync::atomic::{AtomicI64, Ordering};

use kit::{Clock, Duration, OffsetDateTime, SystemClock};

/// Runs like the machine's clock, ahead of it by what a test has turned.
#[derive(Debug, Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Turns the clock forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.whole_microseconds()).expect("a test turns by less than an age");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now() + Duration::microseconds(self.0.load(Ordering::SeqCst))
    }
}
