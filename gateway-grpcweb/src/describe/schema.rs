//! JSON Schemas of messages as their proto3 JSON.

use std::collections::{BTreeMap, HashSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::comments::Comments;
use super::facts::{self, FieldFacts};
use super::rules::{self, Rules, Schema, merge, put};
use super::{known, pattern};

/// Makes schemas and collects those that others refer to.
pub(crate) struct Schemas<'a> {
    comments: &'a Comments,
    /// What stands before a message's name in a reference: `#/components/schemas/`.
    prefix: &'static str,
    /// Full names of the messages that callers are sent. A secret in any other is write-only.
    sent: &'a HashSet<String>,
    made: BTreeMap<String, Value>,
}

/// Which of a message's fields its schema shows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Part<'a> {
    /// Numbers of fields that stand elsewhere.
    pub(crate) omit: &'a [u32],
    /// Some of the fields may be given alone, so that none is required.
    pub(crate) partial: bool,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(comments: &'a Comments, prefix: &'static str, sent: &'a HashSet<String>) -> Self {
        Self { comments, prefix, sent, made: BTreeMap::new() }
    }

    /// The schemas that were referred to, by name.
    pub(crate) fn into_made(self) -> BTreeMap<String, Value> {
        self.made
    }

    pub(crate) fn made(&self) -> &BTreeMap<String, Value> {
        &self.made
    }

    pub(crate) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> Option<&'a str> {
        self.comments.of_path(file, path)
    }

    /// A reference to a message's schema, which is made when it is not there.
    pub(crate) fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(known) = known::schema(message) {
            return known;
        }
        let name = message.full_name();
        if !self.made.contains_key(name) {
            // Holds the place, as messages may hold themselves.
            self.made.insert(name.to_owned(), Value::Null);
            let schema = self.object(message, Part::default());
            self.made.insert(name.to_owned(), schema.into());
        }
        json!({"$ref": format!("{}{name}", self.prefix)})
    }

    /// The schema of a message, or of a part of it, in place.
    pub(crate) fn object(&mut self, message: &MessageDescriptor, part: Part<'_>) -> Schema {
        let mut properties = Schema::new();
        let mut required = Vec::new();
        let fields = message.fields().filter(|field| !part.omit.contains(&field.number()));
        for (order, field) in declared(fields).into_iter().enumerate() {
            let (mut schema, must) = self.field(&field);
            if must && !part.partial {
                required.push(Value::from(field.json_name()));
            }
            put(&mut schema, "x-order", order.into());
            properties.insert(field.json_name().to_owned(), schema.into());
        }
        let mut schema = Schema::new();
        put(&mut schema, "type", "object".into());
        let mut text = self.comment(&message.parent_file(), message.path()).unwrap_or_default().to_owned();
        rules::of_message(message).iter().for_each(|rule| add_sentence(&mut text, rule));
        if !text.is_empty() {
            put(&mut schema, "description", text.into());
        }
        put(&mut schema, "properties", properties.into());
        if !required.is_empty() {
            put(&mut schema, "required", required.into());
        }
        let choices: Vec<_> = message
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic())
            .filter_map(|oneof| choice(&oneof, part))
            .collect();
        match choices.as_slice() {
            [] => {}
            [one] => put(&mut schema, "oneOf", one.clone()),
            many => put(&mut schema, "allOf", many.iter().map(|one| json!({"oneOf": one})).collect()),
        }
        if facts::message_deprecated(message) {
            put(&mut schema, "deprecated", true.into());
        }
        if let Some(example) = known::example(message) {
            put(&mut schema, "examples", json!([example]));
        }
        schema
    }

    /// The schema of a field with its description, and whether requests must have it.
    pub(crate) fn field(&mut self, field: &FieldDescriptor) -> (Schema, bool) {
        let facts = FieldFacts::of(field);
        let mut rules = if facts.output_only { Rules::default() } else { Rules::of(field) };
        let mut schema = self.value(field, &mut rules);
        let required = is_required(field, &facts, &rules, &mut schema);
        if rules.skip_zero && !required {
            allow_zero(field, &mut schema);
        }
        let mut text = self.comment(&field.parent_file(), field.path()).unwrap_or_default().to_owned();
        rules.texts.iter().for_each(|rule| add_sentence(&mut text, rule));
        if facts.required && !required {
            add_sentence(&mut text, "Required; what is left out counts as zero.");
        }
        if facts.immutable {
            add_sentence(&mut text, "Cannot be changed later.");
        }
        if !text.is_empty() {
            put(&mut schema, "description", text.into());
        }
        if facts.output_only {
            put(&mut schema, "readOnly", true.into());
        }
        if facts.input_only || (facts.secret && !self.sent.contains(field.parent_message().full_name())) {
            put(&mut schema, "writeOnly", true.into());
        }
        if facts.secret {
            if matches!(field.kind(), Kind::String) && !field.is_list() && !schema.contains_key("format") {
                put(&mut schema, "format", "password".into());
            }
            put(&mut schema, "x-secret", true.into());
        }
        if facts.personal {
            put(&mut schema, "x-personal-data", true.into());
        }
        if !facts.references.is_empty() {
            put(&mut schema, "x-references", facts.references.into());
        }
        if facts.deprecated {
            put(&mut schema, "deprecated", true.into());
        }
        (schema, required)
    }

    fn value(&mut self, field: &FieldDescriptor, rules: &mut Rules) -> Schema {
        let mut schema = Schema::new();
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                put(&mut schema, "type", "object".into());
                let (mut values, mut keys) = rules.each(&mut schema);
                let value = self.single(&entry.map_entry_value_field().kind(), &mut values);
                put(&mut schema, "additionalProperties", value.into());
                let names = key_schema(&entry.map_entry_key_field().kind(), &mut keys);
                if !names.is_empty() {
                    put(&mut schema, "propertyNames", names.into());
                }
                rules.texts.extend(values.texts.iter().map(|text| format!("Values: {text}")));
                rules.texts.extend(keys.texts.iter().map(|text| format!("Keys: {text}")));
            }
            kind if field.is_list() => {
                put(&mut schema, "type", "array".into());
                let (mut items, _) = rules.each(&mut schema);
                let mut item = self.single(&kind, &mut items);
                if items.required && matches!(kind, Kind::String) {
                    merge(&mut item, Schema::from_iter([("minLength".to_owned(), 1.into())]));
                }
                put(&mut schema, "items", item.into());
                rules.texts.extend(items.texts.iter().map(|text| format!("Items: {text}")));
            }
            kind => schema = self.single(&kind, rules),
        }
        schema
    }

    fn single(&mut self, kind: &Kind, rules: &mut Rules) -> Schema {
        let base = match kind {
            Kind::Message(message) => self.message(message),
            Kind::Enum(one) => self.enumeration(one),
            scalar => known::scalar(scalar),
        };
        let Value::Object(mut schema) = base else { return Schema::new() };
        rules.constrain(kind, &mut schema);
        schema
    }

    /// A reference to an enum's schema, which lists the names of its values.
    fn enumeration(&mut self, one: &EnumDescriptor) -> Value {
        if one.full_name() == "google.protobuf.NullValue" {
            return json!({"type": "null"});
        }
        let name = one.full_name();
        if !self.made.contains_key(name) {
            let file = one.parent_file();
            let mut text = self.comment(&file, one.path()).unwrap_or_default().to_owned();
            let mut told = Schema::new();
            for value in one.values() {
                if let Some(comment) = self.comment(&file, value.path()) {
                    if !text.is_empty() {
                        text.push_str(if told.is_empty() { "\n\n" } else { "\n" });
                    }
                    text.push_str(&format!("- `{}`: {}", value.name(), comment.replace('\n', " ")));
                    put(&mut told, value.name(), comment.into());
                }
            }
            let names: Vec<_> = one.values().map(|value| Value::from(value.name())).collect();
            let mut schema = Schema::from_iter([
                ("type".to_owned(), "string".into()),
                ("enum".to_owned(), names.into()),
                ("description".to_owned(), text.into()),
                ("x-enum-descriptions".to_owned(), told.into()),
            ]);
            if facts::enum_deprecated(one) {
                put(&mut schema, "deprecated", true.into());
            }
            self.made.insert(name.to_owned(), schema.into());
        }
        json!({"$ref": format!("{}{name}", self.prefix)})
    }
}

