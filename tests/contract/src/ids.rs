//! The ids in requests: those of the records that a request is about, and those that it merely refers to.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};

use crate::options::{OUTPUT_ONLY, behaves, rule, table};

/// How deep to look for ids in messages inside of messages.
const DEPTH_MAX: usize = 4;

/// Where a request names the records that it is about.
#[derive(Debug, Clone)]
pub enum Place {
    /// `id`.
    One(FieldDescriptor),
    /// `ids`.
    Many(FieldDescriptor),
    /// `account.id`, of an update.
    Inside(FieldDescriptor),
}

impl Place {
    /// Where a method's request names them; `None` where it names none.
    pub fn of(method: &MethodDescriptor) -> Option<Self> {
        let input = method.input();
        let one = input.get_field_by_name("id").filter(|field| rule(field, &["string", "uuid"]).is_some());
        let many = input
            .get_field_by_name("ids")
            .filter(|field| rule(field, &["repeated", "items", "string", "uuid"]).is_some());
        let is_patch = input.get_field_by_name("update_mask").is_some();
        let is_entity =
            |field: &FieldDescriptor| field.kind().as_message().is_some_and(|one| table(one).is_some());
        let patched = || input.fields().find(is_entity).filter(|_| is_patch);
        one.map(Self::One).or_else(|| many.map(Self::Many)).or_else(|| patched().map(Self::Inside))
    }

    /// Its path: `account.id`.
    pub fn path(&self) -> String {
        match self {
            Self::One(field) | Self::Many(field) => field.name().to_owned(),
            Self::Inside(field) => format!("{}.id", field.name()),
        }
    }

    /// Puts an id there.
    pub fn set(&self, request: &mut DynamicMessage, id: &str) {
        let id = Value::String(id.to_owned());
        match self {
            Self::One(field) => request.set_field(field, id),
            Self::Many(field) => request.set_field(field, Value::List(vec![id])),
            Self::Inside(field) => {
                let record = request.get_field_mut(field).as_message_mut();
                record.expect("it holds a record").set_field_by_name("id", id);
            }
        }
    }
}

/// The paths of all other ids of a request: `contact.account_id`, `lines.product_id`.
pub fn references(method: &MethodDescriptor) -> Vec<String> {
    let own = Place::of(method).map(|place| place.path());
    let mut found = inside(&method.input(), "", DEPTH_MAX);
    found.retain(|path| path != "request_id" && Some(path) != own.as_ref());
    found
}

fn inside(message: &MessageDescriptor, prefix: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for field in message.fields().filter(|field| !behaves(field, OUTPUT_ONLY)) {
        let path = format!("{prefix}{}", field.name());
        let is_id = rule(&field, &["string", "uuid"])
            .or_else(|| rule(&field, &["repeated", "items", "string", "uuid"]))
            .is_some();
        match field.kind() {
            _ if is_id => found.push(path),
            Kind::Message(inner) if inner.full_name().starts_with("erp.") && !field.is_map() && depth > 1 => {
                found.extend(self::inside(&inner, &format!("{path}."), depth - 1));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: &str) -> MethodDescriptor {
        crate::methods().into_iter().find(|method| method.name() == name).expect("the contracts have it")
    }

    #[test]
    fn ids_are_found_wherever_they_are() {
        // An id that this passes over would never be tried with that of another tenant.
        let path = |name: &str| Place::of(&method(name)).map(|place| place.path());
        assert_eq!(path("GetAccount").as_deref(), Some("id"));
        assert_eq!(path("BatchGetAccounts").as_deref(), Some("ids"));
        assert_eq!(path("UpdateAccount").as_deref(), Some("account.id"));
        assert_eq!(path("CreateAccount"), None);
        assert_eq!(references(&method("CreateContact")), ["contact.account_id"]);
        assert!(references(&method("PlaceOrder")).contains(&"lines.product_id".to_owned()));
        assert_eq!(references(&method("UpdateAccount")), ["account.parent_id"]);
        for (name, id) in [("BatchGetAccounts", "x"), ("UpdateAccount", "y")] {
            let (method, mut request) = (method(name), DynamicMessage::new(method(name).input()));
            Place::of(&method).expect("it has one").set(&mut request, id);
            assert!(format!("{request:?}").contains(&format!("{id:?}")), "{request:?}");
        }
    }
}
