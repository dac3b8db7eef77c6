//! One look at the event log for all who watch it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bus::{Delivery, EventLog, LogError, Tail};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, broadcast};

/// How often the log is looked at while somebody watches.
const PAUSE: Duration = Duration::from_millis(200);
/// How long to wait after the log could not be read.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(2);
/// Events read at a time from a partition.
const BATCH: usize = 500;
/// Events kept for a watcher that is slower than the log; whoever is slower still reads the log itself.
const KEPT: usize = 4_096;
/// Watchers at a time in one process.
pub(crate) const WATCHERS_MAX: usize = 10_000;

/// Reads the log while somebody watches, once for all.
pub(crate) struct Hub {
    log: Arc<dyn EventLog>,
    topics: Vec<String>,
    sender: broadcast::Sender<Arc<Delivery>>,
    /// Whether the log is being read. Held while that changes.
    reads: Mutex<bool>,
}

impl Hub {
    pub fn new(log: Arc<dyn EventLog>, topics: Vec<String>) -> Arc<Self> {
        Arc::new(Self { log, topics, sender: broadcast::Sender::new(KEPT), reads: Mutex::new(false) })
    }

    /// Everything behind `tail`. `None`: too many watch.
    pub async fn watch(self: &Arc<Self>, tail: Tail) -> Result<Option<Watcher>, LogError> {
        if self.sender.receiver_count() >= WATCHERS_MAX {
            return Ok(None);
        }
        let mut reads = self.reads.lock().await;
        if !*reads {
            let (_, start) = Tail::start(&*self.log, &self.topics, 0, |_| false).await?;
            tokio::spawn(self.clone().read(start));
            *reads = true;
        }
        // From here on nothing is missed: what came before is in the log, where the watcher catches up.
        let receiver = self.sender.subscribe();
        let (handed, ready) = (tail.clone(), VecDeque::new());
        Ok(Some(Watcher { hub: self.clone(), tail, handed, receiver, ready, behind: true }))
    }

    async fn read(self: Arc<Self>, mut tail: Tail) {
        loop {
            let mut reads = self.reads.lock().await;
            if self.sender.receiver_count() == 0 {
                *reads = false;
                return;
            }
            drop(reads);
            let pause = match tail.more(&*self.log, BATCH).await {
                Ok(events) => {
                    for event in events {
                        // Nobody may be left to hear it.
                        let _ = self.sender.send(Arc::new(event));
                    }
                    PAUSE
                }
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be watched");
                    PAUSE_AFTER_ERROR
                }
            };
            tokio::time::sleep(pause).await;
        }
    }
}

/// Hears every event once.
pub(crate) struct Watcher {
    hub: Arc<Hub>,
    tail: Tail,
    /// Behind what was handed out.
    handed: Tail,
    receiver: broadcast::Receiver<Arc<Delivery>>,
    ready: VecDeque<Arc<Delivery>>,
    /// Whether there may be events in the log that the receiver does not have.
    behind: bool,
}

impl Watcher {
    /// The next event, when there is one.
    pub async fn next(&mut self) -> Result<Arc<Delivery>, LogError> {
        let event = self.find().await?;
        self.handed.pass(&event);
        Ok(event)
    }

    /// Behind everything handed out so far.
    pub fn handed(&self) -> &Tail {
        &self.handed
    }

    async fn find(&mut self) -> Result<Arc<Delivery>, LogError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if self.behind {
                let events = self.tail.more(&*self.hub.log, BATCH).await?;
                self.behind = !events.is_empty();
                self.ready.extend(events.into_iter().map(Arc::new));
                continue;
            }
            match self.receiver.recv().await {
                Ok(event) if self.tail.pass(&event) => return Ok(event),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.behind = true,
                // The hub lives as long as its watchers.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
