//! Connections: how many one address may have, and whether one is idle.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The open connections of every address.
#[derive(Default)]
pub(crate) struct PerAddress {
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl PerAddress {
    /// A place for one more connection. None: the address has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { all: self.clone(), address })
    }
}

/// A connection of an address, until it is dropped.
pub(crate) struct Place {
    all: Arc<PerAddress>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.all.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// Which requests of a connection are under way.
pub(crate) struct Activity {
    open: AtomicUsize,
    /// Requests ever begun: whether there was one since is all that matters.
    begun: AtomicUsize,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(0), begun: AtomicUsize::new(0) })
    }

    /// A request begins; it ends when the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Returns once no request was under way for as long as the limit, give or take half of it.
    pub(crate) async fn idle(&self, limit: Duration) {
        let mut begun = self.begun.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            tokio::time::sleep(limit / 2).await;
            let now = self.begun.load(Ordering::Relaxed);
            if now != begun || self.open.load(Ordering::Relaxed) > 0 {
                begun = now;
                since = Instant::now();
            } else if since.elapsed() >= limit {
                return;
            }
        }
    }
}

/// A request under way.
pub(crate) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
