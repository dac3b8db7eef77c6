//! The parameters of an operation: path variables and query parameters.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::facts::FieldFacts;
use super::paths::PathVariable;
use super::rules::{Schema, put};
use super::schema::{Schemas, declared};

/// Query parameters of messages within messages within messages are of no use to anybody.
const DEEPEST: usize = 5;

/// A variable of the path.
pub(crate) fn path(
    schemas: &mut Schemas<'_>,
    variable: &PathVariable,
    field: Option<&FieldDescriptor>,
    template: &str,
) -> Value {
    let mut parameter = Schema::new();
    let mut text = String::new();
    let mut schema = json!({"type": "string", "minLength": 1});
    if let Some(field) = field {
        let (mut own, _) = schemas.field(field);
        text = take_text(&mut own, "description");
        let deprecated = own.remove("deprecated");
        clean(&mut own);
        if variable.whole {
            // An empty segment is no value: the path would be another one.
            let texts = matches!(field.kind(), Kind::String | Kind::Bytes);
            if texts && !["minLength", "format", "anyOf"].iter().any(|key| own.contains_key(*key)) {
                put(&mut own, "minLength", 1.into());
            }
            schema = own.into();
        }
        if let Some(deprecated) = deprecated {
            put(&mut parameter, "deprecated", deprecated);
        }
    }
    if !variable.whole {
        let of = field.map_or(template, |field| field.name());
        let part = if variable.many { "One or more segments" } else { "A segment" };
        let of = format!("{part} of `{of}`, which the path `{template}` binds.");
        text = if text.is_empty() { of } else { format!("{of} {text}") };
    } else if variable.many {
        text.push_str(" One or more segments; slashes are sent as they are.");
    }
    if variable.many {
        put(&mut parameter, "x-segments", "many".into());
    }
    put(&mut parameter, "name", variable.name.as_str().into());
    put(&mut parameter, "in", "path".into());
    put(&mut parameter, "required", true.into());
    put(&mut parameter, "schema", schema);
    if !text.is_empty() {
        put(&mut parameter, "description", text.trim().into());
    }
    parameter.into()
}

/// Every field that neither path nor body takes, as query parameters; nested ones with dots.
pub(crate) fn query(
    schemas: &mut Schemas<'_>,
    message: &MessageDescriptor,
    taken: &[Vec<FieldDescriptor>],
) -> Vec<Value> {
    let mut walk = Walk { schemas, taken, found: Vec::new() };
    walk.message(message, &mut Vec::new(), true);
    walk.found
}

struct Walk<'s, 'a> {
    schemas: &'s mut Schemas<'a>,
    taken: &'s [Vec<FieldDescriptor>],
    found: Vec<Value>,
}

impl Walk<'_, '_> {
    fn message(&mut self, message: &MessageDescriptor, path: &mut Vec<FieldDescriptor>, required: bool) {
        for field in declared(message.fields()) {
            path.push(field.clone());
            let taken = self.taken.iter().any(|taken| taken == path);
            if !taken && !FieldFacts::of(&field).output_only {
                self.field(&field, path, required);
            }
            path.pop();
        }
    }

    fn field(&mut self, field: &FieldDescriptor, path: &mut Vec<FieldDescriptor>, required: bool) {
        if let Kind::Message(entry) = field.kind()
            && field.is_map()
        {
            // A map of messages has no form in a query.
            if is_single(&entry.map_entry_value_field().kind()) {
                self.put(field, path, required, Style::Map);
            }
            return;
        }
        match field.kind() {
            Kind::Message(message) if is_json(&message) && !field.is_list() => {
                self.put(field, path, required, Style::Json);
            }
            kind if is_single(&kind) => {
                self.put(field, path, required, if field.is_list() { Style::List } else { Style::One });
            }
            Kind::Message(message) if !field.is_list() && message.full_name() != "google.protobuf.Any" => {
                let within = path.iter().any(|outer| *outer.parent_message() == message);
                if !within && path.len() < DEEPEST {
                    let (_, must) = self.schemas.field(field);
                    self.message(&message, path, required && must);
                }
            }
            _ => {}
        }
    }

    fn put(&mut self, field: &FieldDescriptor, path: &[FieldDescriptor], required: bool, style: Style) {
        let (mut schema, must) = self.schemas.field(field);
        let name = path.iter().map(FieldDescriptor::json_name).collect::<Vec<_>>().join(".");
        let mut parameter = Schema::new();
        let text = take_text(&mut schema, "description");
        if !text.is_empty() {
            put(&mut parameter, "description", text.into());
        }
        if let Some(deprecated) = schema.remove("deprecated") {
            put(&mut parameter, "deprecated", deprecated);
        }
        clean(&mut schema);
        put(&mut parameter, "name", name.into());
        put(&mut parameter, "in", "query".into());
        if required && must {
            put(&mut parameter, "required", true.into());
        }
        match style {
            Style::One => {}
            Style::List => {
                put(&mut parameter, "style", "form".into());
                put(&mut parameter, "explode", true.into());
            }
            Style::Map => {
                put(&mut parameter, "style", "deepObject".into());
                put(&mut parameter, "explode", true.into());
            }
            Style::Json => {
                put(&mut parameter, "content", json!({"application/json": {"schema": schema}}));
                self.found.push(parameter.into());
                return;
            }
        }
        put(&mut parameter, "schema", schema.into());
        self.found.push(parameter.into());
    }
}

#[derive(Clone, Copy)]
enum Style {
    One,
    /// The name again for every value.
    List,
    /// `name[key]=value`
    Map,
    /// JSON text.
    Json,
}

/// Whether a value is one text in a query.
fn is_single(kind: &Kind) -> bool {
    let Kind::Message(message) = kind else { return true };
    let name = message.full_name().strip_prefix("google.protobuf.");
    name.is_some_and(|name| {
        matches!(name, "Timestamp" | "Duration" | "FieldMask")
            || (name.ends_with("Value") && !matches!(name, "Value" | "ListValue" | "NullValue"))
    })
}

/// Whether a value is JSON text in a query.
fn is_json(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.Struct" | "google.protobuf.Value" | "google.protobuf.ListValue"
    )
}

fn take_text(schema: &mut Schema, key: &str) -> String {
    schema.remove(key).and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Leaves out what only says something of properties.
fn clean(schema: &mut Schema) {
    for key in ["x-order", "readOnly", "writeOnly"] {
        schema.remove(key);
    }
}
