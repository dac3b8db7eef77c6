//! The log in a PostgreSQL database of its own: the embedded default, needs no other server.
//!
//! * A partition's head row is locked by whoever appends, so offsets are gap-free and in commit order.
//! * A consumer holds its partitions by advisory locks of its own connection. They go with the connection, so a
//!   killed consumer frees its partitions the moment its socket closes; no session time-out, no open transaction.
//! * `LISTEN/NOTIFY` only wakes; a consumer that hears nothing looks by itself.
//!
//! Sessions carry state: a pooler between must be in session mode.

mod assign;
mod consumer;
mod publish;
mod retention;
mod session;
mod wake;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Row};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::record::{EVENT_ID, EVENT_TYPE, TENANT_ID};
use crate::{Bounds, Consumer, Delivery, EventLog, Lag, LogError, Record, TopicSpec};
use wake::Wakes;

/// No statement of the log takes longer; one that would is given up and tried again.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// How a [`PgLog`] behaves.
#[derive(Debug, Clone)]
pub struct PgLogConfig {
    /// `postgres://user:password@host:port/database`; the database exists, its schema is made.
    pub url: String,
    /// Connections for publishing and reading; one of them listens. Each consumer has one more of its own.
    pub connections: u32,
    /// How often a consumer looks for dead and new members and, unwoken, for events.
    pub tick: Duration,
    /// How often events past their topic's retention are deleted.
    pub purge_every: Duration,
}

impl PgLogConfig {
    /// The usual settings for a database.
    pub fn new(url: impl Into<String>) -> Self {
        PgLogConfig {
            url: url.into(),
            connections: 5,
            tick: Duration::from_secs(1),
            purge_every: Duration::from_secs(60),
        }
    }
}

/// The event log on PostgreSQL 15 or newer.
pub struct PgLog {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// What the log and its consumers have in common.
struct Shared {
    config: PgLogConfig,
    /// For sessions of consumers.
    options: PgConnectOptions,
    pool: PgPool,
    wakes: Wakes,
    topics: RwLock<HashMap<String, Topic>>,
    closed: CancellationToken,
}

#[derive(Clone, Copy)]
struct Topic {
    id: i32,
    partitions: i32,
}

impl PgLog {
    /// Connects, makes or updates the schema and starts the background work.
    pub async fn connect(config: PgLogConfig) -> Result<PgLog, LogError> {
        let base: PgConnectOptions =
            config.url.parse().map_err(|e| LogError::Fatal(format!("URL of the event log: {e}")))?;
        let base = base.application_name("tessera-bus").options([
            ("statement_timeout", format!("{}ms", STATEMENT_TIMEOUT.as_millis())),
            // A peer that vanished without a word is noticed in about eleven seconds.
            ("tcp_keepalives_idle", "5".into()),
            ("tcp_keepalives_interval", "2".into()),
            ("tcp_keepalives_count", "3".into()),
        ]);
        // An answer to `publish` means durable, whatever the server's default is.
        let pool = PgPoolOptions::new()
            .max_connections(config.connections.max(2))
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(base.clone().options([("synchronous_commit", "on")]))
            .await
            .map_err(db_error)?;
        sqlx::migrate!("./migrations")
            .run(&pool)
            .await
            .map_err(|e| LogError::Fatal(format!("schema of the event log: {e}")))?;
        let shared = Arc::new(Shared {
            config,
            // Losing the last commits of offsets only means that events come again, so they need not wait for disk.
            options: base.options([("synchronous_commit", "off")]),
            pool,
            wakes: Wakes::new(),
            topics: RwLock::default(),
            closed: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(wake::listen(shared.clone()));
        tasks.spawn(wake::announce(shared.clone()));
        tasks.spawn(retention::run(shared.clone()));
        tasks.close();
        Ok(PgLog { shared, tasks })
    }

    /// Deletes events past their topic's retention now; answers how many. Also runs by itself.
    pub async fn purge(&self) -> Result<u64, LogError> {
        retention::purge(&self.shared).await
    }
}

impl Drop for PgLog {
    fn drop(&mut self) {
        self.shared.closed.cancel();
    }
}

#[async_trait]
impl EventLog for PgLog {
    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        // In the order of names, so that services that start together do not wait for each other in a circle.
        let mut topics: Vec<&TopicSpec> = topics.iter().collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        let mut tx = self.shared.pool.begin().await.map_err(db_error)?;
        for spec in topics {
            let seconds = i64::try_from(spec.retention.as_secs()).unwrap_or(i64::MAX).min(3_000_000_000);
            let (id, partitions): (i32, i32) = sqlx::query_as(
                "insert into bus.topics (name, partitions, retention) values ($1, $2, make_interval(secs => $3))
                 on conflict (name) do update set retention = excluded.retention returning id, partitions",
            )
            .bind(&spec.name)
            .bind(spec.partitions)
            .bind(seconds as f64)
            .fetch_one(&mut *tx)
            .await
            .map_err(db_error)?;
            sqlx::query(
                "insert into bus.partitions (topic_id, partition) select $1, generate_series(0, $2 - 1)
                 on conflict do nothing",
            )
            .bind(id)
            .bind(partitions)
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
            if partitions != spec.partitions {
                tracing::warn!(
                    topic = spec.name,
                    partitions,
                    declared = spec.partitions,
                    "topic keeps its partitions"
                );
            }
        }
        tx.commit().await.map_err(db_error)
    }

    async fn topics(&self) -> Result<Vec<String>, LogError> {
        sqlx::query_scalar("select name from bus.topics order by name")
            .fetch_all(&self.shared.pool)
            .await
            .map_err(db_error)
    }

    async fn publish(&self, batch: &[Record]) -> Result<(), LogError> {
        publish::publish(&self.shared, batch).await
    }

    async fn subscribe(&self, group: &str, topics: &[String]) -> Result<Box<dyn Consumer>, LogError> {
        Ok(Box::new(consumer::PgConsumer::join(self.shared.clone(), group, topics).await?))
    }

    async fn lag(&self, group: &str, topics: &[String]) -> Result<Vec<Lag>, LogError> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "select t.name, p.partition, {START} as start, p.next_offset, coalesce(o.committed, 0) as committed
             from bus.topics t join bus.partitions p on p.topic_id = t.id
             left join bus.offsets o on o.group_name = $2 and o.topic_id = t.id and o.partition = p.partition
             where t.name = any($1) order by t.name, p.partition"
        )))
        .bind(topics)
        .bind(group)
        .fetch_all(&self.shared.pool)
        .await
        .map_err(db_error)?;
        let lag = |row: PgRow| {
            let (start, end): (i64, i64) = (row.try_get("start")?, row.try_get("next_offset")?);
            let committed: i64 = row.try_get("committed")?;
            let lag = end - committed.max(start);
            Ok(Lag { topic: row.try_get("name")?, partition: row.try_get("partition")?, committed, end, lag })
        };
        rows.into_iter().map(lag).collect::<Result<_, sqlx::Error>>().map_err(db_error)
    }

    async fn bounds(&self, topics: &[String]) -> Result<Vec<Bounds>, LogError> {
        let rows: Vec<(String, i32, i64, i64)> = sqlx::query_as(AssertSqlSafe(format!(
            "select t.name, p.partition, {START}, p.next_offset
             from bus.topics t join bus.partitions p on p.topic_id = t.id
             where t.name = any($1) order by t.name, p.partition"
        )))
        .bind(topics)
        .fetch_all(&self.shared.pool)
        .await
        .map_err(db_error)?;
        Ok(rows
            .into_iter()
            .map(|(topic, partition, start, end)| Bounds { topic, partition, start, end })
            .collect())
    }

    async fn read(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        max: usize,
    ) -> Result<Vec<Delivery>, LogError> {
        let rows = sqlx::query(
            "select e.* from bus.events e join bus.topics t on t.id = e.topic_id
             where t.name = $1 and e.partition = $2 and e.log_offset >= $3 order by e.log_offset limit $4",
        )
        .bind(topic)
        .bind(partition)
        .bind(from)
        .bind(i64::try_from(max).unwrap_or(i64::MAX))
        .fetch_all(&self.shared.pool)
        .await
        .map_err(db_error)?;
        rows.iter().map(|row| delivery(topic, row).map_err(db_error)).collect()
    }

    async fn close(&self) {
        self.shared.closed.cancel();
        self.tasks.wait().await;
        self.shared.pool.close().await;
    }
}

