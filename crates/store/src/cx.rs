//! The one argument of every handler: who asks, when, and the transaction in which the answer is written.

mod answers;
mod batched;
mod commit;
mod origin;

pub use batched::Batched;
pub(crate) use batched::Batches;
pub use origin::Origin;

use std::time::Duration;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use kit::{Error, OffsetDateTime, Result};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Postgres, Transaction};
use tokio::time::Instant;
use uuid::Uuid;

use crate::call::Found;
use crate::caller::{Actor, Caller};
use crate::deferred::Deferred;
use crate::env::{DEFAULT_DEADLINE, Env};
use crate::flush::{Footprint, Pending};
use crate::peer::{Channel, PeerChannel};
use crate::record::Event;
use crate::{conflict, deferred, tally};

/// What is taken off a call's deadline for each step inward, so that the callee gives up before its caller does.
const DEADLINE_MARGIN: Duration = Duration::from_millis(20);

/// How many dead connections a call puts up with.
const BEGIN_ATTEMPTS_MAX: u32 = 16;

/// How long several calls in one transaction wait for somebody's lock, before each goes on by itself.
const SHARED_LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// Metadata that names the tenant for which a service acts.
pub const TENANT_HEADER: HeaderName = HeaderName::from_static("x-tenant-id");
/// Metadata that joins everything one outside request set off.
pub const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Metadata of W3C trace context.
pub const TRACE_HEADER: HeaderName = HeaderName::from_static("traceparent");

/// Metadata by which the mesh chooses between a service and its next version: whoever is sent to the new one must be sent
/// to the new ones of all that it calls, or the release is never tried as a whole.
pub(crate) const VERSION_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-service-version"), HeaderName::from_static("x-tenant-type")];

/// Where a call came from.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    /// The method's path, the event's type or the job's kind.
    pub method: String,
    /// The same for everything that one outside request set off.
    pub correlation_id: String,
    /// W3C trace context of the call; empty when it is not traced.
    pub traceparent: String,
    /// The event that set this off; empty for a direct request.
    pub causation_id: String,
    /// What the call carried of `x-service-version` and `x-tenant-type`; empty where it carried none. Events and jobs carry
    /// none: what they do is nobody's choice.
    pub versions: [String; 2],
}

#[derive(Debug, Clone, Copy)]
enum Scope {
    Nowhere,
    Tenant(Uuid),
    System,
}

/// The one argument of every handler. Its transaction opens with the first statement; the engine closes it
/// after the handler, together with the events, the audit rows and the idempotency record of the call.
pub struct Cx {
    env: Env,
    caller: Caller,
    scope: Scope,
    meta: Meta,
    deadline: Instant,
    transaction: Option<Transaction<'static, Postgres>>,
    /// A statement has run, perhaps in a transaction that has ended since.
    used: bool,
    /// Several calls are written in this one.
    shared: bool,
    /// What was deferred is being written.
    pub(crate) gathers: bool,
    /// The handler has run before and met another call.
    pub(crate) again: bool,
    /// The id of the request, until it has been looked whether it was answered before.
    pub(crate) unasked: Option<Uuid>,
    /// What was found then.
    pub(crate) found: Option<Found>,
    pub(crate) pending: Pending,
    /// What was left on behalf of other calls, until now.
    on_behalf: Vec<Footprint>,
}

impl Cx {
    /// A call by somebody, in the tenant of the caller.
    pub fn new(env: Env, caller: Caller, meta: Meta) -> Self {
        let scope = caller.tenant.map_or(Scope::Nowhere, Scope::Tenant);
        let deadline = Instant::now() + DEFAULT_DEADLINE;
        Self {
            env,
            caller,
            scope,
            meta,
            deadline,
            transaction: None,
            used: false,
            shared: false,
            gathers: false,
            again: false,
            unasked: None,
            found: None,
            pending: Pending::default(),
            on_behalf: Vec::new(),
        }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now() + timeout;
        self
    }

    /// How long the caller still waits.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The current instant, UTC, in microseconds.
    pub fn now(&self) -> OffsetDateTime {
        self.env.clock().now()
    }

    /// A new UUIDv7.
    pub fn new_id(&self) -> String {
        self.env.ids().new_id().to_string()
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.caller.actor
    }

