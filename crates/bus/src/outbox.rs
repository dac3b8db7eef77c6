//! The outbox table of a service's database, as the relay sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::Record;
use crate::record::TRACEPARENT;

/// The advisory lock that makes the relay the only one of its database.
const RELAY_LOCK: (i32, i32) = (7003, 1);

/// A connection that holds the relay's lock; with the connection goes the lock.
pub(crate) struct Outbox {
    conn: PgConnection,
    on_begin: String,
}

/// A row that waits.
pub(crate) struct Pending {
    pub(crate) seq: i64,
    /// How long it has been waiting.
    pub(crate) age: Duration,
    pub(crate) record: Record,
}

/// The headers of an event that belongs to a trace, or to none.
fn traced(traceparent: String) -> BTreeMap<String, String> {
    let one = (!traceparent.is_empty()).then(|| (TRACEPARENT.to_owned(), traceparent));
    one.into_iter().collect()
}

/// A topic and key whose events the log refuses.
pub(crate) type Lane = (String, String);

impl Outbox {
    /// Connects and tries to become the relay; `None` when another one is.
    pub(crate) async fn open(
        options: &PgConnectOptions,
        on_begin: &str,
    ) -> Result<Option<Outbox>, sqlx::Error> {
        let options = options.clone().application_name("tessera-relay").options([
            ("statement_timeout", "15s"),
            // A mark that is lost means that events go twice, so it need not wait for the disk.
            ("synchronous_commit", "off"),
            // A relay that vanished without a word lets go of the lock in about eleven seconds.
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_keepalives_count", "3"),
        ]);
        let mut conn = PgConnection::connect_with(&options).await?;
        let mine: bool = sqlx::query_scalar("select pg_try_advisory_lock($1, $2)")
            .bind(RELAY_LOCK.0)
            .bind(RELAY_LOCK.1)
            .fetch_one(&mut conn)
            .await?;
        if mine {
            return Ok(Some(Outbox { conn, on_begin: on_begin.to_owned() }));
        }
        conn.close().await?;
        Ok(None)
    }

    async fn begin(&mut self) -> Result<sqlx::Transaction<'_, sqlx::Postgres>, sqlx::Error> {
        let mut tx = self.conn.begin().await?;
        if !self.on_begin.is_empty() {
            sqlx::raw_sql(AssertSqlSafe(self.on_begin.clone())).execute(&mut *tx).await?;
        }
        Ok(tx)
    }

    /// The oldest rows that wait, without those of refused lanes.
    pub(crate) async fn pending(
        &mut self,
        max: usize,
        refused: &[Lane],
    ) -> Result<Vec<Pending>, sqlx::Error> {
        let (topics, keys): (Vec<&str>, Vec<&str>) =
            refused.iter().map(|(t, k)| (t.as_str(), k.as_str())).unzip();
        let mut tx = self.begin().await?;
        let rows = sqlx::query(
            "select seq, id, tenant_id, topic, key, event_type, payload, traceparent,
                    extract(epoch from clock_timestamp() - create_time)::float8 as age
             from tessera.outbox o where publish_time is null and not exists
               (select from unnest($2::text[], $3::text[]) as r (topic, key) where r.topic = o.topic and r.key = o.key)
             order by seq limit $1",
        )
        .bind(i64::try_from(max).unwrap_or(i64::MAX))
        .bind(topics)
        .bind(keys)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let pending = |row: sqlx::postgres::PgRow| {
            Ok(Pending {
                seq: row.try_get("seq")?,
                age: Duration::from_secs_f64(row.try_get::<f64, _>("age")?.max(0.0)),
                record: Record {
                    topic: row.try_get("topic")?,
                    key: row.try_get("key")?,
                    event_id: row.try_get("id")?,
                    tenant_id: row.try_get("tenant_id")?,
                    event_type: row.try_get("event_type")?,
                    headers: traced(row.try_get("traceparent")?),
                    payload: row.try_get::<Vec<u8>, _>("payload")?.into(),
                },
            })
        };
        rows.into_iter().map(pending).collect()
    }

    /// Writes down that these rows are in the log.
    pub(crate) async fn mark(&mut self, seqs: &[i64]) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        sqlx::query("update tessera.outbox set publish_time = now() where seq = any($1)")
            .bind(seqs)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// Deletes rows published longer ago than `keep`, up to `max`; answers how many.
    pub(crate) async fn purge(&mut self, keep: Duration, max: i64) -> Result<u64, sqlx::Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "delete from tessera.outbox where seq in (select seq from tessera.outbox
               where publish_time < now() - make_interval(secs => $1)
                 and create_time < now() - make_interval(secs => $1) order by seq limit $2)",
        )
        .bind(keep.as_secs_f64())
        .bind(max)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// Gives up the lock.
    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        self.conn.close().await
    }
}
