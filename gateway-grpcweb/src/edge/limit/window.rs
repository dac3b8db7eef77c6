//! Sliding windows: the arithmetic that both stores share.
//!
//! Calls are counted in windows of fixed length. What happened in the last one counts in part, the
//! less the older the present one is, so that a caller cannot spend two windows' worth at the turn
//! from one to the next.

use std::time::Duration;

/// A limit: so many calls in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: u32,
    pub(crate) seconds: u32,
}

/// The calls counted for one subject of one quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) previous: u32,
    pub(crate) current: u32,
    /// Milliseconds of the present window that have passed.
    pub(crate) elapsed: u64,
}

impl Quota {
    pub(crate) fn millis(self) -> u64 {
        u64::from(self.seconds) * 1000
    }

    /// Whether one more call fits.
    pub(crate) fn has_room(self, count: Count) -> bool {
        self.used(count) + u64::from(count.current) < u64::from(self.limit)
    }

    /// How many more calls fit now.
    pub(crate) fn remaining(self, count: Count) -> u32 {
        let used = self.used(count) + u64::from(count.current);
        u32::try_from(u64::from(self.limit).saturating_sub(used)).unwrap_or(0)
    }

    /// Until the present window ends.
    pub(crate) fn reset(self, count: Count) -> Duration {
        Duration::from_millis(self.millis().saturating_sub(count.elapsed))
    }

    /// Until one more call fits, when none does.
    pub(crate) fn wait(self, count: Count) -> Duration {
        let window = self.millis();
        // What may be left of the older window's calls.
        let room = |current: u32| u64::from(self.limit).saturating_sub(1 + u64::from(current));
        let faded = |calls: u32, room: u64| {
            let calls = u64::from(calls).max(1);
            window.saturating_sub(window * (room + 1).min(calls) / calls) + 1
        };
        let millis = if count.current < self.limit {
            faded(count.previous, room(count.current)).saturating_sub(count.elapsed)
        } else {
            window.saturating_sub(count.elapsed) + faded(count.current, room(0))
        };
        Duration::from_millis(millis.max(1))
    }

    /// What the last window still counts for, in whole calls.
    fn used(self, count: Count) -> u64 {
        let left = self.millis().saturating_sub(count.elapsed);
        u64::from(count.previous) * left / self.millis().max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_window_fades() {
        let quota = Quota { limit: 100, seconds: 60 };
        let at = |previous, current, elapsed| Count { previous, current, elapsed };
        assert_eq!(quota.remaining(at(0, 0, 0)), 100);
        assert_eq!(quota.remaining(at(100, 0, 0)), 0);
        assert_eq!(quota.remaining(at(100, 0, 30_000)), 50);
        assert_eq!(quota.remaining(at(100, 50, 30_000)), 0);
        assert_eq!(quota.reset(at(0, 0, 15_000)), Duration::from_secs(45));
        assert!(!quota.has_room(at(0, 100, 59_000)));
        let none = Quota { limit: 0, seconds: 60 };
        assert!(!none.has_room(at(0, 0, 0)));
    }

    proptest! {
        #[test]
        fn after_the_wait_there_is_room(
            limit in 1..5_000_u32, seconds in 1..86_400_u32, before in 0..=1_000_u32, now in 0..=1_000_u32, part in 0..1_000_u64,
        ) {
            // Nobody gets more than the limit in a window, of which these are thousandths.
            let (previous, current) = (limit * before / 1_000, limit * now / 1_000);
            let quota = Quota { limit, seconds };
            let count = Count { previous, current, elapsed: quota.millis() * part / 1_000 };
            if quota.has_room(count) {
                return Ok(());
            }
            let then = count.elapsed + quota.wait(count).as_millis() as u64;
            let then = if then < quota.millis() {
                Count { elapsed: then, ..count }
            } else {
                Count { previous: current, current: 0, elapsed: then - quota.millis() }
            };
            prop_assert!(then.elapsed <= quota.millis() + 1, "{then:?}");
            prop_assert!(quota.has_room(then), "{quota:?} {count:?} {then:?}");
        }
    }
}
