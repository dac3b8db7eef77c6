//! What a case of the suite works with: a log, a service's database, consumers and relays in and out of process.

use std::collections::{BTreeMap, HashMap};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bus::{
    ConsumerConfig, Delivery, EventLog, HandleError, Handler, LogConfig, LogError, PgDeadLetters, Record,
    Relay, RelayConfig, Retry, TopicSpec,
};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::postgres;

/// Nothing here takes as long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(90);

const TABLES: &str = "
create schema tessera;
create table tessera.outbox (
  seq bigint generated always as identity primary key, tenant_id uuid not null, id uuid not null,
  topic text not null, key text not null, event_type text not null, payload bytea not null,
  create_time timestamptz not null default now(), publish_time timestamptz,
  traceparent text not null default '');
create index outbox_pending on tessera.outbox (seq) where publish_time is null;
create table tessera.inbox (tenant_id uuid not null, event_id uuid not null, consumer text not null,
  receive_time timestamptz not null default now(), primary key (tenant_id, event_id, consumer));
create table tessera.dead_letters (tenant_id uuid not null, id uuid not null, consumer text not null,
  topic text not null, partition int not null, log_offset bigint not null, key text not null,
  event_type text not null, payload bytea not null, error text not null, attempts int not null,
  headers jsonb not null default '{}',
  create_time timestamptz not null default now(), replay_time timestamptz, primary key (tenant_id, id, consumer));
create table effects (seq bigint generated always as identity primary key, event_id uuid not null,
  consumer text not null, key text not null, payload bytea not null);
create table marks (pid bigint not null);
";

/// Stops and starts the log's server.
#[async_trait]
pub trait Server: Send + Sync {
    /// SIGKILL, or what comes nearest.
    async fn kill(&self);
    /// Starts it again on the same address and data.
    async fn revive(&self);
}

pub struct World {
    pub log: Arc<dyn EventLog>,
    pub config: LogConfig,
    /// The log's address as the worker takes it.
    pub address: String,
    /// The service's database.
    pub url: String,
    pub pool: PgPool,
    /// Makes topics where the log cannot do it by itself.
    pub make_topic: Box<dyn Fn(&TopicSpec) + Send + Sync>,
    pub server: Option<Box<dyn Server>>,
    /// Whether commits are taken while the group is rebalancing. Kafka's broker does, its mock refuses them.
    pub commits_in_rebalance: bool,
}

/// A name that no other run of the suite uses.
pub fn unique(purpose: &str) -> String {
    format!("{purpose}-{:016x}", rand::random::<u64>())
}

impl World {
    pub async fn new(config: LogConfig, address: String) -> World {
        let url = postgres::shared().await.database("service").await;
        let pool = PgPoolOptions::new().max_connections(20).connect(&url).await.unwrap();
        sqlx::raw_sql(TABLES).execute(&pool).await.unwrap();
        let log = bus::connect(config.clone()).await.unwrap();
        World {
            log,
            config,
            address,
            url,
            pool,
            make_topic: Box::new(|_| {}),
            server: None,
            commits_in_rebalance: true,
        }
    }

    /// A new topic and its dead letters.
    pub async fn topic(&self, partitions: i32) -> String {
        let spec = TopicSpec { name: unique("topic"), partitions, retention: Duration::from_secs(3600) };
        let specs = [spec.clone(), spec.dead_letters()];
        specs.iter().for_each(&self.make_topic);
        self.log.ensure_topics(&specs).await.unwrap();
        spec.name
    }

