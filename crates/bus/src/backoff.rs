//! Waiting between tries.

use std::time::Duration;

use rand::Rng;

/// How often and how patiently something is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries in all, the first one included.
    pub attempts: u32,
    /// Wait after the first failure; each further one is `factor` times as long.
    pub first: Duration,
    pub factor: u32,
    /// No wait is longer.
    pub longest: Duration,
}

impl Default for Retry {
    /// Five tries over about fifteen seconds: long enough for a peer to restart.
    fn default() -> Self {
        Retry { attempts: 5, first: Duration::from_millis(200), factor: 4, longest: Duration::from_secs(10) }
    }
}

impl Retry {
    /// The wait after the failure of try number `attempt` (from 1), with up to a fifth taken off at random, so that
    /// members that failed together do not come back together.
    pub fn delay(&self, attempt: u32) -> Duration {
        let grown = self.first.saturating_mul(self.factor.saturating_pow(attempt.saturating_sub(1)));
        grown.min(self.longest).mul_f64(rand::rng().random_range(0.8..=1.0))
    }
}

/// An endless row of growing waits, for what must come back some day: a broker, a database.
#[derive(Debug, Clone)]
pub struct Backoff {
    retry: Retry,
    failures: u32,
}

impl Backoff {
    /// Starts at `first`, doubles up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Backoff { retry: Retry { attempts: u32::MAX, first, factor: 2, longest }, failures: 0 }
    }

    /// The wait after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.retry.delay(self.failures)
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Waits grow by the factor, stay under the cap, and never overflow.
    #[test]
    fn grows_to_the_cap() {
        let retry = Retry::default();
        assert!(retry.delay(1) <= Duration::from_millis(200));
        assert!(retry.delay(2) > Duration::from_millis(600));
        assert!(retry.delay(u32::MAX) <= Duration::from_secs(10));
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
        for _ in 0..100 {
            assert!(backoff.next_delay() <= Duration::from_secs(1));
        }
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(10));
    }
}
