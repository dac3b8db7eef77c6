//! What all calls of one service share.

use std::sync::Arc;
use std::time::Duration;

use kit::{Clock, IdSource, SystemClock, UuidV7};
use sqlx::PgPool;
use tokio::sync::{Notify, watch};

use crate::cx::Batches;
use crate::group::Member;
use crate::peer::Peers;
use crate::turns::Turns;

/// What all calls of one service share: database, clock, ids, peers. Cheap to clone.
#[derive(Clone)]
pub struct Env(Arc<Inner>);

struct Inner {
    service: &'static str,
    pool: PgPool,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    peers: Arc<dyn Peers>,
    outbox_wake: Arc<Notify>,
    jobs_wake: Arc<Notify>,
    groups: Arc<Turns<Member>>,
    batches: Arc<Batches>,
    system_role: String,
    draining: Arc<watch::Sender<bool>>,
}

/// How long a call may take that came without a deadline.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

impl Env {
    /// The surroundings of a service, with the machine's clock and ids.
    pub fn new(service: &'static str, pool: PgPool, peers: Arc<dyn Peers>) -> Self {
        let login = pool.connect_options().get_username().to_owned();
        Self(Arc::new(Inner {
            service,
            pool,
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidV7),
            peers,
            outbox_wake: Arc::new(Notify::new()),
            jobs_wake: Arc::new(Notify::new()),
            groups: Arc::default(),
            batches: Arc::default(),
            system_role: format!("{login}_system"),
            draining: Arc::new(watch::Sender::new(false)),
        }))
    }

    /// The same surroundings with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        let inner = &self.0;
        Self(Arc::new(Inner {
            service: inner.service,
            pool: inner.pool.clone(),
            clock,
            ids: inner.ids.clone(),
            peers: inner.peers.clone(),
            outbox_wake: inner.outbox_wake.clone(),
            jobs_wake: inner.jobs_wake.clone(),
            groups: inner.groups.clone(),
            batches: inner.batches.clone(),
            system_role: inner.system_role.clone(),
            draining: inner.draining.clone(),
        }))
    }

    /// The service's name, such as `crm`.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// The database of the service.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// The source of ids.
    pub fn ids(&self) -> &dyn IdSource {
        &*self.0.ids
    }

    /// The other services.
    pub fn peers(&self) -> &Arc<dyn Peers> {
        &self.0.peers
    }

    /// Woken when a transaction has left events in the outbox.
    pub fn outbox_wake(&self) -> &Arc<Notify> {
        &self.0.outbox_wake
    }

    /// Woken when a transaction has left jobs that are due.
    pub fn jobs_wake(&self) -> &Arc<Notify> {
        &self.0.jobs_wake
    }

    /// The calls that wait to be written together.
    pub(crate) fn groups(&self) -> &Arc<Turns<Member>> {
        &self.0.groups
    }

    /// Those who wait to ask the database together.
    pub(crate) fn batches(&self) -> &Batches {
        &self.0.batches
    }

    /// Ends the streams that are open: the process is to stop, and a stream has no end of its own.
    pub fn drain(&self) {
        self.0.draining.send_replace(true);
    }

    /// Resolves once the process is to stop.
    pub async fn draining(&self) {
        let mut draining = self.0.draining.subscribe();
        // The sender lives as long as this environment.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    /// The role behind the second door.
    pub fn system_role(&self) -> &str {
        &self.0.system_role
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("service", &self.0.service).finish_non_exhaustive()
    }
}
