//! Requests that break exactly one rule of their contract, one for each rule.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::options::{OUTPUT_ONLY, REQUIRED, behaves, rules};

/// How deep to look for rules in messages inside of messages.
const DEPTH_MAX: usize = 4;
/// A text longer than any that a contract takes is not worth being made.
const LENGTH_MAX: u64 = 1 << 20;

/// A request that breaks a rule.
#[derive(Debug)]
pub struct Breach {
    /// Where: `lines[0].quantity`.
    pub path: String,
    /// Which: `string.uuid`.
    pub rule: String,
    pub request: DynamicMessage,
}

/// One request for each rule of a message and of those inside of it.
pub fn breaches(message: &MessageDescriptor) -> Vec<Breach> {
    inside(message, DEPTH_MAX)
}

fn inside(message: &MessageDescriptor, depth: usize) -> Vec<Breach> {
    let mut found = Vec::new();
    for field in message.fields() {
        // What a caller sets there is passed over, rules or not.
        if behaves(&field, OUTPUT_ONLY) {
            continue;
        }
        found.extend(own(message, &field));
        if let Kind::Message(inner) = field.kind()
            && inner.full_name().starts_with("erp.")
            && !field.is_map()
            && depth > 1
        {
            found.extend(
                self::inside(&inner, depth - 1).into_iter().map(|breach| wrap(message, &field, breach)),
            );
        }
    }
    found
}

/// The same breach inside of a field.
fn wrap(message: &MessageDescriptor, field: &FieldDescriptor, breach: Breach) -> Breach {
    let inner = Value::Message(breach.request);
    let (value, place) = match field.is_list() {
        true => (Value::List(vec![inner]), format!("{}[0]", field.name())),
        false => (inner, field.name().to_owned()),
    };
    let mut request = DynamicMessage::new(message.clone());
    request.set_field(field, value);
    Breach { path: format!("{place}.{}", breach.path), rule: breach.rule, request }
}

/// The breaches of a field's own rules.
fn own(message: &MessageDescriptor, field: &FieldDescriptor) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut add = |rule: String, value: Option<Value>| {
        let mut request = DynamicMessage::new(message.clone());
        let mut path = field.name().to_owned();
        if let Some(value) = value {
            if rule.starts_with("repeated.items") {
                path.push_str("[0]");
            }
            if let Some(key) =
                value.as_map().filter(|_| rule != "map.max_pairs").and_then(|map| map.keys().next())
            {
                path.push_str(&format!("[{:?}]", key.as_str().unwrap_or_default()));
            }
            request.set_field(field, value);
        }
        found.push(Breach { path, rule, request });
    };
    if behaves(field, REQUIRED) && !field.is_list() {
        add("required".to_owned(), None);
    }
    for (rule, value) in rules(field) {
        if let Some(broken) = break_rule(field, &rule, &value) {
            add(rule, Some(broken));
        }
    }
    found
}

