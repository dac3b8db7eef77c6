//! The dedupe that a handler does in the transaction of its effect.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// Writes that `consumer` handles the event now. `false` means that it did before, and that there is nothing to do.
///
/// Called inside the transaction of the effect, with the tenant set. When another transaction is handling the same
/// event at this moment, this one waits for its end and goes by that.
pub async fn claim(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    event_id: Uuid,
    consumer: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into tessera.inbox (tenant_id, event_id, consumer) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(tenant_id)
    .bind(event_id)
    .bind(consumer)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets up to `limit` events that are older than `keep`, which must exceed the longest retention of a topic:
/// an event that is still in the log could come again. Runs across tenants; answers how many it forgot.
pub async fn purge(conn: &mut PgConnection, keep: Duration, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from tessera.inbox where ctid in (select ctid from tessera.inbox
           where receive_time < now() - make_interval(secs => $1) limit $2)",
    )
    .bind(keep.as_secs_f64())
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