    /// Publishes however often it takes, as the relay does.
    pub async fn publish(&self, batch: &[Record]) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.log.publish(batch).await {
            assert!(error.is_retryable(), "{error}");
            assert!(Instant::now() < deadline, "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Writes records into the outbox, in their order.
    pub async fn outbox(&self, records: &[Record]) {
        for r in records {
            sqlx::query(
                "insert into tessera.outbox (tenant_id, id, topic, key, event_type, payload)
                 values ($1, $2, $3, $4, $5, $6)",
            )
            .bind(r.tenant_id)
            .bind(r.event_id)
            .bind(&r.topic)
            .bind(&r.key)
            .bind(&r.event_type)
            .bind(&r.payload[..])
            .execute(&self.pool)
            .await
            .unwrap();
        }
    }

    pub fn consumer(&self, group: &str, topic: &str) -> Running {
        self.consumer_of(self.log.clone(), group, topic, Effects::new(&self.pool, group))
    }

    pub fn consumer_of(&self, log: Arc<dyn EventLog>, group: &str, topic: &str, handler: Effects) -> Running {
        let mut config = ConsumerConfig::new(group, [topic]);
        config.batch = 20;
        config.retry = Retry { first: Duration::from_millis(5), ..Retry::default() };
        let sink = Arc::new(PgDeadLetters::new(self.pool.clone(), ""));
        let stop = CancellationToken::new();
        let handler = Arc::new(handler);
        let task = tokio::spawn(bus::run_consumer(log, config, handler.clone(), sink, stop.clone()));
        Running { stop, task, handler }
    }

    pub fn relay(&self) -> (CancellationToken, JoinHandle<()>) {
        let stop = CancellationToken::new();
        let config = RelayConfig { batch: 50, ..RelayConfig::new("test", "") };
        let relay = Relay::new(&self.pool, self.log.clone(), config, Arc::new(Notify::new()));
        (stop.clone(), tokio::spawn(relay.run(stop)))
    }

    /// A process of its own.
    pub fn worker(&self, arguments: &[&str], hang: Option<&str>) -> Worker {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bus-worker"));
        command.arg(arguments[0]).args([&self.address, &self.url]).args(&arguments[1..]);
        if let Some(key) = hang {
            command.env("BUS_WORKER_HANG", key);
        }
        Worker(command.spawn().unwrap())
    }

    /// Waits until a worker hangs.
    pub async fn hangs(&self, worker: &Worker) {
        let pid = i64::from(worker.0.id());
        self.until("the worker hangs", async || {
            let marks: i64 = sqlx::query_scalar("select count(*) from marks where pid = $1")
                .bind(pid)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            marks > 0
        })
        .await;
    }

    pub async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition().await {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    pub async fn effects(&self, group: &str) -> Vec<(Uuid, String, i32)> {
        let rows: Vec<(Uuid, String, Vec<u8>)> =
            sqlx::query_as("select event_id, key, payload from effects where consumer = $1 order by seq")
                .bind(group)
                .fetch_all(&self.pool)
                .await
                .unwrap();
        rows.into_iter().map(|(id, key, payload)| (id, key, number(&payload))).collect()
    }

    /// Waits for all effects, then sees that each is there once and that every key's are in order.
    pub async fn exactly_once(&self, group: &str, records: &[Record]) {
        self.until("every event has its effect", async || self.effects(group).await.len() >= records.len())
            .await;
        let effects = self.effects(group).await;
        let mut ids: Vec<Uuid> = effects.iter().map(|e| e.0).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), effects.len()), (records.len(), records.len()), "lost or doubled");
        in_order(effects.iter().map(|(_, key, n)| (key.as_str(), *n)));
    }

    /// Waits until the group has nothing left.
    pub async fn caught_up(&self, group: &str, topic: &str) {
        self.until("the lag is zero", async || {
            self.log.lag(group, &[topic.to_owned()]).await.is_ok_and(|lags| lags.iter().all(|l| l.lag == 0))
        })
        .await;
    }
}

/// Sees that the numbers of each key grow.
pub fn in_order<'a>(events: impl Iterator<Item = (&'a str, i32)>) {
    let mut last: HashMap<&str, i32> = HashMap::new();
    for (key, n) in events {
        let before = last.insert(key, n).unwrap_or(-1);
        assert!(before < n, "key {key}: {n} came after {before}");
    }
}

fn number(payload: &[u8]) -> i32 {
    std::str::from_utf8(payload).unwrap().parse().unwrap()
}

/// `count` events, numbered, over `keys` keys.
pub fn records(topic: &str, count: i32, keys: i32) -> Vec<Record> {
    let record = |n: i32| Record {
        topic: topic.to_owned(),
        key: format!("key-{}", n % keys),
        event_id: Uuid::from_u128(rand::random()),
        tenant_id: Uuid::from_u128(7),
        event_type: "thing.counted".into(),
        headers: BTreeMap::new(),
        payload: n.to_string().into_bytes().into(),
    };
    (0..count).map(record).collect()
}

/// A child process that does not outlive its test.
pub struct Worker(Child);

impl Worker {
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A consumer loop in this process.
pub struct Running {
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), LogError>>,
    pub handler: Arc<Effects>,
}

impl Running {
    pub async fn stop(self) -> Arc<Effects> {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the consumer stops").unwrap().unwrap();
        self.handler
    }
}

/// Inbox and effect in one transaction; fails on request.
pub struct Effects {
    pub pool: PgPool,
    pub group: String,
    /// Every call, in order: key and number.
    pub calls: Mutex<Vec<(String, i32)>>,
    /// What to say to events of these keys.
    pub refuse: Mutex<HashMap<String, HandleError>>,
    pub pace: Duration,
}

impl Effects {
    pub fn new(pool: &PgPool, group: &str) -> Self {
        Effects {
            pool: pool.clone(),
            group: group.to_owned(),
            calls: Mutex::default(),
            refuse: Mutex::default(),
            pace: Duration::ZERO,
        }
    }

    async fn apply(&self, delivery: &Delivery) -> Result<(), sqlx::Error> {
        let event = delivery.event_id().unwrap();
        let mut tx = self.pool.begin().await?;
        if bus::inbox::claim(&mut tx, delivery.tenant_id().unwrap(), event, &self.group).await? {
            sqlx::query("insert into effects (event_id, consumer, key, payload) values ($1, $2, $3, $4)")
                .bind(event)
                .bind(&self.group)
                .bind(&delivery.key)
                .bind(&delivery.payload[..])
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }
}

#[async_trait]
impl Handler for Effects {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandleError> {
        self.calls.lock().unwrap().push((delivery.key.clone(), number(&delivery.payload)));
        let refused = self.refuse.lock().unwrap().get(&delivery.key).cloned();
        if let Some(error) = refused {
            return Err(error);
        }
        tokio::time::sleep(self.pace).await;
        self.apply(delivery).await.map_err(HandleError::retryable)
    }
}
