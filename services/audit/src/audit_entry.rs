//! The entries: written from events, read by those who may do something in the event's service.

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::audit::v1::{
    AuditEntry, AuditEntryApi, BatchGetAuditEntriesRequest, BatchGetAuditEntriesResponse,
    GetAuditEntryRequest, ListAuditEntriesRequest, ListAuditEntriesResponse,
};
use kit::{Error, OffsetDateTime, Result, Uuid};
use serde_json::json;
use sqlx::types::Json;
use store::{Caller, Cx, Deferred, Envelope, ListQuery, Only, Value};

use crate::payload::{self, Read, Reference};

/// The order of those who ask for none.
const NEWEST_FIRST: &str = "event_time desc";

/// Answers `AuditEntryService`.
#[derive(Debug)]
pub struct AuditEntries;

impl AuditEntryApi for AuditEntries {
    async fn get_audit_entry(&self, cx: &mut Cx, request: GetAuditEntryRequest) -> Result<AuditEntry> {
        let entry: AuditEntry = cx.get(&request.id).await?;
        seen_by(cx.caller(), entry)
    }

    async fn batch_get_audit_entries(
        &self,
        cx: &mut Cx,
        request: BatchGetAuditEntriesRequest,
    ) -> Result<BatchGetAuditEntriesResponse> {
        let entries = cx.batch_get::<AuditEntry>(&request.ids).await?;
        let audit_entries = entries.into_iter().map(|entry| seen_by(cx.caller(), entry));
        Ok(BatchGetAuditEntriesResponse { audit_entries: audit_entries.collect::<Result<_>>()? })
    }

    async fn list_audit_entries(
        &self,
        cx: &mut Cx,
        request: ListAuditEntriesRequest,
    ) -> Result<ListAuditEntriesResponse> {
        let mut only = Vec::new();
        if let Some(sources) = sources_of(cx.caller()) {
            only.push(Only { condition: "source = any({})", value: Value::TextArray(sources) });
        }
        if !request.record_id.is_empty() {
            let id = Uuid::parse_str(&request.record_id);
            let id = id.map_err(|_| Error::invalid("record_id", "must be a UUID"))?;
            let condition = "id in (select entry_id from audit_records where record_id = {})";
            only.push(Only { condition, value: Value::Uuid(id) });
        }
        let order_by = if request.order_by.trim().is_empty() { NEWEST_FIRST } else { &request.order_by };
        let query = ListQuery {
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: &request.filter,
            order_by,
            show_total_size: request.show_total_size,
            only: &only,
            ..ListQuery::default()
        };
        let page = cx.list::<AuditEntry>(query).await?;
        Ok(ListAuditEntriesResponse {
            audit_entries: page.items,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
        })
    }
}

/// The entry, where the caller may see it.
fn seen_by(caller: &Caller, entry: AuditEntry) -> Result<AuditEntry> {
    match may_see(caller, &entry.source) {
        true => Ok(entry),
        false => Err(Error::not_found("audit_entry", &entry.id)),
    }
}

/// Whether the caller may do anything in a service, and so may know what happened there.
fn may_see(caller: &Caller, source: &str) -> bool {
    let of_service = |held: &String| held.split('.').next().is_some_and(|domain| domain == source);
    caller.may("*") || caller.permissions.iter().any(of_service)
}

/// The services whose events the caller may see; none: those of all.
fn sources_of(caller: &Caller) -> Option<Vec<String>> {
    let domains = || caller.permissions.iter().filter_map(|held| held.split('.').next());
    let sources: BTreeSet<String> = domains().filter(|domain| *domain != "*").map(str::to_owned).collect();
    (!caller.may("*")).then(|| sources.into_iter().collect())
}

/// Writes an event down. One that was written down before stays as it is.
pub async fn write_down(cx: &mut Cx, event: Arc<Envelope>) -> Result<()> {
    let read = payload::read(&event)?;
    let time = cx.now();
    cx.defer(Entry { event, read, time }).await
}

/// An event that is written down, with others that come at the same time: every event of every service comes here.
struct Entry {
    event: Arc<Envelope>,
    read: Read,
    time: OffsetDateTime,
}

impl Entry {
    fn records(&self) -> Option<Json<Vec<serde_json::Value>>> {
        let records = &self.read.records;
        let told =
            |record: &Reference| json!({"entity_type": record.entity_type, "entity_id": record.entity_id});
        (!records.is_empty()).then(|| Json(records.iter().map(told).collect()))
    }
}

impl Deferred for Entry {
    async fn write<'a>(cx: &'a mut Cx, entries: &'a [&'a Self]) -> Result<()> {
        fn column<'a, T>(entries: &[&'a Entry], value: impl Fn(&'a Entry) -> T) -> Vec<T> {
            entries.iter().map(|entry| value(entry)).collect()
        }
        let references = entries.iter().flat_map(|entry| {
            entry.read.records.iter().map(|record| (record.entity_id, entry.event.event_id))
        });
        let (records, of): (Vec<Uuid>, Vec<Uuid>) = references.unzip();
        let query = sqlx::query(
            "with written as (
                 insert into audit_entries (
                     id, event_type, source, event_time, actor, correlation_id, causation_id, trace_id, records,
                     changes, data, create_time)
                 select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[],
                     $7::uuid[], $8::text[], $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::timestamptz[])
                 on conflict do nothing
                 returning id
             )
             insert into audit_records (record_id, entry_id)
             select record_id, entry_id from unnest($13::uuid[], $14::uuid[]) as record (record_id, entry_id)
             join written on written.id = entry_id",
        )
        .bind(column(entries, |entry| entry.event.event_id))
        .bind(column(entries, |entry| entry.event.event_type.as_str()))
        .bind(column(entries, |entry| entry.event.source.as_str()))
        .bind(column(entries, |entry| entry.event.timestamp))
        .bind(column(entries, |entry| entry.event.metadata.user_id.as_str()))
        .bind(column(entries, |entry| entry.event.metadata.correlation_id.as_str()))
        .bind(column(entries, |entry| Uuid::parse_str(&entry.event.metadata.causation_id).ok()))
        .bind(column(entries, |entry| entry.event.metadata.trace_id.as_str()))
        .bind(column(entries, Entry::records))
        .bind(column(entries, |entry| entry.read.changes.as_ref().map(Json)))
        .bind(column(entries, |entry| entry.read.data.as_ref().map(Json)))
        .bind(column(entries, |entry| entry.time))
        .bind(records)
        .bind(of);
        cx.execute(query).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(permissions: &[&str]) -> Caller {
        let permissions = permissions.iter().map(|one| (*one).to_owned()).collect();
        Caller { permissions, ..Caller::anonymous() }
    }

    #[test]
    fn callers_see_the_services_that_they_have_to_do_with() {
        // Whoever may see the audit at all must not learn there what he may not see elsewhere.
        let sales = holding(&["audit.entries.read", "crm.*", "orders.orders.read"]);
        assert!(may_see(&sales, "crm") && may_see(&sales, "orders"));
        assert!(!may_see(&sales, "finance") && !may_see(&sales, "cr"));
        assert_eq!(sources_of(&sales), Some(vec!["audit".to_owned(), "crm".to_owned(), "orders".to_owned()]));
        assert!(may_see(&holding(&["*"]), "finance"));
        assert_eq!(sources_of(&holding(&["*"])), None);
        assert_eq!(sources_of(&holding(&[])), Some(Vec::new()));
    }
}
