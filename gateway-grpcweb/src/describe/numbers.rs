//! Rules of numbers. Those of 64 bits are strings in JSON, whose bounds JSON Schema cannot compare:
//! they stand as `x-minimum` and `x-maximum`, and as a sentence.

use prost_reflect::{Kind, Value as Set};
use serde_json::{Number, Value, json};

use super::rules::{Schema, put};

fn is_wide(kind: &Kind) -> bool {
    matches!(kind, Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64)
}

/// A number as JSON has it.
fn json(set: &Set) -> Option<Value> {
    Some(match set {
        Set::I32(number) => json!(number),
        Set::U32(number) => json!(number),
        Set::I64(number) => number.to_string().into(),
        Set::U64(number) => number.to_string().into(),
        // The shortest decimal of a float, not that of the double of the same value.
        Set::F32(number) => Number::from_f64(number.to_string().parse().ok()?)?.into(),
        Set::F64(number) => Number::from_f64(*number)?.into(),
        _ => return None,
    })
}

fn list(set: &Set) -> Value {
    set.as_list().unwrap_or_default().iter().filter_map(json).collect()
}

/// One rule; false when JSON Schema cannot say it.
pub(super) fn rule(kind: &Kind, rule: &str, set: &Set, schema: &mut Schema) -> bool {
    let keyword = match (rule, is_wide(kind)) {
        ("in", _) => {
            put(schema, "enum", list(set));
            return true;
        }
        ("not_in", _) => {
            put(schema, "not", json!({"enum": list(set)}));
            return true;
        }
        ("finite", _) => {
            if set.as_bool() == Some(true) {
                put(schema, "type", "number".into());
            }
            return true;
        }
        ("const", _) => "const",
        ("gt", false) => "exclusiveMinimum",
        ("gte", false) => "minimum",
        ("lt", false) => "exclusiveMaximum",
        ("lte", false) => "maximum",
        ("gt", true) => "x-exclusive-minimum",
        ("gte", true) => "x-minimum",
        ("lt", true) => "x-exclusive-maximum",
        ("lte", true) => "x-maximum",
        _ => return false,
    };
    let Some(value) = json(set) else { return false };
    put(schema, keyword, value);
    true
}

/// What several rules mean together.
pub(super) fn finish(kind: &Kind, schema: &mut Schema, texts: &mut Vec<String>) {
    if is_wide(kind) {
        for (key, words) in [
            ("x-exclusive-minimum", "More than"),
            ("x-minimum", "At least"),
            ("x-exclusive-maximum", "Less than"),
            ("x-maximum", "At most"),
        ] {
            if let Some(bound) = schema.get(key).and_then(Value::as_str) {
                texts.push(format!("{words} {bound}."));
            }
        }
        let least = schema.get("x-minimum").or_else(|| schema.get("x-exclusive-minimum"));
        if least.and_then(Value::as_str).is_some_and(|least| !least.starts_with('-')) {
            put(schema, "pattern", "^[0-9]+$".into());
        }
        return;
    }
    let bound =
        |keys: [&str; 2]| keys.into_iter().find_map(|key| Some((key.to_owned(), schema.get(key)?.clone())));
    let (lower, upper) = (bound(["minimum", "exclusiveMinimum"]), bound(["maximum", "exclusiveMaximum"]));
    // A lower bound above the upper one means what lies outside of both.
    if let (Some((low, above)), Some((high, below))) = (lower, upper)
        && above.as_f64() > below.as_f64()
    {
        schema.remove(&low);
        schema.remove(&high);
        put(schema, "anyOf", json!([{low: above}, {high: below}]));
    }
}