/// The fields in the order of the contract.
pub(crate) fn declared(fields: impl Iterator<Item = FieldDescriptor>) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = fields.collect();
    fields.sort_by_key(|field| field.path().last().copied());
    fields
}

pub(crate) fn add_sentence(text: &mut String, sentence: &str) {
    if !text.is_empty() {
        text.push_str(if text.ends_with(['.', '!', '?', ')']) { " " } else { ". " });
    }
    text.push_str(sentence);
}

/// Exactly one member, or where the oneof may be empty also none.
fn choice(oneof: &prost_reflect::OneofDescriptor, part: Part<'_>) -> Option<Value> {
    let members = oneof.fields().filter(|field| !part.omit.contains(&field.number()));
    let mut members: Vec<_> = members.map(|field| json!({"required": [field.json_name()]})).collect();
    if members.len() < 2 && !rules::oneof_required(oneof) {
        return None;
    }
    if part.partial || !rules::oneof_required(oneof) {
        members.push(json!({"not": {"anyOf": members}}));
    }
    Some(members.into())
}

/// The names that JSON has for a map's keys.
fn key_schema(kind: &Kind, rules: &mut Rules) -> Schema {
    let mut schema = match kind {
        Kind::Bool => Schema::from_iter([("enum".to_owned(), json!(["true", "false"]))]),
        Kind::String => Schema::new(),
        Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => {
            Schema::from_iter([("pattern".to_owned(), "^[0-9]+$".into())])
        }
        _ => Schema::from_iter([("pattern".to_owned(), "^-?[0-9]+$".into())]),
    };
    // Bounds of numbers cannot be compared with names.
    if matches!(kind, Kind::String) {
        rules.constrain(kind, &mut schema);
    } else {
        let mut own = Schema::new();
        rules.constrain(kind, &mut own);
        let told = own.iter().map(|(key, value)| format!("`{key}` {value}."));
        rules.texts.extend(told);
    }
    schema
}

