//! From the outbox of one service's database to the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::outbox::{Lane, Outbox, Pending};
use crate::record::TRACEPARENT;
use crate::{Backoff, EventLog, LogError, Record};

/// How long a lane whose event was refused is left alone.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// More refused lanes than this are not remembered; their events are simply tried again sooner.
const REFUSED_MOST: usize = 1_000;

/// Old rows deleted at a time.
const PURGE: i64 = 5_000;
/// No batch takes longer, publishing included, unless a connection hangs.
const STEP_TIMEOUT: Duration = Duration::from_secs(90);

/// How a [`Relay`] works.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// The service's name, for metrics and logs.
    pub service: String,
    /// SQL at the start of each transaction, such as `set local role crm_system`; may be empty.
    pub on_begin: String,
    /// Rows in one publish.
    pub batch: usize,
    /// How long the relay sleeps unwoken.
    pub poll: Duration,
    /// Publishes are at least this far apart, so that a busy service's events go many at a time. Those of an idle
    /// one go at once.
    pub pace: Duration,
    /// How long published rows are kept.
    pub keep: Duration,
    /// How long publishing what is pending may take at shutdown.
    pub drain: Duration,
}

impl RelayConfig {
    /// The usual settings for a service.
    pub fn new(service: impl Into<String>, on_begin: impl Into<String>) -> Self {
        RelayConfig {
            service: service.into(),
            on_begin: on_begin.into(),
            batch: 500,
            poll: Duration::from_millis(500),
            pace: Duration::from_millis(50),
            keep: Duration::from_secs(24 * 3600),
            drain: Duration::from_secs(10),
        }
    }
}

/// Publishes a service's outbox in the order in which it was written. Any number may run; one at a time works.
///
/// A relay that dies between publishing and marking leaves rows that the next one publishes again: consumers drop
/// them by their inbox.
pub struct Relay {
    options: Arc<PgConnectOptions>,
    log: Arc<dyn EventLog>,
    config: RelayConfig,
    wake: Arc<Notify>,
    refused: HashMap<Lane, Instant>,
    next_purge: Instant,
}

enum Failure {
    Database(sqlx::Error),
    Timeout,
    Log(LogError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Failure::Database(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Database(error) => write!(f, "outbox: {error}"),
            Failure::Timeout => f.write_str("a connection hangs or the time to drain is up"),
            Failure::Log(error) => error.fmt(f),
        }
    }
}

impl Relay {
    /// `pool` only tells where the database is: the relay keeps a connection of its own. `wake` is notified by
    /// whoever commits outbox rows.
    pub fn new(pool: &PgPool, log: Arc<dyn EventLog>, config: RelayConfig, wake: Arc<Notify>) -> Self {
        let next_purge = Instant::now();
        Relay { options: pool.connect_options(), log, config, wake, refused: HashMap::new(), next_purge }
    }