/// The oldest offset that partition `p` still holds.
const START: &str = "coalesce((select e.log_offset from bus.events e
    where e.topic_id = p.topic_id and e.partition = p.partition order by e.log_offset limit 1), p.next_offset)";

/// A row of `bus.events` as a delivery.
fn delivery(topic: &str, row: &PgRow) -> Result<Delivery, sqlx::Error> {
    let sqlx::types::Json(mut headers) = row.try_get("headers")?;
    let headers_map: &mut std::collections::BTreeMap<String, String> = &mut headers;
    headers_map.insert(EVENT_ID.into(), row.try_get::<uuid::Uuid, _>("event_id")?.to_string());
    headers_map.insert(TENANT_ID.into(), row.try_get::<uuid::Uuid, _>("tenant_id")?.to_string());
    headers_map.insert(EVENT_TYPE.into(), row.try_get("event_type")?);
    Ok(Delivery {
        topic: topic.to_owned(),
        partition: row.try_get("partition")?,
        offset: row.try_get("log_offset")?,
        key: row.try_get("key")?,
        payload: row.try_get::<Vec<u8>, _>("payload")?.into(),
        headers,
        timestamp: row.try_get::<OffsetDateTime, _>("create_time")?,
    })
}

/// What an error of the database means for the caller.
fn db_error(error: sqlx::Error) -> LogError {
    match &error {
        sqlx::Error::Database(db) => {
            let code = db.code().unwrap_or_default();
            match code.get(..2) {
                // Data that the columns cannot hold, such as a zero byte in a text.
                Some("22") => LogError::Rejected(error.to_string()),
                // No such database, role or table, no right to it.
                Some("28" | "3D" | "42") => LogError::Fatal(error.to_string()),
                _ => LogError::Unavailable(error.to_string()),
            }
        }
        sqlx::Error::PoolClosed => LogError::Fatal("the event log was closed".into()),
        sqlx::Error::Configuration(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => {
            LogError::Fatal(error.to_string())
        }
        _ => LogError::Unavailable(error.to_string()),
    }
}
