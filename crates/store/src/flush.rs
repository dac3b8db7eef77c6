//! What calls leave beside their rows, written by one statement just before the commit: events, audit rows,
//! jobs, inbox rows and first answers.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use kit::{OffsetDateTime, Result};
use serde_json::Value;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use crate::Cx;
use crate::conflict;
use crate::deferred::Held;

/// What is still to be written when the handler has returned.
#[derive(Default)]
pub(crate) struct Pending {
    pub deferred: Vec<Held>,
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
    pub traceparent: String,
}

#[derive(Debug)]
pub(crate) struct AuditRow {
    pub id: Uuid,
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
    pub traceparent: String,
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

/// What one call leaves, and of whom and when it is.
pub(crate) struct Footprint {
    pub pending: Pending,
    /// The request for which it is still to be looked whether it was answered before.
    pub request: Option<Uuid>,
    pub time: OffsetDateTime,
    pub actor: String,
    pub method: String,
    pub correlation_id: String,
}

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.deferred.is_empty() && self.leaves_nothing()
    }

    /// Whether there is nothing beside the rows.
    fn leaves_nothing(&self) -> bool {
        self.events.is_empty()
            && self.audits.is_empty()
            && self.jobs.is_empty()
            && self.inbox.is_none()
            && self.answer.is_none()
    }

    /// Whether a job is due.
    pub fn has_job_due(&self, now: OffsetDateTime) -> bool {
        self.jobs.iter().any(|job| job.run_time <= now)
    }
}

/// One table's part of the statement; each `?` is a parameter.
struct Part {
    name: &'static str,
    sql: &'static str,
}

const OUTBOX: Part = Part {
    name: "outbox",
    sql: "insert into tessera.outbox (id, topic, key, event_type, payload, create_time, traceparent)
        select id, topic, key, event_type, payload, create_time, traceparent
        from unnest(?::uuid[], ?::text[], ?::text[], ?::text[], ?::bytea[], ?::timestamptz[], ?::text[])
            with ordinality as row (id, topic, key, event_type, payload, create_time, traceparent, place) order by place",
};
const AUDIT: Part = Part {
    name: "audit",
    sql: "insert into tessera.audit_log (
            id, time, actor, method, correlation_id, entity_type, entity_id, change, changes)
        select * from unnest(?::uuid[], ?::timestamptz[], ?::text[], ?::text[], ?::text[], ?::text[], ?::uuid[],
            ?::text[], ?::jsonb[])",
};
// One that is enqueued again keeps the earlier of the two times.
const JOBS: Part = Part {
    name: "jobs",
    sql: "insert into tessera.jobs (kind, key, run_time, correlation_id, traceparent)
        select kind, key, min(run_time), min(correlation_id), min(traceparent)
        from unnest(?::text[], ?::text[], ?::timestamptz[], ?::text[], ?::text[])
            as row (kind, key, run_time, correlation_id, traceparent)
        group by kind, key
        on conflict (tenant_id, kind, key) do update set
            run_time = least(jobs.run_time, excluded.run_time), generation = jobs.generation + 1,
            attempts = 0, last_error = ''",
};
const INBOX: Part = Part {
    name: "inbox",
    sql: "insert into tessera.inbox (event_id, consumer, receive_time)
        select * from unnest(?::uuid[], ?::text[], ?::timestamptz[])",
};
const ANSWERS: Part = Part {
    name: "answers",
    sql: "insert into tessera.idempotency (request_id, method, request_hash, response, create_time)
        select * from unnest(?::uuid[], ?::text[], ?::bytea[], ?::bytea[], ?::timestamptz[])",
};

/// Writes what calls leave beside their rows into the transaction: one round trip for all of it.
pub(crate) async fn flush(cx: &mut Cx, calls: &[Footprint]) -> Result<()> {
    if calls.iter().all(|call| call.pending.leaves_nothing()) {
        return Ok(());
    }
    let events = all(calls, |pending| &pending.events);
    let audits = all(calls, |pending| &pending.audits);
    let jobs = all(calls, |pending| &pending.jobs);
    let inbox = all(calls, |pending| &pending.inbox);
    let answers = all(calls, |pending| &pending.answer);
    let parts = [
        (OUTBOX, !events.is_empty()),
        (AUDIT, !audits.is_empty()),
        (JOBS, !jobs.is_empty()),
        (INBOX, !inbox.is_empty()),
        (ANSWERS, !answers.is_empty()),
    ];
    let mut query = sqlx::query(statement(&parts));
    if !events.is_empty() {
        query = bind_events(query, &events);
    }
    if !audits.is_empty() {
        query = bind_audits(query, &audits);
    }
    if !jobs.is_empty() {
        query = query
            .bind(column(&jobs, |_, row| row.kind))
            .bind(column(&jobs, |_, row| row.key.as_str()))
            .bind(column(&jobs, |_, row| row.run_time))
            .bind(column(&jobs, |call, _| call.correlation_id.as_str()))
            .bind(column(&jobs, |_, row| row.traceparent.as_str()));
    }
    if !inbox.is_empty() {
        query = query
            .bind(column(&inbox, |_, row| row.event_id))
            .bind(column(&inbox, |_, row| row.consumer.as_str()))
            .bind(column(&inbox, |call, _| call.time));
    }
    if !answers.is_empty() {
        query = query
            .bind(column(&answers, |_, row| row.request_id))
            .bind(column(&answers, |_, row| row.method))
            .bind(column(&answers, |_, row| row.hash.as_slice()))
            .bind(column(&answers, |_, row| row.response.as_slice()))
            .bind(column(&answers, |call, _| call.time));
    }
    query.execute(cx.sql().await?).await.map_err(conflict::map)?;
    Ok(())
}

