//! What a call leaves beside its rows, written by one statement just before the commit: events, audit rows,
//! jobs, the inbox row and the first answer.

use kit::{OffsetDateTime, Result};
use serde_json::Value;
use uuid::Uuid;

use crate::Cx;
use crate::conflict;

/// What is still to be written when the handler has returned.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub events: Vec<OutboxRow>,
    pub audits: Vec<AuditRow>,
    pub jobs: Vec<JobRow>,
    pub inbox: Option<InboxRow>,
    pub answer: Option<Answer>,
}

#[derive(Debug)]
pub(crate) struct OutboxRow {
    pub id: Uuid,
    pub topic: String,
    pub key: String,
    pub event_type: String,
    pub payload: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct AuditRow {
    pub entity_type: &'static str,
    pub entity_id: Uuid,
    pub change: &'static str,
    pub changes: Value,
}

#[derive(Debug)]
pub(crate) struct JobRow {
    pub kind: &'static str,
    pub key: String,
    pub run_time: OffsetDateTime,
}

#[derive(Debug)]
pub(crate) struct InboxRow {
    pub event_id: Uuid,
    pub consumer: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub request_id: Uuid,
    pub method: &'static str,
    pub hash: Vec<u8>,
    pub response: Vec<u8>,
}

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.audits.is_empty()
            && self.jobs.is_empty()
            && self.inbox.is_none()
            && self.answer.is_none()
    }
}

/// The usual call writes an event, an audit row and its answer: one round trip for all of them. A job that is
/// enqueued again keeps the earlier of the two times.
const FLUSH: &str = "
with outbox as (
    insert into tessera.outbox (id, topic, key, event_type, payload, create_time)
    select id, topic, key, event_type, payload, $6
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[])
        with ordinality as row (id, topic, key, event_type, payload, place) order by place
), audit as (
    insert into tessera.audit_log (id, time, actor, method, correlation_id, entity_type, entity_id, change, changes)
    select row.id, $6, $7, $8, $9, row.entity_type, row.entity_id, row.change, row.changes
    from unnest($10::uuid[], $11::text[], $12::uuid[], $13::text[], $14::jsonb[])
        as row (id, entity_type, entity_id, change, changes)
), jobs as (
    insert into tessera.jobs (kind, key, run_time, correlation_id)
    select kind, key, min(run_time), $9
    from unnest($15::text[], $16::text[], $17::timestamptz[]) as row (kind, key, run_time) group by kind, key
    on conflict (tenant_id, kind, key) do update set
        run_time = least(jobs.run_time, excluded.run_time), generation = jobs.generation + 1,
        attempts = 0, last_error = ''
), inbox as (
    insert into tessera.inbox (event_id, consumer, receive_time) select $18, $19, $6 where $18::uuid is not null
)
insert into tessera.idempotency (request_id, method, request_hash, response, create_time)
select $20, $21, $22, $23, $6 where $20::uuid is not null";

/// Writes what is pending into the transaction.
pub(crate) async fn flush(cx: &mut Cx) -> Result<()> {
    if cx.pending.is_empty() {
        return Ok(());
    }
    let now = cx.now();
    let actor = cx.actor().to_string();
    let (method, correlation_id) = (cx.meta().method.clone(), cx.meta().correlation_id.clone());
    let audit_ids: Vec<Uuid> = cx.pending.audits.iter().map(|_| cx.env().ids().new_id()).collect();
    let pending = std::mem::take(&mut cx.pending);
    let Pending { events, audits, jobs, inbox, answer } = &pending;
    let query = sqlx::query(FLUSH)
        .bind(events.iter().map(|row| row.id).collect::<Vec<_>>())
        .bind(events.iter().map(|row| row.topic.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|row| row.key.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|row| row.event_type.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|row| row.payload.as_slice()).collect::<Vec<_>>())
        .bind(now)
        .bind(actor)
        .bind(method)
        .bind(correlation_id)
        .bind(audit_ids)
        .bind(audits.iter().map(|row| row.entity_type).collect::<Vec<_>>())
        .bind(audits.iter().map(|row| row.entity_id).collect::<Vec<_>>())
        .bind(audits.iter().map(|row| row.change).collect::<Vec<_>>())
        .bind(audits.iter().map(|row| &row.changes).collect::<Vec<_>>())
        .bind(jobs.iter().map(|row| row.kind).collect::<Vec<_>>())
        .bind(jobs.iter().map(|row| row.key.as_str()).collect::<Vec<_>>())
        .bind(jobs.iter().map(|row| row.run_time).collect::<Vec<_>>())
        .bind(inbox.as_ref().map(|row| row.event_id))
        .bind(inbox.as_ref().map(|row| row.consumer.as_str()))
        .bind(answer.as_ref().map(|row| row.request_id))
        .bind(answer.as_ref().map(|row| row.method))
        .bind(answer.as_ref().map(|row| row.hash.as_slice()))
        .bind(answer.as_ref().map(|row| row.response.as_slice()));
    query.execute(cx.sql().await?).await.map_err(conflict::map)?;
    cx.pending = pending;
    Ok(())
}
