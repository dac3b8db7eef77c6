//! The events that the contracts declare, by themselves or through the records that the engine tells of.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};

/// An event that a service may tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredEvent {
    /// The service that tells it: `orders`.
    pub service: String,
    /// `order.completed`.
    pub event_type: String,
}

/// What an event that a contract declares by itself says.
#[derive(Debug, Clone)]
pub struct Payload {
    /// `order.completed`.
    pub event_type: String,
    /// Name of the field by whose value the event is keyed; empty: the tenant alone is the key.
    pub key: String,
    /// The message that carries it.
    pub message: MessageDescriptor,
}

/// Every event of every service.
pub fn events() -> BTreeSet<DeclaredEvent> {
    let service = |full_name: &str| full_name.split('.').nth(1).unwrap_or_default().to_owned();
    let told = payloads().map(|payload| DeclaredEvent {
        service: service(payload.message.full_name()),
        event_type: payload.event_type,
    });
    let records =
        changes().map(|(event_type, entity)| DeclaredEvent { service: service(entity), event_type });
    told.chain(records).collect()
}

/// The events that are declared by themselves.
pub fn payloads() -> impl Iterator<Item = Payload> {
    let option = crate::POOL.get_extension_by_name("erp.v1.event");
    crate::POOL.all_messages().filter_map(move |message| {
        let options = message.options();
        let option = option.as_ref().filter(|option| options.has_extension(option))?;
        let event = options.get_extension(option);
        let event = event.as_message()?;
        Some(Payload { event_type: text(event, "type")?, key: text(event, "key")?, message })
    })
}

/// What the engine tells of records: the event's type and the entity's full name.
pub fn changes() -> impl Iterator<Item = (String, &'static str)> {
    crate::TABLES.iter().filter(|table| table.topic.is_some()).flat_map(|table| {
        let changes = ["created", "updated", "deleted", "undeleted"];
        let changes = changes.into_iter().filter(|change| table.soft_delete || *change != "undeleted");
        changes.map(|change| (format!("{}.{change}", table.noun), table.entity))
    })
}

/// Full name of the entity whose ids a field holds; empty: it holds none.
pub fn references(field: &FieldDescriptor) -> String {
    said(field, "references").and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What `(erp.v1.field)` says of a field under this name.
pub fn said(field: &FieldDescriptor, name: &str) -> Option<Value> {
    let extension = field.parent_pool().get_extension_by_name("erp.v1.field")?;
    let options = field.options();
    let said = options.get_extension(&extension);
    Some(said.as_message()?.get_field_by_name(name)?.into_owned())
}

fn text(message: &DynamicMessage, name: &str) -> Option<String> {
    Some(message.get_field_by_name(name)?.as_str()?.to_owned())
}
