//! Counts in the memory of this process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::window::{Count, Quota};

/// Subjects counted at a time. Beyond it those go whose windows are over; then any.
const SUBJECTS_MAX: usize = 262_144;
const SHARDS: usize = 16;

/// Counts of the subjects, by a keyed hash of their names: two that share one would share a limit,
/// which nobody can bring about on purpose.
pub(crate) struct Memory {
    hasher: RandomState,
    started: Instant,
    shards: [Mutex<HashMap<u64, Window>>; SHARDS],
}

enum Change {
    Enter,
    Leave,
    Nothing,
}

#[derive(Clone, Copy)]
struct Window {
    index: u64,
    current: u32,
    previous: u32,
    /// Milliseconds since the start at which the counts mean nothing any more.
    over: u64,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { hasher: RandomState::new(), started: Instant::now(), shards }
    }

    /// Counts one call for every subject if all have room, and for none otherwise. Gives the counts
    /// before the call. However many calls come at the same moment, none of the limits is passed.
    pub(crate) fn take(&self, subjects: &[(String, Quota)]) -> Vec<Count> {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut counts = Vec::with_capacity(subjects.len());
        for (name, quota) in subjects {
            let count = self.count(name, *quota, now, Change::Enter);
            counts.push(count);
            if !quota.has_room(count) {
                break;
            }
        }
        let full = counts.last().zip(subjects.get(counts.len() - 1));
        if full.is_some_and(|(count, (_, quota))| !quota.has_room(*count)) {
            let entered = counts.len() - 1;
            for (name, quota) in &subjects[..entered] {
                self.count(name, *quota, now, Change::Leave);
            }
            for (name, quota) in &subjects[counts.len()..] {
                counts.push(self.count(name, *quota, now, Change::Nothing));
            }
        }
        counts
    }

    /// The count of one subject.
    pub(crate) fn look(&self, name: &str, quota: Quota) -> Count {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.count(name, quota, now, Change::Nothing)
    }

    /// The count before the change. Nobody enters where there is no room.
    fn count(&self, name: &str, quota: Quota, now: u64, change: Change) -> Count {
        let key = self.hasher.hash_one(name);
        let shard = &self.shards[key as usize % SHARDS];
        let mut windows = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let length = quota.millis().max(1);
        let (index, elapsed) = (now / length, now % length);
        let known = windows.get(&key).copied();
        let mut window = match known {
            Some(window) if window.index == index => window,
            Some(window) if window.index + 1 == index => {
                Window { index, current: 0, previous: window.current, over: 0 }
            }
            _ => Window { index, current: 0, previous: 0, over: 0 },
        };
        let count = Count { previous: window.previous, current: window.current, elapsed };
        match change {
            Change::Enter if quota.has_room(count) => window.current += 1,
            Change::Leave => window.current = window.current.saturating_sub(1),
            _ => return count,
        }
        if known.is_none() && windows.len() >= SUBJECTS_MAX / SHARDS {
            windows.retain(|_, window| window.over > now);
            if windows.len() >= SUBJECTS_MAX / SHARDS {
                let any = windows.keys().next().copied();
                any.map(|key| windows.remove(&key));
            }
        }
        window.over = (index + 2) * length;
        windows.insert(key, window);
        count
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_subjects_are_counted_or_none() {
        let memory = Memory::new();
        let subjects = |user: &str| {
            let quota = |limit| Quota { limit, seconds: 3600 };
            [(user.to_owned(), quota(3)), ("tenant".to_owned(), quota(5))]
        };
        let room = |user: &str| {
            let subjects = subjects(user);
            memory.take(&subjects).iter().zip(&subjects).all(|(count, (_, quota))| quota.has_room(*count))
        };
        assert!(room("a") && room("a") && room("a") && !room("a"));
        assert!(room("b") && room("b"), "what was refused took nothing of the tenant's");
        assert!(!room("b"), "the tenant's five are spent");
    }

    #[test]
    fn no_limit_is_passed_at_the_same_moment() {
        let memory = Memory::new();
        let quota = Quota { limit: 1_000, seconds: 3600 };
        let passed = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let count = memory.take(&[("one".to_owned(), quota)])[0];
                        passed.fetch_add(quota.has_room(count).into(), std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 1_000);
    }

    #[test]
    fn memory_is_bounded() {
        let memory = Memory::new();
        let quota = Quota { limit: 1, seconds: 3600 };
        for index in 0..SUBJECTS_MAX + 50_000 {
            memory.take(&[(index.to_string(), quota)]);
        }
        assert!(memory.len() <= SUBJECTS_MAX);
    }
}
