//! Who must look at the log now: in this process directly, in others by `NOTIFY`.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use rand::Rng;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;

use super::Shared;

const CHANNEL: &str = "bus";

/// A consumer as the waker sees it.
#[derive(Default)]
pub(super) struct Waiter {
    /// There may be something to do.
    pub(super) look: Notify,
    /// The group's members changed: share out the partitions anew.
    pub(super) members_changed: AtomicBool,
}

/// The waiters of this process and the news for the others.
pub(super) struct Wakes {
    /// By `t <topic>` and `g <group>`.
    waiters: Mutex<HashMap<String, Vec<Weak<Waiter>>>>,
    /// What others were not told yet. A set: a thousand publishes in a row are one message.
    news: Mutex<BTreeSet<String>>,
    has_news: Notify,
    /// Tells our own notifications from those of others.
    process: u64,
}

impl Wakes {
    pub(super) fn new() -> Self {
        Wakes {
            waiters: Mutex::default(),
            news: Mutex::default(),
            has_news: Notify::new(),
            process: rand::rng().random(),
        }
    }

    /// Events were appended.
    pub(super) fn topic(&self, topic: &str) {
        self.tell(format!("t {topic}"));
    }

    /// A member of the group came or went, or gave a partition back.
    pub(super) fn group(&self, group: &str) {
        self.tell(format!("g {group}"));
    }

    pub(super) fn register(&self, group: &str, topics: &[String]) -> Arc<Waiter> {
        let waiter = Arc::new(Waiter::default());
        let mut waiters = lock(&self.waiters);
        for name in topics.iter().map(|t| format!("t {t}")).chain([format!("g {group}")]) {
            let list = waiters.entry(name).or_default();
            list.retain(|w| w.strong_count() > 0);
            list.push(Arc::downgrade(&waiter));
        }
        waiter
    }

    fn tell(&self, name: String) {
        self.wake(&name);
        lock(&self.news).insert(name);
        self.has_news.notify_one();
    }

    fn wake(&self, name: &str) {
        for waiter in lock(&self.waiters).get(name).into_iter().flatten().filter_map(Weak::upgrade) {
            if name.starts_with("g ") {
                waiter.members_changed.store(true, Ordering::Release);
            }
            waiter.look.notify_one();
        }
    }

    fn wake_all(&self) {
        for waiter in lock(&self.waiters).values().flatten().filter_map(Weak::upgrade) {
            waiter.look.notify_one();
        }
    }
}

/// A poisoned lock only says that another thread panicked; the maps inside are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Sends the news to other processes. Apart from the publish, because `NOTIFY` holds a lock of the whole server at
/// commit: publishers would queue for it with their disk writes, this little transaction writes none that it waits for.
pub(super) async fn announce(shared: Arc<Shared>) {
    let wakes = &shared.wakes;
    loop {
        tokio::select! {
            () = shared.closed.cancelled() => return,
            () = wakes.has_news.notified() => {}
        }
        let payloads: Vec<String> = std::mem::take(&mut *lock(&wakes.news))
            .into_iter()
            .map(|name| format!("{:x} {name}", wakes.process))
            .collect();
        if payloads.is_empty() {
            continue;
        }
        if let Err(error) = notify(&shared, &payloads).await {
            // Nothing is lost: who does not hear looks by himself at the next tick.
            tracing::debug!(%error, "cannot notify other consumers of the event log");
        }
    }
}

async fn notify(shared: &Shared, payloads: &[String]) -> Result<(), sqlx::Error> {
    let mut tx = shared.pool.begin().await?;
    sqlx::query("set local synchronous_commit = off").execute(&mut *tx).await?;
    sqlx::query("select pg_notify($1, p) from unnest($2::text[]) p")
        .bind(CHANNEL)
        .bind(payloads)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// Hears the news of other processes.
pub(super) async fn listen(shared: Arc<Shared>) {
    while !shared.closed.is_cancelled() {
        let heard = tokio::select! {
            () = shared.closed.cancelled() => return,
            heard = hear(&shared) => heard,
        };
        if let Err(error) = heard {
            tracing::debug!(%error, "not listening to the event log, polling");
            tokio::select! {
                () = shared.closed.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}

async fn hear(shared: &Shared) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&shared.pool).await?;
    listener.listen(CHANNEL).await?;
    let own = format!("{:x}", shared.wakes.process);
    loop {
        // Whatever was said before now or while the connection was down is lost: look once.
        shared.wakes.wake_all();
        while let Some(news) = listener.try_recv().await? {
            match news.payload().split_once(' ') {
                Some((process, name)) if process != own => shared.wakes.wake(name),
                _ => {}
            }
        }
    }
}
