//! The events that the contracts declare, by themselves or through the records that the engine tells of.

use std::collections::BTreeSet;

/// An event that a service may tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredEvent {
    /// The service that tells it: `orders`.
    pub service: String,
    /// `order.completed`.
    pub event_type: String,
}

/// Every event of every service.
pub fn events() -> BTreeSet<DeclaredEvent> {
    let service = |full_name: &str| full_name.split('.').nth(1).unwrap_or_default().to_owned();
    let Some(option) = crate::POOL.get_extension_by_name("erp.v1.event") else { return BTreeSet::new() };
    let messages = crate::POOL.all_messages().filter(|message| message.options().has_extension(&option));
    let told = messages.filter_map(|message| {
        let options = message.options();
        let event = options.get_extension(&option);
        let kind = event.as_message()?.get_field_by_name("type")?;
        Some(DeclaredEvent { service: service(message.full_name()), event_type: kind.as_str()?.to_owned() })
    });
    let records = crate::TABLES.iter().filter(|table| table.topic.is_some()).flat_map(|table| {
        let changes = ["created", "updated", "deleted", "undeleted"];
        let changes = changes.into_iter().filter(|change| table.soft_delete || *change != "undeleted");
        changes.map(|change| DeclaredEvent {
            service: service(table.entity),
            event_type: format!("{}.{change}", table.noun),
        })
    });
    told.chain(records).collect()
}
