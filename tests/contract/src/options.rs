//! The options of contracts, read by name.

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};

/// The value of an extension such as `erp.v1.field`; `None` when it is not set.
fn extension(options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = contracts::POOL.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn member(message: &Value, name: &str) -> Option<Value> {
    let message = message.as_message()?;
    let field = message.descriptor().get_field_by_name(name)?;
    message.has_field(&field).then(|| message.get_field(&field).into_owned())
}

use prost_reflect::ReflectMessage as _;

/// The `google.api.field_behavior` of a field, by number: 2 REQUIRED, 3 OUTPUT_ONLY, 5 IMMUTABLE.
pub fn behaves(field: &FieldDescriptor, behavior: i32) -> bool {
    match extension(&field.options(), "google.api.field_behavior") {
        Some(Value::List(list)) => list.iter().any(|value| value.as_enum_number() == Some(behavior)),
        _ => false,
    }
}

pub const REQUIRED: i32 = 2;
pub const OUTPUT_ONLY: i32 = 3;
pub const IMMUTABLE: i32 = 5;

/// The entity whose id a field holds.
pub fn references(field: &FieldDescriptor) -> Option<String> {
    let options = extension(&field.options(), "erp.v1.field")?;
    member(&options, "references").and_then(|value| value.as_str().map(str::to_owned))
}

/// Whether the value may not leave the service, but for the one answer that tells it.
pub fn is_secret(field: &FieldDescriptor) -> bool {
    let said = extension(&field.options(), "erp.v1.field").and_then(|options| member(&options, "secret"));
    said.and_then(|value| value.as_bool()).unwrap_or(false)
}

/// A rule of `buf.validate` for a field, by path: `["string", "max_len"]`.
pub fn rule(field: &FieldDescriptor, path: &[&str]) -> Option<Value> {
    let mut value = extension(&field.options(), "buf.validate.field")?;
    for name in path {
        value = member(&value, name)?;
    }
    Some(value)
}

/// All rules of `buf.validate` of a field with their values: `string.max_len`, `repeated.items.string.uuid`.
pub fn rules(field: &FieldDescriptor) -> Vec<(String, Value)> {
    let Some(Value::Message(rules)) = extension(&field.options(), "buf.validate.field") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    collect(&rules, "", &mut found);
    found
}

fn collect(rules: &DynamicMessage, prefix: &str, found: &mut Vec<(String, Value)>) {
    for (field, value) in rules.fields() {
        let name = format!("{prefix}{}", field.name());
        let is_limit =
            |message: &DynamicMessage| !message.descriptor().full_name().starts_with("buf.validate.");
        match value {
            Value::Message(inner) if !is_limit(inner) => collect(inner, &format!("{name}."), found),
            // When the rules hold, which is none itself.
            _ if name.ends_with("ignore") => {}
            Value::Bool(false) => {}
            value => found.push((name, value.clone())),
        }
    }
}

/// The entity option of a message, if it is one.
pub fn table(message: &MessageDescriptor) -> Option<&'static store::Table> {
    contracts::TABLES.iter().find(|table| table.entity == message.full_name()).copied()
}

/// Type and topic of a message that is an event.
pub fn event(message: &MessageDescriptor) -> Option<(String, String)> {
    let options = extension(&message.options(), "erp.v1.event")?;
    let text = |name| member(&options, name).and_then(|value| value.as_str().map(str::to_owned));
    Some((text("type")?, text("topic")?))
}
