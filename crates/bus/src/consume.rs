//! The consumer loop: from the log to a handler, with retries, dead letters and commits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::commits::Commits;
use crate::record::REPLAY_FOR;
use crate::{
    Backoff, Batch, Consumer, DeadLetter, DeadLetterSink, Delivery, EventLog, LogError, Position, Retry,
};

/// How long one poll waits: also how long a shutdown may take to be noticed.
const POLL: Duration = Duration::from_millis(250);

/// How a consumer works.
#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    pub group: String,
    pub topics: Vec<String>,
    /// Events handled at the same time, never two of one partition.
    pub concurrency: usize,
    /// Events of a partition fetched, and committed, at a time.
    pub batch: usize,
    pub retry: Retry,
    /// A try that takes longer is broken off and counts as failed.
    pub handle_timeout: Duration,
    /// How long events at hand may take to finish at shutdown.
    pub drain: Duration,
    /// How often the lag is measured.
    pub lag_every: Duration,
    /// Commits are at least this far apart, so that a busy consumer commits many batches at once. An idle one
    /// commits at once.
    pub pace: Duration,
}

impl ConsumerConfig {
    /// The usual settings.
    pub fn new(group: impl Into<String>, topics: impl IntoIterator<Item = impl Into<String>>) -> Self {
        ConsumerConfig {
            group: group.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            concurrency: 16,
            batch: 100,
            retry: Retry::default(),
            handle_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(20),
            lag_every: Duration::from_secs(15),
            pace: Duration::from_millis(50),
        }
    }
}

/// Why a handler did not handle an event. Its transaction was rolled back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct HandleError {
    /// Whether another try may succeed. A payload that cannot be decoded never will.
    pub retryable: bool,
    pub message: String,
}

impl HandleError {
    /// Worth another try.
    pub fn retryable(message: impl std::fmt::Display) -> Self {
        HandleError { retryable: true, message: message.to_string() }
    }

    /// Poison: goes to the dead letters at once.
    pub fn poison(message: impl std::fmt::Display) -> Self {
        HandleError { retryable: false, message: message.to_string() }
    }
}

/// What a service does with an event.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Claims the event in the inbox and has its effect, in one transaction. May be broken off at any await, and
    /// may be called again for an event that it handled.
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandleError>;
}

/// Consumes until `shutdown`: then finishes the events at hand, commits them and leaves the group. Outages of the
/// log are waited out; the error is one that waiting does not mend.
pub async fn run_consumer(
    log: Arc<dyn EventLog>,
    config: ConsumerConfig,
    handler: Arc<dyn Handler>,
    sink: Arc<dyn DeadLetterSink>,
    shutdown: CancellationToken,
) -> Result<(), LogError> {
    let Some(consumer) = join_group(&*log, &config, &shutdown).await? else { return Ok(()) };
    let lag = tokio::spawn(measure_lag(log.clone(), config.clone()));
    let workers = Arc::new(Workers {
        permits: Semaphore::new(config.concurrency.max(1)),
        stop: CancellationToken::new(),
        log,
        config,
        handler,
        sink,
    });
    let mut tasks = JoinSet::new();
    let result = consume(&consumer, &workers, &mut tasks, &shutdown).await;
    drain(&consumer, &workers, tasks).await;
    lag.abort();
    if let Err(error) = consumer.close().await {
        tracing::debug!(group = workers.config.group, %error, "leaving the group");
    }
    result
}

