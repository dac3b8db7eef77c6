//! Appending to the log.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{STATEMENT_TIMEOUT, Shared, Topic, db_error};
use crate::partition::partition_of;
use crate::record::MAX_PAYLOAD;
use crate::{LogError, Record};

/// The batch by columns, as `bus.append` takes it.
#[derive(Default)]
struct Columns<'a> {
    topics: Vec<i32>,
    partitions: Vec<i32>,
    events: Vec<Uuid>,
    tenants: Vec<Uuid>,
    types: Vec<&'a str>,
    keys: Vec<&'a str>,
    headers: Vec<serde_json::Value>,
    payloads: Vec<&'a [u8]>,
}

/// Appends the batch in one transaction.
pub(super) async fn publish(shared: &Shared, batch: &[Record]) -> Result<(), LogError> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut columns = Columns::default();
    for record in batch {
        if record.payload.len() > MAX_PAYLOAD {
            let (id, size) = (record.event_id, record.payload.len());
            return Err(LogError::Rejected(format!(
                "event {id} has {size} bytes, the limit is {MAX_PAYLOAD}"
            )));
        }
        let topic = shared.topic(&record.topic).await?;
        columns.topics.push(topic.id);
        columns.partitions.push(partition_of(record.key.as_bytes(), topic.partitions));
        columns.events.push(record.event_id);
        columns.tenants.push(record.tenant_id);
        columns.types.push(&record.event_type);
        columns.keys.push(&record.key);
        columns.headers.push(json!(record.headers));
        columns.payloads.push(&record.payload);
    }
    tokio::time::timeout(STATEMENT_TIMEOUT, append(shared, columns))
        .await
        .map_err(|_| LogError::Unavailable("publishing took too long".into()))??;
    let topics: HashSet<&str> = batch.iter().map(|r| r.topic.as_str()).collect();
    for topic in topics {
        shared.wakes.topic(topic);
    }
    Ok(())
}

async fn append(shared: &Shared, columns: Columns<'_>) -> Result<(), LogError> {
    let mut tx = shared.pool.begin().await.map_err(db_error)?;
    let transaction: String = sqlx::query_scalar("select bus.append($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(columns.topics)
        .bind(columns.partitions)
        .bind(columns.events)
        .bind(columns.tenants)
        .bind(columns.types)
        .bind(columns.keys)
        .bind(columns.headers)
        .bind(columns.payloads)
        .fetch_one(&mut *tx)
        .await
        .map_err(db_error)?;
    match tx.commit().await {
        Ok(()) => Ok(()),
        Err(error) => outcome(shared, &transaction, error).await,
    }
}

/// The connection broke during the commit: asks what became of it, so that no event is appended twice for that.
async fn outcome(shared: &Shared, transaction: &str, error: sqlx::Error) -> Result<(), LogError> {
    for _ in 0..20 {
        let status: Result<Option<String>, _> = sqlx::query_scalar("select pg_xact_status($1::text::xid8)")
            .bind(transaction)
            .fetch_one(&shared.pool)
            .await;
        match status.as_ref().map(Option::as_deref) {
            Ok(Some("committed")) => return Ok(()),
            // Still in progress, or the server is not back yet.
            Ok(Some("in progress")) | Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            Ok(_) => break,
        }
    }
    Err(db_error(error))
}

impl Shared {
    /// A topic's id and size. Topics are never deleted nor resized, so what was read once stays true.
    async fn topic(&self, name: &str) -> Result<Topic, LogError> {
        if let Some(topic) = self.topics.read().unwrap_or_else(|e| e.into_inner()).get(name) {
            return Ok(*topic);
        }
        let found: Option<(i32, i32)> =
            sqlx::query_as("select id, partitions from bus.topics where name = $1")
                .bind(name)
                .fetch_optional(&self.pool)
                .await
                .map_err(db_error)?;
        let (id, partitions) =
            found.ok_or_else(|| LogError::Rejected(format!("there is no topic {name}")))?;
        let topic = Topic { id, partitions };
        self.topics.write().unwrap_or_else(|e| e.into_inner()).insert(name.to_owned(), topic);
        Ok(topic)
    }
}