type Rows<'a, R> = Vec<(&'a Footprint, &'a R)>;
type Statement<'q> = Query<'q, Postgres, PgArguments>;

fn bind_events<'q>(query: Statement<'q>, events: &Rows<'q, OutboxRow>) -> Statement<'q> {
    query
        .bind(column(events, |_, row| row.id))
        .bind(column(events, |_, row| row.topic.as_str()))
        .bind(column(events, |_, row| row.key.as_str()))
        .bind(column(events, |_, row| row.event_type.as_str()))
        .bind(column(events, |_, row| row.payload.as_slice()))
        .bind(column(events, |call, _| call.time))
        .bind(column(events, |_, row| row.traceparent.as_str()))
}

fn bind_audits<'q>(query: Statement<'q>, audits: &Rows<'q, AuditRow>) -> Statement<'q> {
    query
        .bind(column(audits, |_, row| row.id))
        .bind(column(audits, |call, _| call.time))
        .bind(column(audits, |call, _| call.actor.as_str()))
        .bind(column(audits, |call, _| call.method.as_str()))
        .bind(column(audits, |call, _| call.correlation_id.as_str()))
        .bind(column(audits, |_, row| row.entity_type))
        .bind(column(audits, |_, row| row.entity_id))
        .bind(column(audits, |_, row| row.change))
        .bind(column(audits, |_, row| &row.changes))
}

/// The rows of one kind of all calls, in order, each with its call.
fn all<'a, R: 'a, I>(calls: &'a [Footprint], rows: impl Fn(&'a Pending) -> I) -> Rows<'a, R>
where
    I: IntoIterator<Item = &'a R>,
{
    calls.iter().flat_map(|call| rows(&call.pending).into_iter().map(move |row| (call, row))).collect()
}

fn column<'a, R, T>(rows: &Rows<'a, R>, value: impl Fn(&'a Footprint, &'a R) -> T) -> Vec<T> {
    rows.iter().map(|(call, row)| value(call, row)).collect()
}

/// The statement with the parts that are wanted: PostgreSQL opens each table and its indices even where no row
/// is to be written. There are 31 at the most, so they are kept.
fn statement(parts: &[(Part, bool); 5]) -> &'static str {
    static CACHE: LazyLock<RwLock<HashMap<usize, &'static str>>> = LazyLock::new(RwLock::default);
    let key = parts.iter().enumerate().map(|(place, (_, wanted))| usize::from(*wanted) << place).sum();
    if let Some(found) = CACHE.read().expect("nothing panics while holding it").get(&key) {
        return found;
    }
    let made = make(parts.iter().filter(|(_, wanted)| *wanted).map(|(part, _)| part));
    CACHE.write().expect("nothing panics while holding it").entry(key).or_insert_with(|| made.leak())
}

fn make<'a>(parts: impl Iterator<Item = &'a Part>) -> String {
    let with: Vec<String> = parts.map(|Part { name, sql }| format!("{name} as ({sql})")).collect();
    let mut text = String::from("with ");
    let joined = with.join(", ");
    let mut pieces = joined.split('?');
    text.push_str(pieces.next().unwrap_or_default());
    for (number, piece) in pieces.enumerate() {
        text.push_str(&format!("${}{piece}", number + 1));
    }
    text.push_str(" select");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_only_the_parts_it_needs() {
        // Parameters must be numbered through, whichever tables take part.
        let text = make([&INBOX, &ANSWERS].into_iter());
        assert!(text.starts_with("with inbox as (insert into tessera.inbox"), "{text}");
        assert!(text.contains("unnest($1::uuid[], $2::text[], $3::timestamptz[])"), "{text}");
        assert!(text.contains("unnest($4::uuid[]"), "{text}");
        assert!(!text.contains("outbox") && !text.contains('?') && text.ends_with(" select"), "{text}");
    }
}