    /// Who calls, with the permissions held.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where the call came from.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Whether the handler runs once more, as it met another call before: what may fail if others come at the same time
    /// should be done behind a lock now.
    pub fn runs_again(&self) -> bool {
        self.again
    }

    /// W3C trace context for whatever the call sets off: of the current span, unless several calls share it, or else that of
    /// the caller.
    pub(crate) fn traceparent(&self) -> String {
        let current = telemetry::trace::current().filter(|_| !self.shared);
        current.unwrap_or_else(|| self.meta.traceparent.clone())
    }

    /// The service's surroundings; for the engine and for composition, not for handlers.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The tenant in whose name the call runs.
    pub fn tenant(&self) -> Result<Uuid> {
        match self.scope {
            Scope::Tenant(tenant) => Ok(tenant),
            Scope::Nowhere | Scope::System => Err(Error::internal("the call has no tenant")),
        }
    }

    /// Opens the second door: what follows sees all tenants. The reason goes to the log. Only before the
    /// first statement.
    pub fn system(&mut self, reason: &str) -> Result<()> {
        self.refuse_transaction("enter the system scope")?;
        if !self.meta.method.starts_with("engine:") {
            tracing::info!(service = self.env.service(), method = self.meta.method, reason, "system scope");
        }
        self.scope = Scope::System;
        Ok(())
    }

    /// Gives the call its tenant once it is known: a login, a sign-up, a job of a sweep.
    pub async fn enter_tenant(&mut self, tenant_id: &str) -> Result<()> {
        let tenant = Uuid::parse_str(tenant_id).map_err(|_| Error::invalid("tenant_id", "must be a UUID"))?;
        self.checkpoint().await?;
        self.scope = Scope::Tenant(tenant);
        self.caller.tenant = Some(tenant);
        Ok(())
    }

    /// From here on the call acts as this user: a public call that has just found out who calls.
    pub fn act_as(&mut self, actor: Actor) {
        self.caller.actor = actor;
    }

    /// Runs a statement and tells how many rows it touched.
    pub async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<u64> {
        let done = query.execute(self.sql().await?).await.map_err(conflict::map)?;
        Ok(done.rows_affected())
    }

    /// Runs a query and returns all rows; the query limits their number.
    pub async fn rows<T>(&mut self, query: QueryAs<'_, Postgres, T, PgArguments>) -> Result<Vec<T>>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        query.fetch_all(self.sql().await?).await.map_err(conflict::map)
    }

    /// Runs a query and returns its first row.
    pub async fn row<T>(&mut self, query: QueryAs<'_, Postgres, T, PgArguments>) -> Result<Option<T>>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        query.fetch_optional(self.sql().await?).await.map_err(conflict::map)
    }

    /// The connection inside the transaction, which opens here if it is not open yet. What was left for later is
    /// written first, so that it is seen.
    pub async fn sql(&mut self) -> Result<&mut PgConnection> {
        self.used = true;
        if self.transaction.is_none() {
            self.transaction = Some(self.begin().await?);
        }
        // What is written may leave more to be written.
        while !self.pending.deferred.is_empty() {
            let items = std::mem::take(&mut self.pending.deferred);
            deferred::write(self, &items).await?;
        }
        Ok(&mut **self.transaction.as_mut().expect("it was opened above"))
    }

    /// Has something written at the end of the call, together with what other calls want written; or before
    /// the next statement, if there is one. What the database has against it shows then. What a [`Deferred`] leaves is
    /// written together with all that it leaves before its next statement, or else with the rest.
    pub async fn defer<D: Deferred>(&mut self, item: D) -> Result<()> {
        if (self.transaction.is_some() && !self.gathers) || self.tenant().is_err() {
            return D::write(self, &[&item]).await;
        }
        self.pending.deferred.push(Box::new(item));
        Ok(())
    }

    /// From here on this is a transaction of several calls, which must not wait for long.
    pub(crate) fn share(&mut self) {
        self.shared = true;
    }