/// A value that breaks a rule. `None` for what is no rule of its own, or is broken by leaving the field out.
fn break_rule(field: &FieldDescriptor, rule: &str, value: &Value) -> Option<Value> {
    if let Some(item) = rule.strip_prefix("repeated.items.") {
        return Some(Value::List(vec![break_rule(field, item, value)?]));
    }
    if let Some(map) = rule.strip_prefix("map.").filter(|map| *map != "max_pairs") {
        let Kind::Message(entry) = field.kind() else { return None };
        // A language is a key that maps of the contracts take; a text without one is a value.
        let (mut key, mut held) = (Value::String("de".to_owned()), Value::String("text".to_owned()));
        match map.split_once('.')? {
            ("keys", rule) => key = break_rule(&entry.map_entry_key_field(), rule, value)?,
            ("values", rule) => held = break_rule(&entry.map_entry_value_field(), rule, value)?,
            _ => panic!("{}: teach `break_rule` the rule {rule}", field.full_name()),
        }
        let key = prost_reflect::MapKey::String(key.as_str()?.to_owned());
        return Some(Value::Map([(key, held)].into()));
    }
    let number = || value.as_i64().or_else(|| value.as_i32().map(i64::from));
    let integer = |number: i64| match field.kind() {
        Kind::Int64 | Kind::Sint64 => Value::I64(number),
        _ => Value::I32(i32::try_from(number).expect("limits of 32 bits have neighbours")),
    };
    Some(match rule {
        "string.uuid" | "string.email" | "string.uri" => Value::String("no such thing".to_owned()),
        // No pattern takes both, a control character and a slash.
        "string.pattern" => Value::String("\u{1}/\u{1}".to_owned()),
        "string.max_len" | "string.len" => {
            let length = value.as_u64().filter(|length| *length < LENGTH_MAX)?;
            Value::String("x".repeat(usize::try_from(length).ok()? + 1))
        }
        "string.min_len" => {
            let length = usize::try_from(value.as_u64()?).ok()?;
            Value::String("x".repeat(length.checked_sub(1)?))
        }
        "int32.gte" | "int64.gte" => integer(number()?.checked_sub(1)?),
        "int32.lte" | "int64.lte" => integer(number()?.checked_add(1)?),
        "int32.gt" | "int64.gt" | "int32.lt" | "int64.lt" => integer(number()?),
        "enum.defined_only" | "enum.in" => Value::EnumNumber(9_999),
        "enum.not_in" => Value::EnumNumber(value.as_list()?.first()?.as_i32()?),
        "repeated.max_items" => {
            let count = usize::try_from(value.as_u64()?).ok()? + 1;
            Value::List(vec![item(field); count])
        }
        "repeated.unique" => Value::List(vec![unique_item(field)?; 2]),
        // An empty list is the field left out.
        "repeated.min_items" => Value::List(Vec::new()),
        "map.max_pairs" => {
            let count = i64::try_from(value.as_u64()?).ok()? + 1;
            let Kind::Message(entry) = field.kind() else { return None };
            let value = Value::default_value_for_field(&entry.map_entry_value_field());
            let pair = |number| (prost_reflect::MapKey::String(format!("key{number}")), value.clone());
            Value::Map((0..count).map(pair).collect())
        }
        "duration.gte" => duration(field, value, -1)?,
        "duration.lte" => duration(field, value, 1)?,
        "required" => return None,
        other => panic!("{}: teach `break_rule` the rule {other}", field.full_name()),
    })
}

fn item(field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::Message(message) => Value::Message(DynamicMessage::new(message)),
        Kind::String => Value::String("x".to_owned()),
        kind => Value::default_value(&kind),
    }
}

/// An item that breaks no rule of its own, so that only its second occurrence is wrong.
fn unique_item(field: &FieldDescriptor) -> Option<Value> {
    let is_id = rules(field).iter().any(|(rule, _)| rule == "repeated.items.string.uuid");
    is_id.then(|| Value::String("018f0000-0000-7000-8000-000000000001".to_owned()))
}

/// A duration that is a second longer or shorter than a limit.
fn duration(field: &FieldDescriptor, limit: &Value, seconds: i64) -> Option<Value> {
    let Kind::Message(message) = field.kind() else { return None };
    let limit = limit.as_message()?.get_field_by_name("seconds")?.as_i64()?;
    let mut duration = DynamicMessage::new(message);
    duration.set_field_by_name("seconds", Value::I64(limit + seconds));
    Some(Value::Message(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_broken_by_itself() {
        // A rule that this module passes over would never be seen enforced.
        let order =
            contracts::POOL.get_message_by_name("erp.orders.v1.PlaceOrderRequest").expect("it exists");
        let found: Vec<(String, String)> =
            breaches(&order).into_iter().map(|breach| (breach.path, breach.rule)).collect();
        for (path, rule) in [
            ("account_id", "required"),
            ("account_id", "string.uuid"),
            ("lines", "repeated.max_items"),
            ("lines[0].product_id", "string.uuid"),
            ("lines[0].quantity", "required"),
        ] {
            assert!(found.contains(&(path.to_owned(), rule.to_owned())), "{path} {rule}: {found:?}");
        }
    }
}
