//! A member of a group on the PostgreSQL log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::session::{Membership, Session};
use super::wake::Waiter;
use super::{STATEMENT_TIMEOUT, Shared, db_error};
use crate::{Batch, Consumer, LogError, Position};

/// Looks are at least this far apart.
const LOOK_PACE: Duration = Duration::from_millis(40);

pub(super) struct PgConsumer {
    shared: Arc<Shared>,
    who: Membership,
    waiter: Arc<Waiter>,
    /// `None` after the connection broke, until the next poll makes another one.
    session: tokio::sync::Mutex<Option<Session>>,
    /// When to look unwoken.
    next_look: Mutex<Instant>,
    /// Woken or not, no look before this time.
    no_look_before: Mutex<Instant>,
    assignment: Mutex<Vec<(String, i32)>>,
}

impl PgConsumer {
    pub(super) async fn join(shared: Arc<Shared>, group: &str, topics: &[String]) -> Result<Self, LogError> {
        let who = Membership { group: group.to_owned(), topics: topics.to_vec() };
        let waiter = shared.wakes.register(group, topics);
        let session = bounded(Session::open(&shared, &who)).await?;
        Ok(PgConsumer {
            shared,
            who,
            waiter,
            session: tokio::sync::Mutex::new(Some(session)),
            next_look: Mutex::new(Instant::now()),
            no_look_before: Mutex::new(Instant::now()),
            assignment: Mutex::default(),
        })
    }

    /// One look at the group and the log. On any error the session is given up, and with it every partition: the
    /// server frees them when the connection closes, at the latest when it notices.
    async fn look(&self, max: usize) -> Result<Vec<Batch>, LogError> {
        let mut slot = self.session.lock().await;
        let mut session = match slot.take() {
            Some(session) => session,
            None => bounded(Session::open(&self.shared, &self.who)).await?,
        };
        let looked = session.look(&self.shared, &self.who, &self.waiter, max);
        match bounded(looked).await {
            Ok(batches) => {
                self.remember(&session);
                self.look_at(session.next_tick());
                *slot = Some(session);
                Ok(batches)
            }
            Err(error) => {
                self.lose(&session);
                Err(error)
            }
        }
    }

    /// Waits until it is time for another look: a busy consumer takes many events at a time, an idle one looks at
    /// once.
    async fn keep_pace(&self) {
        let until = *self.no_look_before.lock().unwrap_or_else(|e| e.into_inner());
        tokio::time::sleep_until(until).await;
        *self.no_look_before.lock().unwrap_or_else(|e| e.into_inner()) = Instant::now() + LOOK_PACE;
    }

    fn look_at(&self, time: Instant) {
        *self.next_look.lock().unwrap_or_else(|e| e.into_inner()) = time;
    }

    fn remember(&self, session: &Session) {
        let held = session.held.values().map(|h| (h.topic.clone(), h.partition)).collect();
        *self.assignment.lock().unwrap_or_else(|e| e.into_inner()) = held;
    }

    fn lose(&self, session: &Session) {
        session.revoke_all();
        self.look_at(Instant::now());
        self.assignment.lock().unwrap_or_else(|e| e.into_inner()).clear();
    }
}

/// The statement time-out of the server does not help when the server is gone.
async fn bounded<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, LogError> {
    match tokio::time::timeout(STATEMENT_TIMEOUT * 2, work).await {
        Ok(done) => done.map_err(db_error),
        Err(_) => Err(LogError::Unavailable("the database does not answer".into())),
    }
}

#[async_trait]
impl Consumer for PgConsumer {
    async fn poll(&self, max: usize, timeout: Duration) -> Result<Vec<Batch>, LogError> {
        let deadline = Instant::now() + timeout;
        loop {
            if self.shared.closed.is_cancelled() {
                return Err(LogError::Fatal("the event log was closed".into()));
            }
            let due = *self.next_look.lock().unwrap_or_else(|e| e.into_inner());
            // Unwoken there is nothing to see: an idle consumer costs one look a tick.
            tokio::select! {
                biased;
                () = self.waiter.look.notified() => {}
                () = tokio::time::sleep_until(due) => {}
                () = tokio::time::sleep_until(deadline) => return Ok(Vec::new()),
                () = self.shared.closed.cancelled() => continue,
            }
            self.keep_pace().await;
            let batches = self.look(max.max(1)).await?;
            if !batches.is_empty() {
                return Ok(batches);
            }
        }
    }

    async fn commit(&self, done: &[Position]) -> Result<(), LogError> {
        let mut slot = self.session.lock().await;
        let mut lost = None;
        let mut ours = Vec::new();
        for position in done {
            let held = slot.as_ref().and_then(|s| {
                s.held.iter().find(|(_, h)| h.topic == position.topic && h.partition == position.partition)
            });
            match held {
                Some((id, _)) => ours.push((*id, position.next)),
                None => lost = Some(position),
            }
        }
        if !ours.is_empty()
            && let Some(mut session) = slot.take()
        {
            let committed = bounded(session.commit(&self.shared, &self.who, &ours)).await;
            if let Err(error) = committed {
                self.lose(&session);
                return Err(error);
            }
            self.remember(&session);
            *slot = Some(session);
        }
        drop(slot);
        // The partitions that are free again may have more.
        self.waiter.look.notify_one();
        match lost {
            None => Ok(()),
            Some(p) => Err(LogError::NotOwner { topic: p.topic.clone(), partition: p.partition }),
        }
    }

    fn assignment(&self) -> Vec<(String, i32)> {
        self.assignment.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    async fn close(&self) -> Result<(), LogError> {
        let session = self.session.lock().await.take();
        if let Some(session) = session {
            self.lose(&session);
            bounded(session.leave()).await?;
            self.shared.wakes.group(&self.who.group);
        }
        Ok(())
    }
}
