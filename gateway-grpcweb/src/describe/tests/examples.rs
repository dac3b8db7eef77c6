use jsonschema::Validator;
use serde_json::{Value, json};

use super::{all, document, operations};
use crate::codec::Encoder;
use crate::codec::plan::MessageId;
use crate::snapshot::{Body, Route, Snapshot};

fn validator(document: &Value, schema: &Value) -> Validator {
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema],
        "components": {"schemas": needed(document, schema)},
    });
    jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
}

/// The schemas that a schema refers to, and those that these refer to.
fn needed(document: &Value, schema: &Value) -> Value {
    let mut found = serde_json::Map::new();
    let mut open = vec![schema];
    while let Some(one) = open.pop() {
        match one {
            Value::Object(map) => open.extend(map.values()),
            Value::Array(list) => open.extend(list),
            Value::String(text) => {
                let name = text.strip_prefix("#/components/schemas/").unwrap_or_default();
                if !name.is_empty() && !found.contains_key(name) {
                    let target = &document["components"]["schemas"][name];
                    found.insert(name.to_owned(), target.clone());
                    open.push(target);
                }
            }
            _ => {}
        }
    }
    found.into()
}

/// Checks every example below `value`: schema and example stand beside each other.
fn check(document: &Value, place: &str, value: &Value, checked: &mut usize) {
    match value {
        Value::Object(map) => {
            if let (Some(schema), Some(example)) = (map.get("schema"), map.get("example")) {
                let errors: Vec<_> =
                    validator(document, schema).iter_errors(example).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{place}: {errors:?}\n{example:#}");
                *checked += 1;
            }
            for (key, inner) in map.iter().filter(|(key, _)| *key != "example") {
                check(document, &format!("{place}/{key}"), inner, checked);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| check(document, place, inner, checked)),
        _ => {}
    }
}

#[test]
fn every_example_fits_its_schema() {
    for snapshot in all() {
        let document = document(&snapshot);
        let mut checked = 0;
        check(&document, "", &document["paths"], &mut checked);
        assert!(checked >= snapshot.route_count(), "{checked} examples");
    }
}

#[test]
fn every_schema_is_one() {
    for snapshot in all() {
        let document = document(&snapshot);
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}: {schema:#}");
            validator(&document, schema);
        }
    }
}

fn encode(
    snapshot: &Snapshot,
    write: impl FnOnce(&mut Encoder<'_>) -> Result<(), crate::JsonError>,
) -> Result<usize, String> {
    let mut encoder = Encoder::new(&snapshot.plans, Vec::new());
    write(&mut encoder).map_err(|error| error.to_string())?;
    Ok(encoder.out.len())
}

fn body(snapshot: &Snapshot, route: &Route, input: MessageId, json: &[u8]) -> Result<usize, String> {
    encode(snapshot, |encoder| match &route.body {
        Body::Field(path) => encoder.field(path, json),
        _ => encoder.message(input, json),
    })
}

#[test]
fn the_codec_takes_every_example() {
    for snapshot in all() {
        let document = document(&snapshot);
        let operations = operations(&document);
        let mut taken = 0;
        for (_, route) in snapshot.routes() {
            let method = snapshot.method(route);
            let name = method.path.as_str().trim_start_matches('/');
            let own = operations
                .iter()
                .filter(|(_, verb, one)| one["x-grpc-method"] == name && **verb == *route.verb);
            for (path, verb, operation) in own {
                let example = &operation["requestBody"]["content"]["application/json"]["example"];
                if route.body != Body::None && !example.is_null() {
                    let written = body(&snapshot, route, method.input, example.to_string().as_bytes());
                    assert!(written.is_ok(), "{verb} {path}: {written:?}\n{example:#}");
                    taken += 1;
                }
                let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
                let example = if method.server_streaming { &example[0] } else { example };
                if route.response_body.is_none() && !example.is_null() {
                    let text = example.to_string();
                    let written =
                        encode(&snapshot, |encoder| encoder.message(method.output, text.as_bytes()));
                    assert!(written.is_ok(), "{verb} {path} answers {written:?}\n{example:#}");
                    taken += 1;
                }
            }
        }
        assert!(taken > 0);
    }
}