    /// Works until `shutdown`, then publishes what is pending within the deadline. Outages of the database or the
    /// log are waited out.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let mut outbox = None;
        while !shutdown.is_cancelled() {
            let next = Instant::now() + self.config.pace;
            match self.bounded_step(&mut outbox, &shutdown).await {
                Ok(more) => {
                    backoff.reset();
                    if !more {
                        tokio::select! {
                            () = shutdown.cancelled() => {}
                            () = self.wait(next) => {}
                        }
                    }
                }
                Err(failure) => {
                    let delay = backoff.next_delay();
                    metrics::counter!("tessera_relay_failures_total", "service" => self.config.service.clone())
                        .increment(1);
                    tracing::warn!(service = self.config.service, %failure, ?delay, "relay pauses");
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = tokio::time::sleep(delay) => {}
                    }
                }
            }
        }
        self.drain(outbox).await;
    }

    /// Waits to be woken, or for the next look, and in any case until `next`.
    async fn wait(&self, next: Instant) {
        // Unwoken is no error: whoever commits in another process cannot wake us.
        let _ = tokio::time::timeout(self.config.poll, self.wake.notified()).await;
        tokio::time::sleep_until(next).await;
    }

    /// A step that ends in time, also when a connection hangs or `shutdown` comes. After a failure of the database
    /// the connection is given up, and with it the lock, so that a relay elsewhere may do better.
    async fn bounded_step(
        &mut self,
        outbox: &mut Option<Outbox>,
        shutdown: &CancellationToken,
    ) -> Result<bool, Failure> {
        let drain = self.config.drain;
        let too_long = async {
            tokio::select! {
                () = tokio::time::sleep(STEP_TIMEOUT) => {}
                () = async { shutdown.cancelled().await; tokio::time::sleep(drain).await } => {}
            }
        };
        let result = tokio::select! {
            result = self.step(outbox) => result,
            () = too_long => Err(Failure::Timeout),
        };
        if matches!(result, Err(Failure::Database(_) | Failure::Timeout)) {
            *outbox = None;
        }
        result
    }

    /// Publishes one batch; `true` when more is waiting, `false` also when another relay is at work.
    async fn step(&mut self, slot: &mut Option<Outbox>) -> Result<bool, Failure> {
        if slot.is_none() {
            *slot = Outbox::open(&self.options, &self.config.on_begin).await?;
        }
        let Some(outbox) = slot else { return Ok(false) };
        let now = Instant::now();
        self.refused.retain(|_, until| *until > now);
        let refused: Vec<Lane> = self.refused.keys().cloned().collect();
        let rows = outbox.pending(self.config.batch, &refused).await?;
        let lag = rows.first().map_or(0.0, |row| row.age.as_secs_f64());
        metrics::gauge!("tessera_outbox_lag_seconds", "service" => self.config.service.clone()).set(lag);
        if now >= self.next_purge {
            let more = outbox.purge(self.config.keep, PURGE).await? >= PURGE.unsigned_abs();
            self.next_purge = now + Duration::from_secs(if more { 1 } else { 600 });
        }
        if rows.is_empty() {
            return Ok(false);
        }
        let full = rows.len() >= self.config.batch;
        match self.publish(&rows).await {
            Ok(()) => {
                let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
                outbox.mark(&seqs).await?;
                self.count(rows.len());
            }
            Err(LogError::Rejected(_)) => self.publish_singly(outbox, &rows).await?,
            Err(error) => return Err(Failure::Log(error)),
        }
        Ok(full)
    }

    async fn publish(&self, rows: &[Pending]) -> Result<(), LogError> {
        let mut records: Vec<Record> = rows.iter().map(|row| row.record.clone()).collect();
        // One in each event's own trace, as long as the batch takes; whoever consumes it goes on from there.
        let spans: Vec<Span> = records.iter_mut().map(|record| self.span(record)).collect();
        let published = self.log.publish(&records).await;
        drop(spans);
        published
    }

    fn span(&self, record: &mut Record) -> Span {
        let Some(parent) = record.headers.get_mut(TRACEPARENT) else { return Span::none() };
        let span = tracing::debug_span!(
            target: telemetry::trace::TARGET,
            parent: None,
            "publish",
            otel.name = format!("publish {}", record.event_type),
            otel.kind = "producer",
            service = self.config.service,
            tenant_id = %record.tenant_id,
            messaging.destination.name = record.topic,
        );
        telemetry::trace::continue_from(&span, parent);
        if let Some(own) = telemetry::trace::of(&span) {
            *parent = own;
        }
        span
    }

    /// Some row of the batch is refused for good: finds it, so that only its own topic and key wait for a person.
    async fn publish_singly(&mut self, outbox: &mut Outbox, rows: &[Pending]) -> Result<(), Failure> {
        for row in rows {
            let lane = (row.record.topic.clone(), row.record.key.clone());
            if self.refused.contains_key(&lane) {
                continue;
            }
            match self.publish(std::slice::from_ref(row)).await {
                Ok(()) => {
                    outbox.mark(&[row.seq]).await?;
                    self.count(1);
                }
                Err(LogError::Rejected(reason)) => {
                    let (topic, event) = (&row.record.topic, row.record.event_id);
                    tracing::error!(service = self.config.service, topic, %event, reason, "event refused by the log");
                    metrics::counter!("tessera_relay_refused_total", "service" => self.config.service.clone())
                        .increment(1);
                    if self.refused.len() < REFUSED_MOST {
                        self.refused.insert(lane, Instant::now() + REFUSED_FOR);
                    }
                }
                Err(error) => return Err(Failure::Log(error)),
            }
        }
        Ok(())
    }

    fn count(&self, rows: usize) {
        metrics::counter!("tessera_relay_published_total", "service" => self.config.service.clone())
            .increment(rows as u64);
    }

    /// Publishes what is pending, within the deadline, and lets go of the lock.
    async fn drain(&mut self, mut outbox: Option<Outbox>) {
        let deadline = Instant::now() + self.config.drain;
        let work = async {
            loop {
                match self.step(&mut outbox).await {
                    Ok(false) => return,
                    Ok(true) => {}
                    Err(failure) => {
                        tracing::debug!(%failure, "draining the outbox");
                        if matches!(failure, Failure::Database(_)) {
                            outbox = None;
                        }
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        if tokio::time::timeout_at(deadline, work).await.is_err() {
            tracing::warn!(
                service = self.config.service,
                "outbox not drained; the next relay goes on with it"
            );
        }
        if let Some(outbox) = outbox
            && let Err(error) = outbox.close().await
        {
            tracing::debug!(%error, "closing the relay's connection");
        }
    }
}