    /// Begins a transaction. Connections are not asked before each use whether they still live, so one that a
    /// restarted server has left behind is found out here and replaced.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        let mut attempts = 0;
        let started = Instant::now();
        loop {
            let begin = AssertSqlSafe(self.begin_statement()?);
            match self.env.pool().begin_with(begin).await {
                Ok(transaction) => {
                    tally::began(self.env.service(), started.elapsed());
                    return Ok(transaction);
                }
                Err(sqlx::Error::Io(_)) if attempts < BEGIN_ATTEMPTS_MAX => attempts += 1,
                Err(error) => return Err(conflict::map(error)),
            }
        }
    }

    /// Row-level security is set here and nowhere else. One round trip; nothing in it comes from a request
    /// but the tenant's id, which is a parsed UUID.
    fn begin_statement(&self) -> Result<String> {
        let left = self.time_left().as_millis();
        if left == 0 {
            return Err(deadline_exceeded());
        }
        let scope = match self.scope {
            Scope::Tenant(tenant) => format!("set local app.tenant_id = '{tenant}'"),
            Scope::System => format!("set local role \"{}\"", self.env.system_role()),
            Scope::Nowhere => return Err(Error::internal("a statement outside any tenant")),
        };
        let patience = match self.shared {
            true => format!("; set local lock_timeout = {}", SHARED_LOCK_TIMEOUT.as_millis()),
            false => String::new(),
        };
        Ok(format!("begin; {scope}; set local statement_timeout = {left}{patience}"))
    }

    /// Puts an event into the outbox of this transaction.
    pub fn emit<E: Event>(&mut self, event: E) -> Result<()> {
        let row =
            crate::event::outbox_row(self, E::TYPE, E::TOPIC, event.key(), crate::event::to_json(&event)?)?;
        self.pending.events.push(row);
        Ok(())
    }

    /// A client of another service, such as `cx.peer(ReservationServiceClient::new).await?`. Refused while a
    /// transaction is open: a slow peer must not hold locks here.
    pub async fn peer<C>(&mut self, new: impl FnOnce(PeerChannel) -> C) -> Result<C> {
        let channel = self.env.peers().channel();
        self.peer_over(channel, new).await
    }

    /// The same for one service by its name, when every service offers what is called.
    pub async fn peer_named<C>(&mut self, service: &str, new: impl FnOnce(PeerChannel) -> C) -> Result<C> {
        let channel = self.env.peers().named(service);
        let channel = channel.ok_or_else(|| Error::unavailable(service, "no way to it is configured"))?;
        self.peer_over(channel, new).await
    }

    async fn peer_over<C>(&mut self, channel: Channel, new: impl FnOnce(PeerChannel) -> C) -> Result<C> {
        self.refuse_transaction("call a peer")?;
        if self.unasked.is_some() && self.tenant().is_ok() {
            // A request that was answered before must not reach a peer once more.
            let asked = self.refuse_if_answered().await;
            self.transaction = None;
            asked?;
        }
        let left = self.time_left().saturating_sub(DEADLINE_MARGIN);
        if left.is_zero() {
            return Err(deadline_exceeded());
        }
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text)
                && !text.is_empty()
            {
                headers.insert(name, value);
            }
        };
        put(HeaderName::from_static("grpc-timeout"), &format!("{}m", left.as_millis()));
        put(CORRELATION_HEADER, &self.meta.correlation_id);
        put(TRACE_HEADER, &self.traceparent());
        for (name, text) in VERSION_HEADERS.into_iter().zip(&self.meta.versions) {
            put(name, text);
        }
        if let Scope::Tenant(tenant) = self.scope {
            put(TENANT_HEADER, &tenant.to_string());
        }
        Ok(new(PeerChannel { channel, peers: self.env.peers().clone(), headers }))
    }

    /// Whether nothing was read or written, nor is to be.
    pub(crate) fn is_idle(&self) -> bool {
        !self.used && self.pending.is_empty() && self.on_behalf.is_empty()
    }

    /// Undoes what was written since the last checkpoint.
    pub async fn rollback(&mut self) {
        self.pending = Pending::default();
        self.on_behalf.clear();
        self.gathers = false;
        if let Some(transaction) = self.transaction.take()
            && let Err(error) = transaction.rollback().await
        {
            // The connection is closed then, which rolls back as well.
            tracing::warn!(%error, "rollback failed");
        }
    }

    fn refuse_transaction(&self, what: &str) -> Result<()> {
        let is_open = self.transaction.is_some() || !self.pending.deferred.is_empty();
        debug_assert!(!is_open, "must not {what} with an open transaction");
        match is_open {
            true => Err(Error::internal(format!("must not {what} with an open transaction"))),
            false => Ok(()),
        }
    }
}

fn deadline_exceeded() -> Error {
    Error::new(kit::Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "erp", "the deadline passed")
}
