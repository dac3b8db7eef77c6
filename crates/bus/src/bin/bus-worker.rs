//! A consumer or a relay as a process of its own, for the tests that kill it.
//!
//! `bus-worker consume LOG DATABASE GROUP TOPIC` and `bus-worker relay LOG DATABASE`, where LOG is
//! `postgres://...` or `kafka://host:port`. Both hang at the worst moment when `BUS_WORKER_HANG` is set: the consumer
//! inside the transaction of the event of that key, the relay after publishing and before marking. They say so by a
//! row in `marks` first.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use bus::{
    ConsumerConfig, Delivery, EventLog, HandleError, Handler, Lag, LogConfig, LogError, PgDeadLetters,
    PgLogConfig, Record, Relay, RelayConfig, TopicSpec,
};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let hang = std::env::var("BUS_WORKER_HANG").ok();
    let shutdown = CancellationToken::new();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["consume", log, database, group, topic] => {
            let pool = PgPoolOptions::new().max_connections(4).connect(database).await?;
            let handler = Arc::new(Effects { pool: pool.clone(), group: group.to_owned(), hang });
            let sink = Arc::new(PgDeadLetters::new(pool, ""));
            let config = ConsumerConfig::new(group, [topic]);
            bus::run_consumer(connect(log).await?, config, handler, sink, shutdown).await?;
        }
        ["relay", log, database] => {
            let pool = PgPoolOptions::new().max_connections(2).connect(database).await?;
            let log = connect(log).await?;
            let log: Arc<dyn EventLog> = match hang {
                Some(_) => Arc::new(HangAfterPublish { log, pool: pool.clone() }),
                None => log,
            };
            let config = RelayConfig::new("worker", "");
            Relay::new(&pool, log, config, Arc::new(Notify::new())).run(shutdown).await;
        }
        _ => return Err("usage: bus-worker consume LOG DATABASE GROUP TOPIC | relay LOG DATABASE".into()),
    }
    Ok(())
}

async fn connect(log: &str) -> Result<Arc<dyn EventLog>, LogError> {
    match log.strip_prefix("kafka://") {
        #[cfg(feature = "kafka")]
        Some(brokers) => {
            let mut config = bus::KafkaConfig::new(brokers);
            config.session_timeout = std::time::Duration::from_secs(6);
            bus::connect(LogConfig::Kafka(config)).await
        }
        #[cfg(not(feature = "kafka"))]
        Some(_) => Err(LogError::Fatal("built without Kafka".into())),
        None => bus::connect(LogConfig::Postgres(PgLogConfig::new(log))).await,
    }
}

async fn mark_and_hang(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("insert into marks (pid) values ($1)")
        .bind(i64::from(std::process::id()))
        .execute(pool)
        .await?;
    std::future::pending().await
}

/// Inbox and effect in one transaction, as a service does it.
struct Effects {
    pool: PgPool,
    group: String,
    hang: Option<String>,
}

impl Effects {
    async fn apply(&self, delivery: &Delivery) -> Result<(), sqlx::Error> {
        let event = delivery.event_id().unwrap_or_default();
        let tenant = delivery.tenant_id().unwrap_or_default();
        let mut tx = self.pool.begin().await?;
        if bus::inbox::claim(&mut tx, tenant, event, &self.group).await? {
            sqlx::query("insert into effects (event_id, consumer, key, payload) values ($1, $2, $3, $4)")
                .bind(event)
                .bind(&self.group)
                .bind(&delivery.key)
                .bind(&delivery.payload[..])
                .execute(&mut *tx)
                .await?;
        }
        if self.hang.as_ref() == Some(&delivery.key) {
            mark_and_hang(&self.pool).await?;
        }
        tx.commit().await
    }
}

#[async_trait]
impl Handler for Effects {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandleError> {
        self.apply(delivery).await.map_err(HandleError::retryable)
    }
}

/// Publishes, and never says that it did.
struct HangAfterPublish {
    log: Arc<dyn EventLog>,
    pool: PgPool,
}

#[async_trait]
impl EventLog for HangAfterPublish {
    async fn publish(&self, batch: &[Record]) -> Result<(), LogError> {
        self.log.publish(batch).await?;
        mark_and_hang(&self.pool).await.map_err(|e| LogError::Fatal(e.to_string()))
    }

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.ensure_topics(topics).await
    }

    async fn topics(&self) -> Result<Vec<String>, LogError> {
        self.log.topics().await
    }

    async fn subscribe(&self, group: &str, topics: &[String]) -> Result<Box<dyn bus::Consumer>, LogError> {
        self.log.subscribe(group, topics).await
    }

    async fn lag(&self, group: &str, topics: &[String]) -> Result<Vec<Lag>, LogError> {
        self.log.lag(group, topics).await
    }

    async fn bounds(&self, topics: &[String]) -> Result<Vec<bus::Bounds>, LogError> {
        self.log.bounds(topics).await
    }

    async fn read(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        max: usize,
    ) -> Result<Vec<Delivery>, LogError> {
        self.log.read(topic, partition, from, max).await
    }

    async fn close(&self) {
        self.log.close().await;
    }
}