/// Whether a request without the field is refused. REQUIRED numbers without presence are not: what
/// is left out counts as zero, and zero may do.
fn is_required(field: &FieldDescriptor, facts: &FieldFacts, rules: &Rules, schema: &mut Schema) -> bool {
    if facts.output_only || field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
        return false;
    }
    let wanted = facts.required || rules.required;
    if field.supports_presence() {
        return wanted;
    }
    if field.is_list() || field.is_map() {
        let key = if field.is_map() { "minProperties" } else { "minItems" };
        if wanted && !schema.contains_key(key) {
            put(schema, key, 1.into());
        }
        return wanted || (!rules.skip_zero && schema.get(key).and_then(Value::as_u64).unwrap_or(0) > 0);
    }
    match field.kind() {
        Kind::String | Kind::Bytes if wanted => {
            let told = ["minLength", "format", "const", "enum", "pattern"];
            if !told.iter().any(|key| schema.contains_key(*key)) {
                put(schema, "minLength", 1.into());
            }
            true
        }
        Kind::Enum(one) if wanted => {
            let zero = one.default_value();
            if !["const", "enum", "not"].iter().any(|key| schema.contains_key(*key)) {
                put(schema, "not", json!({"enum": [zero.name()]}));
            }
            true
        }
        kind => !rules.skip_zero && zero_breaks(&kind, schema),
    }
}

/// Whether the zero value, which an absent field has, breaks the constraints.
fn zero_breaks(kind: &Kind, schema: &Schema) -> bool {
    let zero = match kind {
        Kind::Bool => json!(false),
        Kind::String | Kind::Bytes => json!(""),
        Kind::Enum(one) => one.default_value().name().into(),
        _ if schema.get("format").is_some_and(|format| format == "int64" || format == "uint64") => json!("0"),
        _ => json!(0),
    };
    let number = |key: &str| {
        let bound = schema.get(key)?;
        bound.as_f64().or_else(|| bound.as_str()?.parse().ok())
    };
    let listed = |list: Option<&Value>| list.and_then(Value::as_array).map(|list| list.contains(&zero));
    let text = matches!(kind, Kind::String);
    schema.get("const").is_some_and(|one| *one != zero)
        || listed(schema.get("enum")) == Some(false)
        || listed(schema.get("not").and_then(|not| not.get("enum"))) == Some(true)
        || number("minLength").is_some_and(|least| least > 0.0)
        || (text && schema.get("format").is_some())
        || (text
            && schema
                .get("pattern")
                .and_then(Value::as_str)
                .is_some_and(|pattern| !pattern::takes_empty(pattern)))
        || ["minimum", "x-minimum"].iter().any(|key| number(key).is_some_and(|least| least > 0.0))
        || ["maximum", "x-maximum"].iter().any(|key| number(key).is_some_and(|most| most < 0.0))
        || ["exclusiveMinimum", "x-exclusive-minimum"]
            .iter()
            .any(|key| number(key).is_some_and(|least| least >= 0.0))
        || ["exclusiveMaximum", "x-exclusive-maximum"]
            .iter()
            .any(|key| number(key).is_some_and(|most| most <= 0.0))
}

/// Lets the zero value pass beside what the constraints take.
fn allow_zero(field: &FieldDescriptor, schema: &mut Schema) {
    if field.is_list() || field.is_map() || !zero_breaks(&field.kind(), schema) {
        return;
    }
    let zero = match field.kind() {
        Kind::String | Kind::Bytes => json!(""),
        Kind::Bool => json!(false),
        Kind::Enum(one) => one.default_value().name().into(),
        Kind::Message(_) => return,
        _ if schema.get("type").is_some_and(|one| one == "string") => json!("0"),
        _ => json!(0),
    };
    let kept = ["type", "$ref", "description", "contentEncoding", "examples"];
    let keys: Vec<String> = schema.keys().filter(|key| !kept.contains(&key.as_str())).cloned().collect();
    let mut constraints = Schema::new();
    for key in keys {
        if let Some(value) = schema.remove(&key) {
            constraints.insert(key, value);
        }
    }
    put(schema, "anyOf", json!([constraints, {"const": zero}]));
}
