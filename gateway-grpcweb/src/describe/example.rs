//! Examples out of schemas: always the same ones, and valid by the constraints.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::pattern;
use super::rules::Schema;

/// Deeper messages show only what must be there.
const DEEP: usize = 4;
/// No example of a contract that makes sense is deeper.
const DEEPEST: usize = 24;

/// Which way the example goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Response,
}

/// Makes examples; knows the schemas that others refer to.
pub(crate) struct Examples<'a> {
    pub(crate) made: &'a BTreeMap<String, Value>,
    pub(crate) way: Way,
}

impl Examples<'_> {
    /// An example of the schema; `name` is the property or parameter that it is for.
    pub(crate) fn of(&self, schema: &Value, name: &str) -> Value {
        match schema {
            Value::Object(schema) => self.make(schema, name, 0),
            _ => Value::Null,
        }
    }

    fn make(&self, schema: &Schema, name: &str, depth: usize) -> Value {
        let schema = self.whole(schema);
        if let Some(given) = schema.get("examples").and_then(|list| list.get(0)) {
            return given.clone();
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(names) = schema.get("enum").and_then(Value::as_array) {
            let refused = schema.get("not").and_then(|not| not.get("enum")).and_then(Value::as_array);
            let fine = |one: &&Value| !refused.is_some_and(|refused| refused.contains(one));
            let told = |one: &&Value| !one.as_str().is_some_and(|one| one.ends_with("_UNSPECIFIED"));
            let mut left = names.iter().filter(fine);
            return left.clone().find(told).or_else(|| left.next()).cloned().unwrap_or_default();
        }
        let ty = match schema.get("type") {
            Some(Value::Array(types)) => types.first().and_then(Value::as_str),
            Some(one) => one.as_str(),
            None => None,
        };
        match ty {
            Some("string") => text(&schema, name).into(),
            Some("integer" | "number") => number(&schema),
            Some("boolean") => true.into(),
            Some("null") => Value::Null,
            Some("array") => self.array(&schema, name, depth),
            Some("object") => self.object(&schema, depth),
            _ => json!("value"),
        }
    }

    /// The schema with what it refers to and the first of its choices.
    fn whole(&self, schema: &Schema) -> Schema {
        let mut whole = schema.clone();
        if let Some(path) = whole.remove("$ref").as_ref().and_then(Value::as_str) {
            let name = path.rsplit('/').next().unwrap_or_default();
            if let Some(Value::Object(target)) = self.made.get(name) {
                // The enum's names yield to the rule's, which are some of them.
                target.iter().for_each(|(key, value)| {
                    whole.entry(key.clone()).or_insert_with(|| value.clone());
                });
            }
        }
        let mut parts = Vec::new();
        if let Some(Value::Array(list)) = whole.remove("anyOf") {
            parts.extend(list.into_iter().next());
        }
        if let Some(Value::Array(list)) = whole.remove("allOf") {
            // Choices of a message's oneofs, and patterns, stay beside each other.
            let (choices, others): (Vec<_>, Vec<_>) = list
                .into_iter()
                .partition(|one| ["oneOf", "pattern", "not"].iter().any(|key| one.get(key).is_some()));
            parts.extend(others);
            if !choices.is_empty() {
                whole.insert("allOf".to_owned(), choices.into());
            }
        }
        for part in parts {
            let Value::Object(part) = part else { continue };
            whole.extend(part);
        }
        whole
    }

    fn array(&self, schema: &Schema, name: &str, depth: usize) -> Value {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 100);
        let Some(Value::Object(item)) = schema.get("items") else { return json!([]) };
        let one = self.make(item, name.strip_suffix('s').unwrap_or(name), depth + 1);
        let unique = schema.get("uniqueItems").is_some();
        (0..least).map(|index| if unique { another(&one, index) } else { one.clone() }).collect()
    }

    fn object(&self, schema: &Schema, depth: usize) -> Value {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut out = Map::new();
        if depth > DEEPEST {
            return out.into();
        }
        let Some(Value::Object(properties)) = schema.get("properties") else {
            return self.map(schema, depth);
        };
        let passed_over = passed_over(schema);
        let chosen = chosen(schema);
        for (name, property) in properties {
            let must = required.contains(&name.as_str()) || chosen.contains(&name.as_str());
            let hidden = match self.way {
                Way::Request => property.get("readOnly").is_some() || is_of_no_use(name, property),
                Way::Response => property.get("writeOnly").is_some(),
            };
            let left_out = hidden || depth >= DEEP || passed_over.contains(&name.as_str());
            if must || !left_out {
                let Value::Object(property) = property else { continue };
                out.insert(name.clone(), self.make(property, name, depth + 1));
            }
        }
        out.into()
    }

    fn map(&self, schema: &Schema, depth: usize) -> Value {
        let Some(Value::Object(values)) = schema.get("additionalProperties") else { return json!({}) };
        let key = match schema.get("propertyNames") {
            Some(Value::Object(names)) if names.contains_key("enum") => "true".into(),
            Some(Value::Object(names)) => Value::from(text(names, "key")),
            _ => "key".into(),
        };
        let key = key.as_str().unwrap_or("key");
        json!({key: self.make(values, "value", depth + 1)})
    }
}

