//! Events that could not be handled: kept, listed, sent again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::record::{EVENT_ID, EVENT_TYPE, REPLAY_FOR, TENANT_ID, dead_letter_topic};
use crate::{Delivery, EventLog, LogError, Record};

/// Whatever a sink may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An event that a consumer gave up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Nil when the record named no tenant.
    pub tenant_id: Uuid,
    /// The event's id; for a record without one, an id made from its place in the log.
    pub id: Uuid,
    /// The consumer group.
    pub consumer: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: String,
    pub event_type: String,
    /// Further headers, its trace among them; not that of an earlier replay.
    pub headers: BTreeMap<String, String>,
    pub payload: Bytes,
    /// What the last try said.
    pub error: String,
    pub attempts: u32,
}

impl DeadLetter {
    /// The letter of a delivery.
    pub fn new(delivery: &Delivery, consumer: &str, error: String, attempts: u32) -> Self {
        let place = format!("{}/{}/{}", delivery.topic, delivery.partition, delivery.offset);
        DeadLetter {
            tenant_id: delivery.tenant_id().unwrap_or(Uuid::nil()),
            id: delivery.event_id().unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_URL, place.as_bytes())),
            consumer: consumer.to_owned(),
            topic: delivery.topic.clone(),
            partition: delivery.partition,
            offset: delivery.offset,
            key: delivery.key.clone(),
            event_type: delivery.event_type().to_owned(),
            headers: further_headers(delivery),
            payload: delivery.payload.clone(),
            error,
            attempts,
        }
    }

    /// The event as it goes to the topic's dead letters.
    pub(crate) fn record(&self) -> Record {
        let headers = [
            ("dead_consumer", self.consumer.clone()),
            ("dead_topic", self.topic.clone()),
            ("dead_partition", self.partition.to_string()),
            ("dead_offset", self.offset.to_string()),
            ("dead_error", self.error.chars().take(1_000).collect()),
            ("dead_attempts", self.attempts.to_string()),
        ];
        self.to_record(dead_letter_topic(&self.topic), headers)
    }

    /// The event with its own headers and these.
    fn to_record<const N: usize>(&self, topic: String, more: [(&str, String); N]) -> Record {
        let mut headers = self.headers.clone();
        headers.extend(more.map(|(name, value)| (name.to_owned(), value)));
        Record {
            topic,
            key: self.key.clone(),
            event_id: self.id,
            tenant_id: self.tenant_id,
            event_type: self.event_type.clone(),
            headers,
            payload: self.payload.clone(),
        }
    }
}

/// The headers that the log does not write by itself. What a stranger wrote may hold what no table takes.
fn further_headers(delivery: &Delivery) -> BTreeMap<String, String> {
    let own = [EVENT_ID, EVENT_TYPE, TENANT_ID, REPLAY_FOR];
    let further = delivery.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    further.map(|(name, value)| (storable(name), storable(value))).collect()
}

/// PostgreSQL has no place for a zero in a text.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Publishes the event of a dead letter again: same topic, key and event id, and meant only for the consumer that
/// gave it up. Its inbox does not know the event, because the effect was rolled back.
pub async fn replay(log: &dyn EventLog, letter: &DeadLetter) -> Result<(), LogError> {
    let headers = [(REPLAY_FOR, letter.consumer.clone())];
    log.publish(&[letter.to_record(letter.topic.clone(), headers)]).await
}

/// Where dead letters are kept for people. Storing one twice must be like storing it once.
#[async_trait]
pub trait DeadLetterSink: Send + Sync + 'static {
    async fn store(&self, letter: &DeadLetter) -> Result<(), BoxError>;
}

/// Which letters to list.
#[derive(Debug, Clone, Default)]
pub struct Letters<'a> {
    /// Only those of this tenant; `None`: of all.
    pub tenant_id: Option<Uuid>,
    /// Only those of this consumer; empty: of all.
    pub consumer: &'a str,
    /// Time, id and consumer of the last letter of the page before; `None`: the first page.
    pub behind: Option<(OffsetDateTime, Uuid, String)>,
    /// How many at the most.
    pub max: i64,
}

/// A letter in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    pub letter: DeadLetter,
    /// When the consumer first gave the event up.
    pub create_time: OffsetDateTime,
    /// When it was last replayed and has not come back since; `None`: never.
    pub replay_time: Option<OffsetDateTime>,
}

