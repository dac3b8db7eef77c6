//! Values that fit the rules of a contract, different for every number.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use regex::Regex;

use crate::options::{IMMUTABLE, OUTPUT_ONLY, REQUIRED, behaves, references, rule};

/// Fills every field that a caller may set, but references, which `resolve` gives or leaves out.
pub fn fill(
    message: &MessageDescriptor,
    seed: u32,
    resolve: &dyn Fn(&FieldDescriptor) -> Option<String>,
) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        if behaves(&field, OUTPUT_ONLY)
            || field.name() == "etag"
            || field.containing_oneof().is_some_and(|o| !o.is_synthetic())
        {
            continue;
        }
        if let Some(value) = sample(&field, seed, resolve) {
            filled.set_field(&field, value);
        }
    }
    filled
}

/// Another value for one field that may be changed freely, with its name; `None` when there is no such field.
pub fn change(record: &DynamicMessage, seed: u32) -> Option<(FieldDescriptor, Value)> {
    let none = |_: &FieldDescriptor| None;
    let free = |field: &FieldDescriptor| {
        !behaves(field, OUTPUT_ONLY)
            && !behaves(field, IMMUTABLE)
            && references(field).is_none()
            && field.name() != "etag"
            && matches!(field.kind(), Kind::String)
            && !field.is_list()
            && !field.is_map()
    };
    record.descriptor().fields().filter(free).find_map(|field| {
        let value = sample(&field, seed, &none)?;
        (*record.get_field(&field) != value).then_some((field, value))
    })
}

fn sample(
    field: &FieldDescriptor,
    seed: u32,
    resolve: &dyn Fn(&FieldDescriptor) -> Option<String>,
) -> Option<Value> {
    if references(field).is_some() {
        let id = resolve(field)?;
        return Some(if field.is_list() { Value::List(vec![Value::String(id)]) } else { Value::String(id) });
    }
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { return None };
        let value = scalar(&entry.map_entry_value_field(), seed, resolve)?;
        let pattern = rule(field, &["map", "keys", "string", "pattern"]);
        let key = match pattern.as_ref().and_then(|value| value.as_str()) {
            Some(pattern) => text(Some(pattern), 1, 40, seed)?,
            None => format!("key{seed}"),
        };
        return Some(Value::Map([(MapKey::String(key), value)].into()));
    }
    if field.is_list() {
        let min = rule(field, &["repeated", "min_items"]).and_then(|value| value.as_u64()).unwrap_or(1);
        let seeds = (0..).map(|number| seed + number).take(usize::try_from(min).ok()?.max(1));
        return seeds.map(|seed| item(field, seed, resolve)).collect::<Option<_>>().map(Value::List);
    }
    scalar(field, seed, resolve)
}

fn item(
    field: &FieldDescriptor,
    seed: u32,
    resolve: &dyn Fn(&FieldDescriptor) -> Option<String>,
) -> Option<Value> {
    match field.kind() {
        Kind::String => {
            let pattern = rule(field, &["repeated", "items", "string", "pattern"]);
            text(pattern.as_ref().and_then(|value| value.as_str()), 1, 40, seed).map(Value::String)
        }
        _ => scalar(field, seed, resolve),
    }
}

