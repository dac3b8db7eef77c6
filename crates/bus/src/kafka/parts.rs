//! The partitions of a consumer: what was fetched, what is out, what is being taken away.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Batch, Delivery, LogError, Position};

/// A partition with more events fetched than this fetches no more until half of them are gone.
const FULL: usize = 1_000;

/// Topic and partition.
pub(super) type Place = (String, i32);

#[derive(Default)]
struct Part {
    fetched: VecDeque<Delivery>,
    out: Option<Out>,
    /// Done up to here, as far as it is not known that the broker has taken its commit.
    done: Option<i64>,
    /// Being handed over: gives out nothing more.
    leaving: bool,
    paused: bool,
}

struct Out {
    revoked: CancellationToken,
    deliveries: Vec<Delivery>,
}

#[derive(Default)]
struct State {
    parts: HashMap<Place, Part>,
    fatal: Option<String>,
    closing: bool,
}

/// Shared by the thread that polls librdkafka and the tasks that handle events.
#[derive(Default)]
pub(super) struct Parts {
    state: Mutex<State>,
    /// A batch came back.
    returned: Condvar,
    /// There is something to give out, or something is wrong.
    pub(super) changed: Notify,
}

impl Parts {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes what was fetched; `true` when the partition is full now and should be paused.
    pub(super) fn push(&self, delivery: Delivery) -> bool {
        let mut state = self.lock();
        let Some(part) = state.parts.get_mut(&(delivery.topic.clone(), delivery.partition)) else {
            return false;
        };
        if part.leaving {
            return false;
        }
        part.fetched.push_back(delivery);
        let full = part.fetched.len() >= FULL && !part.paused;
        part.paused |= full;
        let ready = part.out.is_none();
        drop(state);
        if ready {
            self.changed.notify_one();
        }
        full
    }

    /// The paused partitions that may fetch again.
    pub(super) fn resume(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (place, part) in &mut self.lock().parts {
            if part.paused && part.fetched.len() <= FULL / 2 {
                part.paused = false;
                places.push(place.clone());
            }
        }
        places
    }

    /// One batch for every partition that has events and no batch out.
    pub(super) fn take(&self, max: usize) -> Result<Vec<Batch>, LogError> {
        let mut state = self.lock();
        if let Some(fatal) = &state.fatal {
            return Err(LogError::Fatal(fatal.clone()));
        }
        let mut batches = Vec::new();
        for ((topic, partition), part) in &mut state.parts {
            if part.out.is_some() || part.leaving || part.fetched.is_empty() {
                continue;
            }
            let count = part.fetched.len().min(max);
            let deliveries: Vec<Delivery> = part.fetched.drain(..count).collect();
            let revoked = CancellationToken::new();
            part.out = Some(Out { revoked: revoked.clone(), deliveries: deliveries.clone() });
            batches.push(Batch { topic: topic.clone(), partition: *partition, deliveries, revoked });
        }
        Ok(batches)
    }

    /// A batch came back; what lies at or above `next` is given out again.
    pub(super) fn give_back(&self, place: &Place, next: i64) {
        let mut state = self.lock();
        if let Some(part) = state.parts.get_mut(place)
            && let Some(out) = part.out.take()
            && !part.leaving
        {
            for delivery in out.deliveries.into_iter().rev().take_while(|d| d.offset >= next) {
                part.fetched.push_front(delivery);
            }
        }
        drop(state);
        self.returned.notify_all();
        self.changed.notify_one();
    }

    /// Takes note of positions whose commit is sent.
    pub(super) fn note_done(&self, positions: &[Position]) {
        let mut state = self.lock();
        for p in positions {
            if let Some(part) = state.parts.get_mut(&(p.topic.clone(), p.partition)) {
                part.done = part.done.max(Some(p.next));
            }
        }
    }

    /// Takes note of what the broker says is committed.
    pub(super) fn taken(&self, list: &TopicPartitionList) {
        let mut state = self.lock();
        for element in list.elements() {
            let place = (element.topic().to_owned(), element.partition());
            let Some(part) = state.parts.get_mut(&place) else { continue };
            if let Offset::Offset(committed) = element.offset()
                && part.done <= Some(committed)
            {
                part.done = None;
            }
        }
    }

    /// What is done and perhaps not committed, of all partitions or of those in the list.
    pub(super) fn done(&self, only: Option<&TopicPartitionList>) -> Vec<Position> {
        let only = only.map(places);
        let state = self.lock();
        let wanted = state.parts.iter().filter(|(place, _)| only.as_ref().is_none_or(|o| o.contains(place)));
        wanted
            .filter_map(|((topic, partition), part)| {
                Some(Position { topic: topic.clone(), partition: *partition, next: part.done? })
            })
            .collect()
    }

    pub(super) fn holds(&self, place: &Place) -> bool {
        self.lock().parts.contains_key(place)
    }

    pub(super) fn held(&self) -> Vec<Place> {
        self.lock().parts.keys().cloned().collect()
    }

    pub(super) fn assigned(&self, list: &TopicPartitionList) {
        let mut state = self.lock();
        for place in places(list) {
            state.parts.insert(place, Part::default());
        }
    }

    /// Stops the partitions and waits, not longer than `limit`, until their batches are back.
    pub(super) fn leave(&self, list: &TopicPartitionList, limit: Duration) {
        let leaving = places(list);
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        for place in &leaving {
            let Some(part) = state.parts.get_mut(place) else { continue };
            part.leaving = true;
            part.fetched.clear();
            if let Some(out) = &part.out {
                out.revoked.cancel();
            }
        }
        let busy = |s: &State| leaving.iter().any(|p| s.parts.get(p).is_some_and(|part| part.out.is_some()));
        while busy(&state) && !state.closing {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            state = self.returned.wait_timeout(state, left).unwrap_or_else(|e| e.into_inner()).0;
        }
    }

    pub(super) fn removed(&self, list: &TopicPartitionList) {
        let mut state = self.lock();
        for place in places(list) {
            state.parts.remove(&place);
        }
    }

    /// No retry mends this.
    pub(super) fn fail(&self, reason: String) {
        self.lock().fatal = Some(reason);
        self.changed.notify_one();
    }

    /// Nobody waits for batches any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        for out in state.parts.values().filter_map(|part| part.out.as_ref()) {
            out.revoked.cancel();
        }
        drop(state);
        self.returned.notify_all();
    }
}

fn places(list: &TopicPartitionList) -> Vec<Place> {
    list.elements().iter().map(|e| (e.topic().to_owned(), e.partition())).collect()
}
