//! What whoever may not read the log may hear of it: that a record which he may read has changed, and nothing of what
//! it holds.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use contracts::{METHODS, changes, payloads, references};
use serde_json::{Map, Value};
use store::glue::prost_reflect::MessageDescriptor;
use store::{Access, Caller, Envelope};

/// Who may read the whole log.
const OPERATOR: &str = "ops.events.read";

/// What one caller may hear.
pub(crate) enum Sight {
    Everything,
    /// Changes of the records that this caller may read.
    Records(Caller),
}

impl Sight {
    pub fn of(caller: &Caller) -> Self {
        if caller.may(OPERATOR) { Self::Everything } else { Self::Records(caller.clone()) }
    }

    /// Whether the caller may hear of events of this type: those about a record of the event's own domain that he may
    /// read, since the type alone tells what became of it.
    pub fn hears(&self, event_type: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Records(caller) => TOLD
                .get(event_type)
                .is_some_and(|told| told.records.iter().any(|entity| may_read(caller, entity))),
        }
    }

    /// The event without what the caller may not hear.
    pub fn narrow(&self, mut event: Envelope) -> Envelope {
        if let Self::Records(caller) = self {
            event.data = match TOLD.get(&event.event_type) {
                Some(Told { payload: Some(payload), .. }) => named(payload, &event.data, caller),
                Some(_) => of_change(&event.data),
                None => Value::Object(Map::new()),
            };
        }
        event
    }
}

/// The events that contracts know, by type.
static TOLD: LazyLock<HashMap<String, Told>> = LazyLock::new(|| {
    let changes = changes().map(|(event_type, entity)| {
        (event_type, Told { records: BTreeSet::from([entity.to_owned()]), payload: None })
    });
    let payloads = payloads().map(|payload| {
        let mut records = BTreeSet::new();
        referred_to(&payload.message, &mut BTreeSet::new(), &mut records);
        let home = format!("{}.", payload.message.package_name());
        records.retain(|entity| entity.starts_with(&home));
        (payload.event_type, Told { records, payload: Some(payload.message) })
    });
    changes.chain(payloads).collect()
});

/// What is known of a type of events.
struct Told {
    /// Full names of the entities of its own domain that it is about.
    records: BTreeSet<String>,
    /// What carries it; none: it is a change that the engine tells of.
    payload: Option<MessageDescriptor>,
}

/// Who may read one record of an entity, by the entity's full name.
static READS: LazyLock<HashMap<String, Access>> = LazyLock::new(|| {
    let reads = METHODS.iter().filter_map(|method| {
        let (service, name) = method.path.strip_prefix('/')?.split_once('/')?;
        let entity = service.strip_suffix("Service")?;
        (name.strip_prefix("Get") == entity.rsplit('.').next()).then(|| (entity.to_owned(), method.access))
    });
    reads.collect()
});

fn may_read(caller: &Caller, entity: &str) -> bool {
    match READS.get(entity) {
        Some(Access::Permission(permission)) => caller.may(permission),
        Some(Access::Authenticated | Access::Public) => true,
        None => false,
    }
}

/// Every entity that a message may name, at any depth.
fn referred_to(message: &MessageDescriptor, seen: &mut BTreeSet<String>, entities: &mut BTreeSet<String>) {
    if !seen.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        let entity = references(&field);
        if !entity.is_empty() {
            entities.insert(entity);
        } else if let Some(inner) = field.kind().as_message() {
            referred_to(inner, seen, entities);
        }
    }
}

/// Which record changed, without its values and without the names of those that did.
fn of_change(data: &Value) -> Value {
    let kept = ["entityType", "entityId"].into_iter();
    kept.filter_map(|name| Some((name.to_owned(), data.get(name)?.clone()))).collect::<Map<_, _>>().into()
}

/// The ids in a payload, of those records alone that the caller may read.
fn named(message: &MessageDescriptor, data: &Value, caller: &Caller) -> Value {
    let mut kept = Map::new();
    for (name, value) in data.as_object().into_iter().flatten() {
        let Some(field) = message.get_field_by_json_name(name).filter(|field| !field.is_map()) else {
            continue;
        };
        let entity = references(&field);
        if !entity.is_empty() {
            if may_read(caller, &entity) {
                kept.insert(name.clone(), value.clone());
            }
        } else if let Some(inner) = field.kind().as_message() {
            let value = match value {
                Value::Array(list) => list.iter().map(|one| named(inner, one, caller)).collect(),
                one => named(inner, one, caller),
            };
            kept.insert(name.clone(), value);
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sight(permissions: &[&str]) -> Sight {
        let permissions = permissions.iter().map(|one| (*one).to_owned()).collect();
        Sight::of(&Caller { permissions, ..Caller::anonymous() })
    }

    fn event(event_type: &str, data: Value) -> Envelope {
        let time = "2026-11-22T08:00:00Z";
        let envelope = json!({
            "eventId": "0199f0a8-7d3e-7000-8000-000000000001", "eventType": event_type, "version": "v1",
            "timestamp": time, "tenantId": "0199f0a8-7d3e-7000-8000-000000000002", "source": "any", "data": data,
        });
        Envelope::parse(envelope.to_string().as_bytes()).expect("this is an event")
    }

    #[test]
    fn a_record_is_heard_of_by_those_who_may_read_it() {
        // An order tells its buyer's account and its money; who sells learns that it moved, and the accountant nothing.
        let sales = sight(&["orders.orders.read"]);
        assert!(sales.hears("order.completed") && !sales.hears("invoice.posted"));
        assert!(!sales.hears("account.updated") && !sales.hears("of.no.contract"));
        let order = event("order.completed", json!({"orderId": "one", "accountId": "two", "number": "SO-1"}));
        assert_eq!(sales.narrow(order).data, json!({"orderId": "one"}));
        assert!(!sight(&["finance.*"]).hears("order.completed"));
        // The goods are the catalog's: whoever reads that alone hears nothing of the stock.
        assert!(!sight(&["catalog.products.read"]).hears("stock.moved"));
    }

    #[test]
    fn a_change_is_told_without_what_changed() {
        // Fields may ask for permissions of their own, and even their names tell something.
        let change = json!({
            "entityType": "erp.crm.v1.Account", "entityId": "one", "changes": {"credit_limit": {"to": "5"}},
        });
        let sales = sight(&["crm.accounts.read"]);
        assert!(sales.hears("account.updated"));
        let told = sales.narrow(event("account.updated", change.clone()));
        assert_eq!(told.data, json!({"entityType": "erp.crm.v1.Account", "entityId": "one"}));
        let operator = sight(&["ops.events.read"]);
        assert_eq!(operator.narrow(event("account.updated", change.clone())).data, change);
        assert!(operator.hears("of.no.contract"));
    }
}