impl KeptLetter {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let letter = DeadLetter {
            tenant_id: row.try_get("tenant_id")?,
            id: row.try_get("id")?,
            consumer: row.try_get("consumer")?,
            topic: row.try_get("topic")?,
            partition: row.try_get("partition")?,
            offset: row.try_get("log_offset")?,
            key: row.try_get("key")?,
            event_type: row.try_get("event_type")?,
            headers: row.try_get::<Json<_>, _>("headers")?.0,
            payload: row.try_get::<Vec<u8>, _>("payload")?.into(),
            error: row.try_get("error")?,
            attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        };
        Ok(Self {
            letter,
            create_time: row.try_get("create_time")?,
            replay_time: row.try_get("replay_time")?,
        })
    }
}

/// Dead letters in the table `tessera.dead_letters` of the service's database.
#[derive(Debug, Clone)]
pub struct PgDeadLetters {
    pool: PgPool,
    on_begin: String,
}

impl PgDeadLetters {
    /// `on_begin` runs at the start of each transaction, such as `set local role crm_system`; may be empty.
    pub fn new(pool: PgPool, on_begin: impl Into<String>) -> Self {
        PgDeadLetters { pool, on_begin: on_begin.into() }
    }

    /// A transaction with `on_begin` done.
    async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        if !self.on_begin.is_empty() {
            sqlx::raw_sql(AssertSqlSafe(self.on_begin.clone())).execute(&mut *tx).await?;
        }
        Ok(tx)
    }

    /// The newest letters first.
    pub async fn list(&self, wanted: &Letters<'_>) -> Result<Vec<KeptLetter>, sqlx::Error> {
        let (time, id, consumer) = match &wanted.behind {
            Some((time, id, consumer)) => (Some(*time), Some(*id), Some(consumer.as_str())),
            None => (None, None, None),
        };
        let query = sqlx::query(
            "select * from tessera.dead_letters
             where ($1::uuid is null or tenant_id = $1) and ($2 = '' or consumer = $2)
               and ($3::timestamptz is null or (create_time, id, consumer) < ($3, $4, $5))
             order by create_time desc, id desc, consumer desc limit $6",
        );
        let query = query.bind(wanted.tenant_id).bind(wanted.consumer).bind(time).bind(id).bind(consumer);
        let mut tx = self.begin().await?;
        let rows = query.bind(wanted.max).fetch_all(&mut *tx).await?;
        tx.commit().await?;
        rows.iter().map(KeptLetter::read).collect()
    }

    /// The letter that a consumer has left of an event.
    pub async fn find(
        &self,
        tenant_id: Uuid,
        id: Uuid,
        consumer: &str,
    ) -> Result<Option<KeptLetter>, sqlx::Error> {
        let query = "select * from tessera.dead_letters where tenant_id = $1 and id = $2 and consumer = $3";
        let mut tx = self.begin().await?;
        let row = sqlx::query(query).bind(tenant_id).bind(id).bind(consumer).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        row.as_ref().map(KeptLetter::read).transpose()
    }

    /// Replays a letter and writes down that it was. When only the second fails, the event runs once all the same.
    pub async fn replay(&self, log: &dyn EventLog, letter: &DeadLetter) -> Result<(), BoxError> {
        replay(log, letter).await?;
        let mut tx = self.begin().await?;
        sqlx::query(
            "update tessera.dead_letters set replay_time = now()
             where tenant_id = $1 and id = $2 and consumer = $3",
        )
        .bind(letter.tenant_id)
        .bind(letter.id)
        .bind(&letter.consumer)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

#[async_trait]
impl DeadLetterSink for PgDeadLetters {
    async fn store(&self, letter: &DeadLetter) -> Result<(), BoxError> {
        let mut tx = self.begin().await?;
        // A letter that failed again after its replay is open again.
        sqlx::query(
            "insert into tessera.dead_letters (tenant_id, id, consumer, topic, partition, log_offset, key,
               event_type, payload, error, attempts, headers)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (tenant_id, id, consumer) do update set partition = excluded.partition,
               log_offset = excluded.log_offset, error = excluded.error, attempts = excluded.attempts,
               replay_time = null",
        )
        .bind(letter.tenant_id)
        .bind(letter.id)
        .bind(&letter.consumer)
        .bind(&letter.topic)
        .bind(letter.partition)
        .bind(letter.offset)
        .bind(&letter.key)
        .bind(&letter.event_type)
        .bind(&letter.payload[..])
        .bind(storable(&letter.error))
        .bind(i32::try_from(letter.attempts).unwrap_or(i32::MAX))
        .bind(Json(&letter.headers))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
