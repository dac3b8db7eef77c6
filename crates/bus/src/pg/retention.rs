//! Deleting events past their topic's retention.

use std::sync::Arc;

use super::{Shared, db_error};
use crate::LogError;

/// Rows deleted in one transaction.
const CHUNK: i64 = 5_000;

/// Purges now and then until the log is closed.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.closed.cancelled() => return,
            () = tokio::time::sleep(shared.config.purge_every) => {}
        }
        match purge(&shared).await {
            Ok(0) => {}
            Ok(events) => tracing::debug!(events, "purged the event log"),
            Err(error) => tracing::warn!(%error, "cannot purge the event log"),
        }
    }
}

/// Deletes what is too old. Two processes doing it at once is harmless.
pub(super) async fn purge(shared: &Shared) -> Result<u64, LogError> {
    let partitions: Vec<(i32, i32)> = sqlx::query_as("select topic_id, partition from bus.partitions")
        .fetch_all(&shared.pool)
        .await
        .map_err(db_error)?;
    let mut total = 0;
    for (topic, partition) in partitions {
        loop {
            let deleted = purge_chunk(shared, topic, partition).await?;
            total += deleted;
            if deleted < CHUNK.unsigned_abs() || shared.closed.is_cancelled() {
                break;
            }
        }
    }
    Ok(total)
}

/// Times grow with offsets, so looking at the oldest `CHUNK` events is enough: no index by time is needed.
async fn purge_chunk(shared: &Shared, topic: i32, partition: i32) -> Result<u64, LogError> {
    let done = sqlx::query(
        "delete from bus.events e using bus.topics t,
             (select log_offset, create_time from bus.events where topic_id = $1 and partition = $2
              order by log_offset limit $3) old
         where t.id = $1 and e.topic_id = $1 and e.partition = $2 and e.log_offset = old.log_offset
           and old.create_time < now() - t.retention",
    )
    .bind(topic)
    .bind(partition)
    .bind(CHUNK)
    .execute(&shared.pool)
    .await
    .map_err(db_error)?;
    Ok(done.rows_affected())
}
