//! A member of a group on Kafka.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::time::Instant;

use super::parts::{Parts, Place};
use super::{KafkaConfig, blocking, delivery, kafka_error};
use crate::{Batch, Consumer, LogError, Position};

/// How long a consumer that hands partitions over or leaves sees to it that the broker takes their commits.
const SETTLE: Duration = Duration::from_secs(5);

/// The pause before a commit is sent again that the broker did not take.
const PAUSE: Duration = Duration::from_millis(100);

type Client = BaseConsumer<Context>;

/// What librdkafka calls back, always on the thread that polls.
struct Context {
    parts: Arc<Parts>,
    handover: Duration,
}

impl ClientContext for Context {}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, client: &Client, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.parts.assigned(list),
            Rebalance::Revoke(list) => {
                // A lost partition already belongs to another member: nothing to wait for.
                let limit = if client.assignment_lost() { Duration::ZERO } else { self.handover };
                self.parts.leave(list, limit);
                settle(client, Some(list), SETTLE.min(limit));
            }
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance"),
        }
    }

    fn post_rebalance(&self, _: &Client, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.parts.removed(list);
        }
    }
}

pub(super) struct KafkaConsumer {
    parts: Arc<Parts>,
    /// `None` once closed.
    client: Mutex<Option<Arc<Client>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    stop: Arc<AtomicBool>,
}

impl KafkaConsumer {
    pub(super) fn join(config: &KafkaConfig, group: &str, topics: &[String]) -> Result<Self, LogError> {
        let parts = Arc::new(Parts::default());
        let context = Context { parts: parts.clone(), handover: config.handover };
        let client: Client = config
            .client()
            .set("group.id", group)
            // Only offsets that were stored after the effect are ever committed. The explicit commit comes first, the
            // background one makes up for it when it failed.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "2000")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", config.session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", (config.session_timeout / 3).as_millis().to_string())
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "16384")
            .create_with_context(context)
            .map_err(kafka_error)?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        client.subscribe(&topics).map_err(kafka_error)?;
        let client = Arc::new(client);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name(format!("kafka-{group}"))
            .spawn({
                let (client, parts, stop) = (client.clone(), parts.clone(), stop.clone());
                move || fetch(&client, &parts, &stop)
            })
            .map_err(|e| LogError::Fatal(format!("cannot start a thread: {e}")))?;
        Ok(KafkaConsumer { parts, client: Mutex::new(Some(client)), thread: Mutex::new(Some(thread)), stop })
    }

    fn client(&self) -> Result<Arc<Client>, LogError> {
        let client = self.client.lock().unwrap_or_else(|e| e.into_inner()).clone();
        client.ok_or_else(|| LogError::Fatal("the consumer was closed".into()))
    }
}

/// Polls librdkafka until told to stop. Rebalances happen inside; meanwhile the tasks go on with what was fetched.
fn fetch(client: &Client, parts: &Parts, stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        match client.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                let event = delivery(&message);
                let place = (event.topic.clone(), event.partition);
                if parts.push(event) {
                    note(client.pause(&list(&[place])));
                }
            }
            Some(Err(KafkaError::MessageConsumptionFatal(code))) => parts.fail(format!("kafka: {code}")),
            // A broker that is away, a topic that does not exist yet: librdkafka goes on trying.
            Some(Err(error)) => tracing::debug!(%error, "consuming"),
        }
        let resume = parts.resume();
        if !resume.is_empty() {
            note(client.resume(&list(&resume)));
        }
    }
}

fn list(places: &[Place]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in places {
        list.add_partition(topic, *partition);
    }
    list
}

/// What fails for partitions that are gone does not matter then.
fn note<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(%error, "pausing, resuming or committing");
    }
}

/// Stores offsets and has them committed. Nobody waits for the broker's answer: librdkafka forgets it when it gives up its
/// connection to the coordinator, and whoever waits then waits for ever.
fn commit(client: &Client, done: &[Position]) -> Result<(), LogError> {
    let list = offsets(done)?;
    client.store_offsets(&list).map_err(kafka_error)?;
    client.commit(&list, CommitMode::Async).map_err(kafka_error)
}

fn offsets(done: &[Position]) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::new();
    for position in done {
        let next = Offset::Offset(position.next);
        list.add_partition_offset(&position.topic, position.partition, next).map_err(kafka_error)?;
    }
    Ok(list)
}

/// Asks whether the commits of these partitions, or of all, were taken, and sends them again until they are, for so long;
/// blocks. One that comes while the group is between two generations is refused, and only a little later taken.
fn settle(client: &Client, only: Option<&TopicPartitionList>, limit: Duration) {
    let deadline = Instant::now() + limit;
    let parts = &client.context().parts;
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        let done = parts.done(only);
        if done.is_empty() {
            return;
        }
        let taken = offsets(&done)
            .and_then(|list| client.committed_offsets(list, left).map_err(kafka_error))
            .inspect(|list| parts.taken(list));
        let owed = parts.done(only);
        if owed.is_empty() {
            return;
        }
        tracing::debug!(partitions = owed.len(), error = ?taken.err(), "commits once more");
        note(commit(client, &owed));
        std::thread::sleep(PAUSE);
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn poll(&self, max: usize, timeout: Duration) -> Result<Vec<Batch>, LogError> {
        let deadline = Instant::now() + timeout;
        self.client()?;
        loop {
            let batches = self.parts.take(max.max(1))?;
            if !batches.is_empty() {
                return Ok(batches);
            }
            if tokio::time::timeout_at(deadline, self.parts.changed.notified()).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    async fn commit(&self, done: &[Position]) -> Result<(), LogError> {
        let client = self.client()?;
        let place = |p: &Position| (p.topic.clone(), p.partition);
        let (ours, lost): (Vec<Position>, Vec<Position>) =
            done.iter().cloned().partition(|p| self.parts.holds(&place(p)));
        self.parts.note_done(&ours);
        let committed = if ours.is_empty() { Ok(()) } else { commit(&client, &ours) };
        // Only now: a hand-over waits for it.
        for position in &ours {
            self.parts.give_back(&place(position), position.next);
        }
        committed?;
        match lost.into_iter().next() {
            None => Ok(()),
            Some(p) => Err(LogError::NotOwner { topic: p.topic, partition: p.partition }),
        }
    }

    fn assignment(&self) -> Vec<(String, i32)> {
        self.parts.held()
    }

    async fn close(&self) -> Result<(), LogError> {
        let client = self.client()?;
        blocking(move || {
            settle(&client, None, SETTLE);
            Ok(())
        })
        .await?;
        self.stop.store(true, Ordering::Release);
        self.parts.close();
        let thread = self.thread.lock().unwrap_or_else(|e| e.into_inner()).take();
        let client = self.client.lock().unwrap_or_else(|e| e.into_inner()).take();
        blocking(move || {
            if let Some(thread) = thread
                && thread.join().is_err()
            {
                tracing::error!("the consumer's thread panicked");
            }
            // Leaves the group.
            drop(client);
            Ok(())
        })
        .await
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.parts.close();
    }
}