/// The value, or from the second on one that differs from those before.
fn another(value: &Value, index: u64) -> Value {
    match value {
        Value::String(text) if index > 0 => {
            // As long as before, as there may be no room for more.
            let mut text = text.clone();
            text.pop();
            format!("{text}{index}").into()
        }
        Value::Number(number) => number.as_i64().map_or(value.clone(), |number| json!(number + index as i64)),
        other => other.clone(),
    }
}

/// The first members of oneofs that may not be empty.
fn chosen(schema: &Schema) -> Vec<&str> {
    let lists = choices(schema).filter(|list| list.iter().all(|one| one.get("not").is_none()));
    lists.filter_map(|list| list.first()?.get("required")?.get(0)?.as_str()).collect()
}

/// The choices of a message's oneofs.
fn choices(schema: &Schema) -> impl Iterator<Item = &Vec<Value>> {
    let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let lists = all.filter_map(|one| one.get("oneOf")).chain(schema.get("oneOf"));
    lists.filter_map(Value::as_array)
}

/// Members of oneofs that yield to the first member.
fn passed_over(schema: &Schema) -> Vec<&str> {
    let others = choices(schema).flat_map(|list| list.iter().skip(1));
    others.filter_map(|one| one.get("required")?.get(0)?.as_str()).collect()
}

/// What a first call does better without.
fn is_of_no_use(name: &str, property: &Value) -> bool {
    let mask = property.get("format").is_some_and(|format| format == "field-mask");
    mask || matches!(name, "etag" | "pageToken") || property.get("deprecated").is_some()
}

fn text(schema: &Schema, name: &str) -> String {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let fixed = match format {
        "date-time" => "2026-03-01T10:15:30Z",
        "email" => "jane@example.com",
        "hostname" => "www.example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" => "https://example.com/",
        "uri-reference" => "/path",
        "uuid" => "01920000-0000-7000-8000-000000000001",
        "int64" | "uint64" => return wide(schema),
        _ => "",
    };
    if !fixed.is_empty() {
        return fixed.to_owned();
    }
    if schema.get("contentEncoding").is_some() {
        let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
        return "AAEC".repeat(usize::try_from(least.div_ceil(4).clamp(1, 1000)).unwrap_or(1));
    }
    matching(schema).unwrap_or_else(|| fit(words(name), schema))
}

/// A text that all patterns of the schema take: first what it begins with, last what it ends with.
fn matching(schema: &Schema) -> Option<String> {
    let own = schema.get("pattern").into_iter();
    let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let mut patterns: Vec<_> =
        own.chain(all.filter_map(|one| one.get("pattern"))).filter_map(Value::as_str).collect();
    patterns.sort_by_key(|one| match (one.starts_with('^'), one.ends_with('$')) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    });
    let parts: Option<Vec<_>> = patterns.into_iter().map(pattern::example).collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.concat())
}

/// `displayName` as a person would write it.
fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for one in name.chars() {
        if one.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(one.to_ascii_lowercase());
    }
    out
}

fn fit(mut text: String, schema: &Schema) -> String {
    let bound =
        |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    let count = text.chars().count();
    if let Some(most) = bound("maxLength")
        && count > most
    {
        text = text.chars().take(most).collect();
    }
    let least = bound("minLength").unwrap_or(0);
    text.extend(std::iter::repeat_n('x', least.saturating_sub(text.chars().count())));
    text
}

fn wide(schema: &Schema) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_str)?.parse::<i128>().ok();
    let least = bound("x-minimum").or_else(|| Some(bound("x-exclusive-minimum")? + 1)).unwrap_or(i128::MIN);
    let most = bound("x-maximum").or_else(|| Some(bound("x-exclusive-maximum")? - 1)).unwrap_or(i128::MAX);
    1.min(most).max(least).to_string()
}

fn number(schema: &Schema) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let whole =
        schema.get("type").is_some_and(|ty| ty == "integer" || ty.get(0).is_some_and(|ty| ty == "integer"));
    let step = if whole { 1.0 } else { 0.5 };
    let least = bound("minimum").or_else(|| Some(bound("exclusiveMinimum")? + step));
    let most = bound("maximum").or_else(|| Some(bound("exclusiveMaximum")? - step));
    let value = 1_f64.min(most.unwrap_or(f64::MAX)).max(least.unwrap_or(f64::MIN));
    if whole { json!(value as i64) } else { json!(value) }
}