fn scalar(
    field: &FieldDescriptor,
    seed: u32,
    resolve: &dyn Fn(&FieldDescriptor) -> Option<String>,
) -> Option<Value> {
    match field.kind() {
        Kind::String => string(field, seed).map(Value::String),
        // False for the records that are walked, whose seeds are even: what is marked, such as a default, may
        // be kept from being deleted. True for the others.
        Kind::Bool => Some(Value::Bool(!seed.is_multiple_of(2))),
        Kind::Int32 | Kind::Sint32 => Some(Value::I32(i32::try_from(seed % 1_000).ok()?)),
        Kind::Int64 | Kind::Sint64 => Some(Value::I64(i64::from(seed))),
        Kind::Double => Some(Value::F64(f64::from(seed) / 4.0)),
        Kind::Bytes => Some(Value::Bytes(seed.to_be_bytes().to_vec().into())),
        Kind::Enum(kind) => {
            let allowed = rule(field, &["enum", "in"]);
            let allowed = allowed.as_ref().and_then(|list| list.as_list()).unwrap_or_default();
            let first = allowed.iter().find_map(Value::as_i32).filter(|_| !allowed.is_empty());
            Some(Value::EnumNumber(
                first.unwrap_or_else(|| kind.values().nth(1).map_or(0, |value| value.number())),
            ))
        }
        Kind::Message(message) => well_known(&message, seed).or_else(|| {
            message.full_name().starts_with("erp.").then(|| Value::Message(fill(&message, seed, resolve)))
        }),
        _ => None,
    }
}

fn well_known(message: &MessageDescriptor, seed: u32) -> Option<Value> {
    let json = match message.full_name() {
        "google.type.Money" => {
            serde_json::json!({"currencyCode": "EUR", "units": seed % 1_000 + 1, "nanos": 250_000_000})
        }
        "google.type.Decimal" => serde_json::json!({"value": format!("{}.5", seed % 100 + 1)}),
        "google.type.Date" => serde_json::json!({"year": 2026, "month": seed % 12 + 1, "day": seed % 28 + 1}),
        "google.type.PostalAddress" => serde_json::json!({
            "regionCode": "AT", "postalCode": "1010", "locality": "Wien", "addressLines": [format!("Straße {seed}")],
        }),
        "google.protobuf.Timestamp" => serde_json::json!("2026-05-04T03:02:01.123456Z"),
        _ => return None,
    };
    Some(Value::Message(crate::call::message(message, json)))
}

fn string(field: &FieldDescriptor, seed: u32) -> Option<String> {
    if rule(field, &["string", "uuid"]).is_some() {
        // An id that refers to nothing the contract names.
        return Some(format!("018f0000-0000-7000-8000-{seed:012x}"));
    }
    if rule(field, &["string", "email"]).is_some() {
        return Some(format!("someone{seed}@example.com"));
    }
    if rule(field, &["string", "uri"]).is_some() {
        return Some(format!("https://example.com/{seed}"));
    }
    let length = |name| {
        rule(field, &["string", name]).and_then(|value| value.as_u64()).and_then(|n| usize::try_from(n).ok())
    };
    let (min, max) = match length("len") {
        Some(exact) => (exact, exact),
        None => (length("min_len").unwrap_or(0), length("max_len").unwrap_or(60)),
    };
    let pattern = rule(field, &["string", "pattern"]);
    let made = text(pattern.as_ref().and_then(|value| value.as_str()), min, max, seed);
    assert!(
        made.is_some() || !behaves(field, REQUIRED),
        "no sample fits {}: teach `text` its pattern",
        field.full_name()
    );
    made
}

/// The first of some usual shapes that fits.
fn text(pattern: Option<&str>, min: usize, max: usize, seed: u32) -> Option<String> {
    let pattern =
        pattern.map(|text| Regex::new(text).expect("patterns of contracts are regular expressions"));
    let shapes = [
        format!("Größe {seed} · 大"),
        format!("sample-{seed}"),
        format!("sample{seed}"),
        format!("S{seed:05}"),
        format!("{:06}", seed + 100_000),
        "EUR".to_owned(),
        "de".to_owned(),
        "de-AT".to_owned(),
        "+431234567".to_owned(),
        "Europe/Vienna".to_owned(),
        "crm.accounts.read".to_owned(),
        "/sample".to_owned(),
        "https://example.com/".to_owned(),
        "image/webp".to_owned(),
        format!("{seed:064x}"),
    ];
    let fits = |text: &String| {
        let length = text.chars().count();
        length >= min && length <= max && pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
    };
    shapes.into_iter().find(fits)
}
