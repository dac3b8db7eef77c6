//! The rules of `buf.validate` as a flat list: `string.max_len`, `repeated.items.string.uuid`. What is flat
//! can be searched, compared and printed.

use std::collections::BTreeMap;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, MessageDescriptor, OneofDescriptor, ReflectMessage, Value,
};

use crate::options;

/// The rules of one declaration by their paths.
pub type Rules = BTreeMap<String, Value>;

/// The rules of a field.
pub fn of_field(field: &FieldDescriptor) -> Rules {
    flat(options::field_rules(field))
}

/// The rules that span the fields of a message.
pub fn of_message(message: &MessageDescriptor) -> Rules {
    flat(options::message_rules(message))
}

/// The rules of a oneof.
pub fn of_oneof(oneof: &OneofDescriptor) -> Rules {
    flat(options::oneof_rules(oneof))
}

/// Whether a rule that is a flag is on.
pub fn is_on(rules: &Rules, path: &str) -> bool {
    rules.get(path).and_then(Value::as_bool).unwrap_or_default()
}

/// A rule's value, for people.
pub fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::List(list) => list.iter().map(show).collect::<Vec<_>>().join(", "),
        Value::Message(message) => match nanos(value) {
            Some(nanos) => seconds(nanos),
            None => expression(message),
        },
        _ => value.to_string(),
    }
}

/// A number, a time or a duration on one scale, in billionths.
pub fn nanos(value: &Value) -> Option<i128> {
    const SCALE: i128 = 1_000_000_000;
    match value {
        Value::I32(number) => Some(i128::from(*number) * SCALE),
        Value::I64(number) => Some(i128::from(*number) * SCALE),
        Value::U32(number) => Some(i128::from(*number) * SCALE),
        Value::U64(number) => Some(i128::from(*number) * SCALE),
        // Bounds of floats are few and short; a billionth is enough to compare them.
        Value::F32(number) => Some((f64::from(*number) * 1e9) as i128),
        Value::F64(number) => Some((*number * 1e9) as i128),
        Value::EnumNumber(number) => Some(i128::from(*number) * SCALE),
        Value::Message(message) => {
            let part = |name: &str| message.get_field_by_name(name);
            let seconds = part("seconds")?.as_i64()?;
            let nanos = part("nanos").and_then(|nanos| nanos.as_i32()).unwrap_or_default();
            Some(i128::from(seconds) * SCALE + i128::from(nanos))
        }
        _ => None,
    }
}

/// One line for people: all that a value must be.
pub fn sentence(rules: &Rules) -> String {
    let words = rules.iter().map(|(path, value)| match value {
        Value::Bool(true) => path.clone(),
        _ => format!("{path} {}", show(value)),
    });
    words.collect::<Vec<_>>().join("; ")
}

fn seconds(nanos: i128) -> String {
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if rest == 0 { format!("{whole} s") } else { format!("{whole}.{rest:09} s") }
}

/// A rule in the expression language: its id and what it says.
fn expression(message: &DynamicMessage) -> String {
    let part = |name: &str| message.get_field_by_name(name).and_then(|part| part.as_str().map(str::to_owned));
    match (part("id"), part("expression")) {
        (Some(id), Some(expression)) if !id.is_empty() => format!("{id}: {expression}"),
        (_, Some(expression)) => expression,
        _ => message.to_string(),
    }
}

fn flat(rules: Option<DynamicMessage>) -> Rules {
    let mut found = Rules::new();
    if let Some(rules) = rules {
        collect("", &rules, &mut found);
    }
    found
}

fn collect(above: &str, rules: &DynamicMessage, found: &mut Rules) {
    for (field, value) in rules.fields() {
        // Examples are for readers and refuse nothing.
        if field.name() == "example" {
            continue;
        }
        let path =
            if above.is_empty() { field.name().to_owned() } else { format!("{above}.{}", field.name()) };
        match value {
            Value::Message(inner) if inner.descriptor().full_name().starts_with("buf.validate.") => {
                collect(&path, inner, found);
            }
            Value::EnumNumber(number) if field.name() == "ignore" => {
                found.insert(path, Value::String(ignore(*number).to_owned()));
            }
            value => {
                found.insert(path, value.clone());
            }
        }
    }
}

fn ignore(number: i32) -> &'static str {
    match number {
        1 => "if zero",
        3 => "always",
        _ => "never",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn rules(field: &str) -> Rules {
        let tree = testing::tree(&format!("message M {{ {field} }}"));
        of_field(&tree.message("erp.test.v1.M").unwrap().fields().next().unwrap())
    }

    #[test]
    fn rules_are_named_by_their_path() {
        // Everything else looks them up by it.
        let found = rules(
            "repeated string a = 1
             [(buf.validate.field).repeated = {max_items: 5 items: {string: {uuid: true}}}];",
        );
        assert_eq!(found.keys().collect::<Vec<_>>(), ["repeated.items.string.uuid", "repeated.max_items"]);
        assert!(is_on(&found, "repeated.items.string.uuid"));
        assert_eq!(sentence(&found), "repeated.items.string.uuid; repeated.max_items 5");
    }

    #[test]
    fn bounds_of_all_kinds_compare() {
        // A duration that grew shorter is as strict as a number that fell.
        let bound = |field: &str| {
            let found = rules(field);
            nanos(found.values().next().unwrap()).unwrap()
        };
        assert_eq!(bound("int64 a = 1 [(buf.validate.field).int64.lte = 3];"), 3_000_000_000);
        assert_eq!(bound("double a = 1 [(buf.validate.field).double.lte = 0.5];"), 500_000_000);
        let time = "google.protobuf.Timestamp a = 1
            [(buf.validate.field).timestamp.within = {seconds: 2 nanos: 5}];";
        assert_eq!(bound(time), 2_000_000_005);
        assert_eq!(sentence(&rules(time)), "timestamp.within 2.000000005 s");
    }
}
