//! Entries as a test asks for them, and events as services tell them.

use contracts::audit::v1::audit_entry_service_client::AuditEntryServiceClient;
use contracts::audit::v1::{AuditEntry, ListAuditEntriesRequest};
use store::{Caller, Cx, Envelope, Event, Meta};
use testkit::{Mesh, Party};

/// Up to 1,000 entries, newest first.
pub async fn entries(party: &Party, filter: &str, record_id: &str) -> Vec<AuditEntry> {
    let request = ListAuditEntriesRequest {
        page_size: 1_000,
        filter: filter.to_owned(),
        record_id: record_id.to_owned(),
        ..ListAuditEntriesRequest::default()
    };
    let mut client = party.client(AuditEntryServiceClient::new);
    client.list_audit_entries(request).await.unwrap().into_inner().audit_entries
}

/// The types of events about a record, oldest first.
pub async fn history(party: &Party, record_id: &str) -> Vec<String> {
    let entries = entries(party, "", record_id).await;
    entries.into_iter().rev().map(|entry| entry.event_type).collect()
}

/// Lets a service tell something, through its outbox, the relay and the log.
pub async fn tell<E: Event>(mesh: &Mesh, tenant: &str, event: E) {
    let caller = Caller::service("orders", Some(kit::Uuid::parse_str(tenant).unwrap()));
    let mut cx = Cx::new(mesh.env("audit").clone(), caller, Meta::default());
    cx.emit(event).unwrap();
    cx.checkpoint().await.unwrap();
}

/// Puts an envelope into the log as if a service had told it.
pub async fn publish(mesh: &Mesh, topic: &str, envelope: &Envelope) {
    let record = bus::Record {
        topic: topic.to_owned(),
        key: envelope.tenant_id.to_string(),
        event_id: envelope.event_id,
        tenant_id: envelope.tenant_id,
        event_type: envelope.event_type.clone(),
        headers: std::collections::BTreeMap::default(),
        payload: serde_json::to_vec(envelope).unwrap().into(),
    };
    mesh.log().publish(&[record]).await.unwrap();
}