/// Subscribes as soon as the log is there; `None` when told to stop before.
async fn join_group(
    log: &dyn EventLog,
    config: &ConsumerConfig,
    shutdown: &CancellationToken,
) -> Result<Option<Arc<dyn Consumer>>, LogError> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    while !shutdown.is_cancelled() {
        match log.subscribe(&config.group, &config.topics).await {
            Ok(consumer) => return Ok(Some(consumer.into())),
            Err(error) if error.is_retryable() => {
                tracing::warn!(group = config.group, %error, "cannot join the group yet");
                pause(backoff.next_delay(), shutdown).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Sleeps, unless told to stop.
async fn pause(delay: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(delay) => {}
    }
}

type Polled = Result<Vec<Batch>, LogError>;

async fn consume(
    consumer: &Arc<dyn Consumer>,
    workers: &Arc<Workers>,
    tasks: &mut JoinSet<Position>,
    shutdown: &CancellationToken,
) -> Result<(), LogError> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut commits = Commits::new(workers.config.pace);
    while !shutdown.is_cancelled() {
        // A task of its own: a poll is never dropped halfway, and commits go on beside it.
        let (poller, max) = (consumer.clone(), workers.config.batch);
        let mut poll: JoinHandle<Polled> = tokio::spawn(async move { poller.poll(max, POLL).await });
        let polled = loop {
            tokio::select! {
                biased;
                Some(done) = tasks.join_next() => commits.add(done)?,
                () = commits.due() => commits.send(&**consumer, &workers.config.group).await,
                polled = &mut poll => break polled,
            }
        };
        match polled {
            // Too late to begin; they are delivered again, here or elsewhere.
            Ok(Ok(_)) if shutdown.is_cancelled() => {}
            Ok(Ok(batches)) => {
                backoff.reset();
                for batch in batches {
                    tasks.spawn(workers.clone().run(batch));
                }
            }
            Ok(Err(error)) if error.is_retryable() => {
                let delay = backoff.next_delay();
                tracing::warn!(group = workers.config.group, %error, ?delay, "consumer pauses");
                pause(delay, shutdown).await;
            }
            Ok(Err(error)) => return Err(error),
            Err(error) => return Err(LogError::Fatal(format!("polling: {error}"))),
        }
    }
    commits.send(&**consumer, &workers.config.group).await;
    Ok(())
}

/// Lets the events at hand finish, within the deadline, and commits them.
async fn drain(consumer: &Arc<dyn Consumer>, workers: &Workers, mut tasks: JoinSet<Position>) {
    workers.stop.cancel();
    let deadline = Instant::now() + workers.config.drain;
    let mut commits = Commits::new(Duration::ZERO);
    while let Ok(Some(done)) = tokio::time::timeout_at(deadline, tasks.join_next()).await {
        if let Err(error) = commits.add(done) {
            tracing::error!(group = workers.config.group, %error, "draining");
        }
        // Each at once: whoever stops the process may not wait for the slowest.
        commits.send(&**consumer, &workers.config.group).await;
    }
    if !tasks.is_empty() {
        tracing::warn!(group = workers.config.group, partitions = tasks.len(), "broke off events at hand");
        tasks.shutdown().await;
    }
}

/// What the tasks of a consumer share.
struct Workers {
    log: Arc<dyn EventLog>,
    config: ConsumerConfig,
    handler: Arc<dyn Handler>,
    sink: Arc<dyn DeadLetterSink>,
    permits: Semaphore,
    stop: CancellationToken,
}

/// Why to begin no further event of a batch: its partition is wanted elsewhere, or the consumer ends.
struct Stop {
    revoked: CancellationToken,
    ended: CancellationToken,
}

impl Stop {
    async fn cancelled(&self) {
        tokio::select! {
            () = self.revoked.cancelled() => {}
            () = self.ended.cancelled() => {}
        }
    }

    /// `false` when stopped meanwhile.
    async fn sleep(&self, delay: Duration) -> bool {
        tokio::time::timeout(delay, self.cancelled()).await.is_err()
    }
}

impl Workers {
    /// Handles a batch in order; answers how far it came.
    async fn run(self: Arc<Self>, batch: Batch) -> Position {
        let mut next = batch.deliveries.first().map_or(0, |d| d.offset);
        let stop = Stop { revoked: batch.revoked.clone(), ended: self.stop.clone() };
        for delivery in &batch.deliveries {
            let permit = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                permit = self.permits.acquire() => permit,
            };
            if permit.is_err() || !self.deliver(delivery, &stop).await {
                break;
            }
            next = delivery.offset + 1;
        }
        Position { topic: batch.topic, partition: batch.partition, next }
    }

    /// Handles an event or sets it aside. `false` when stopped before either.
    async fn deliver(&self, delivery: &Delivery, stop: &Stop) -> bool {
        if delivery.headers.get(REPLAY_FOR).is_some_and(|group| *group != self.config.group) {
            return true;
        }
        let mut outage = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            let (error, attempts) = match self.handle(delivery, stop).await {
                Outcome::Handled => return true,
                Outcome::Stopped => return false,
                Outcome::GivenUp(error, attempts) => (error, attempts),
            };
            let letter = DeadLetter::new(delivery, &self.config.group, error.message, attempts);
            match self.bury(&letter).await {
                Ok(()) => {
                    self.count("tessera_consumer_dead_total", &delivery.topic);
                    let (group, topic, event) = (&self.config.group, &letter.topic, letter.id);
                    tracing::error!(group, topic, %event, attempts, error = letter.error, "event set aside");
                    return true;
                }
                // Where not even the letter can be kept, the event is hardly to blame: it is tried again later.
                Err(error) => {
                    tracing::warn!(
                        group = self.config.group,
                        error,
                        "cannot set the event aside, trying again"
                    );
                    if !stop.sleep(outage.next_delay()).await {
                        return false;
                    }
                }
            }
        }
    }

    /// Tries as often as the configuration says.
    async fn handle(&self, delivery: &Delivery, stop: &Stop) -> Outcome {
        if delivery.event_id().is_none() || delivery.tenant_id().is_none() {
            return Outcome::GivenUp(HandleError::poison("the record names no event or no tenant"), 0);
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(delivery).await {
                Ok(()) => {
                    self.count("tessera_consumer_handled_total", &delivery.topic);
                    return Outcome::Handled;
                }
                Err(error) if error.retryable && attempts < self.config.retry.attempts => {
                    self.count("tessera_consumer_retried_total", &delivery.topic);
                    tracing::debug!(group = self.config.group, %error, attempts, "trying the event again");
                    if !stop.sleep(self.config.retry.delay(attempts)).await {
                        return Outcome::Stopped;
                    }
                }
                Err(error) => return Outcome::GivenUp(error, attempts),
            }
        }
    }

    /// One try, within its time; a panic is a failure like any other.
    async fn attempt(&self, delivery: &Delivery) -> Result<(), HandleError> {
        let handled = std::panic::AssertUnwindSafe(self.handler.handle(delivery)).catch_unwind();
        match tokio::time::timeout(self.config.handle_timeout, handled).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(HandleError::retryable("the handler panicked")),
            Err(_) => Err(HandleError::retryable("the handler took too long")),
        }
    }

    /// Keeps the letter in the table, then in the topic.
    async fn bury(&self, letter: &DeadLetter) -> Result<(), String> {
        let limit = self.config.handle_timeout;
        let stored = tokio::time::timeout(limit, self.sink.store(letter)).await;
        stored.map_err(|_| "storing the dead letter took too long".to_owned())?.map_err(|e| e.to_string())?;
        let published = tokio::time::timeout(limit, self.log.publish(&[letter.record()])).await;
        match published.map_err(|_| "publishing the dead letter took too long".to_owned())? {
            Err(error) if error.is_retryable() => Err(error.to_string()),
            // The row has it all; a topic that was never declared must not stop the events behind.
            Err(error) => {
                tracing::error!(topic = letter.topic, %error, "dead letter only in the table");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn count(&self, name: &'static str, topic: &str) {
        metrics::counter!(name, "group" => self.config.group.clone(), "topic" => topic.to_owned())
            .increment(1);
    }
}

enum Outcome {
    Handled,
    GivenUp(HandleError, u32),
    Stopped,
}

/// Shows how far the group is behind, until aborted.
async fn measure_lag(log: Arc<dyn EventLog>, config: ConsumerConfig) {
    let mut ticks = tokio::time::interval(config.lag_every.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match log.lag(&config.group, &config.topics).await {
            Ok(lags) => {
                for lag in lags {
                    let (group, topic, partition) =
                        (config.group.clone(), lag.topic, lag.partition.to_string());
                    metrics::gauge!("tessera_consumer_lag", "group" => group, "topic" => topic, "partition" => partition)
                        .set(lag.lag as f64);
                }
            }
            Err(error) => tracing::debug!(group = config.group, %error, "cannot measure the lag"),
        }
    }
}
