use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value as Set};
use serde_json::{Value, json};

use super::{contracts, document, of_test, pool, schema};
use crate::describe::facts::FieldFacts;

/// Where each rule must show: the keyword of JSON Schema, told apart from how the schema is made.
const KEYWORDS: &[(&str, &str)] = &[
    ("min_len", "minLength"),
    ("max_len", "maxLength"),
    ("len", "minLength"),
    ("const", "const"),
    ("in", "enum"),
    ("not_in", "not"),
    ("prefix", "pattern"),
    ("suffix", "pattern"),
    ("contains", "pattern"),
    ("not_contains", "not"),
    ("email", "format"),
    ("hostname", "format"),
    ("uri", "format"),
    ("uuid", "format"),
    ("ip", "ipv6"),
    ("min_items", "minItems"),
    ("max_items", "maxItems"),
    ("unique", "uniqueItems"),
    ("min_pairs", "minProperties"),
    ("max_pairs", "maxProperties"),
    ("defined_only", "$ref"),
    ("finite", "number"),
];

/// The rules of a field, however they are nested, as name and value.
fn leaves(rules: &DynamicMessage, found: &mut Vec<(String, Set)>) {
    for (rule, set) in rules.fields() {
        match (rule.name(), set) {
            ("cel", Set::List(list)) => {
                for one in list.iter().filter_map(Set::as_message) {
                    found.push(("cel".to_owned(), one.get_field_by_name("expression").unwrap().into_owned()));
                }
            }
            (_, Set::Message(inner)) if !inner.descriptor_is_value() => leaves(inner, found),
            (name, _) => found.push((name.to_owned(), set.clone())),
        }
    }
}

trait IsValue {
    fn descriptor_is_value(&self) -> bool;
}

impl IsValue for DynamicMessage {
    fn descriptor_is_value(&self) -> bool {
        use prost_reflect::ReflectMessage as _;
        self.descriptor().package_name() == "google.protobuf"
    }
}

fn rules_of(field: &FieldDescriptor) -> Vec<(String, Set)> {
    let extension = field.parent_pool().get_extension_by_name("buf.validate.field").unwrap();
    let options = field.options();
    let mut found = Vec::new();
    if options.has_extension(&extension) {
        leaves(options.get_extension(&extension).as_message().unwrap(), &mut found);
    }
    found
}

/// Whether the schema or its description says the rule.
fn says(field: &FieldDescriptor, property: &Value, required: bool, rule: &str, set: &Set) -> bool {
    let text = property["description"].as_str().unwrap_or_default();
    let json = property.to_string();
    match (rule, set) {
        ("required", _) => required || json.contains("minLength") || json.contains("minItems"),
        // Not a constraint of its own: it lets the zero value pass.
        ("ignore", _) => true,
        ("cel" | "cel_expression", _) => {
            text.contains(set.as_str().unwrap_or_default())
                || set.as_list().is_some_and(|list| text.contains(list[0].as_str().unwrap()))
        }
        ("pattern", _) => json.contains("\"pattern\"") || text.contains(set.as_str().unwrap()),
        ("gt" | "gte" | "lt" | "lte", Set::Message(_)) => text.contains("60s") || text.contains('s'),
        ("gt" | "gte" | "lt" | "lte", _) => {
            let number = set.to_string();
            let wide = matches!(field.kind(), Kind::Int64 | Kind::Uint64);
            if wide {
                text.contains(&number) && json.contains("x-m")
            } else {
                json.contains(&number) && json.contains("imum")
            }
        }
        _ => match KEYWORDS.iter().find(|(name, _)| *name == rule) {
            Some((_, keyword)) => {
                json.contains(&format!("\"{keyword}\"")) || text.contains(&format!(".{rule}`"))
            }
            None => text.contains(rule) || text.contains(&set.to_string()),
        },
    }
}

#[test]
fn no_rule_is_lost() {
    let mut counted = 0;
    for snapshot in [contracts(), of_test("rules.proto")] {
        let document = document(&snapshot);
        for message in pool(&snapshot).all_messages() {
            let made = schema(&document, message.full_name());
            if made.is_null() {
                continue;
            }
            for field in message.fields().filter(|field| !FieldFacts::of(field).output_only) {
                let property = &made["properties"][field.json_name()];
                let required =
                    made["required"].as_array().is_some_and(|list| list.contains(&json!(field.json_name())));
                for (rule, set) in rules_of(&field) {
                    counted += 1;
                    assert!(
                        says(&field, property, required, &rule, &set),
                        "{}: {rule} = {set} is lost in {property:#}",
                        field.full_name()
                    );
                }
            }
        }
    }
    assert!(counted > 200, "{counted} rules");
}

/// Requests that are taken and refused by the schema of `Ruled`'s fields.
#[test]
fn constraints_mean_what_the_rules_mean() {
    let document = document(&of_test("rules.proto"));
    let properties = &schema(&document, "test.rules.v1.Ruled")["properties"];
    let components = json!({"schemas": document["components"]["schemas"]});
    let cases = [
        ("text", json!(["ab", "123456789", "äö"]), json!(["a", "1234567890"])),
        ("exact", json!(["abc"]), json!(["ab", "abcd"])),
        ("listed", json!(["x", "y"]), json!(["z"])),
        ("barred", json!(["y"]), json!(["x"])),
        ("ends", json!(["a.m.z"]), json!(["a.z", "b.m.z", "a.mq.z"])),
        ("patterned", json!(["12"]), json!(["1x", ""])),
        ("id", json!(["", "01920000-0000-7000-8000-000000000001"]), json!(["x"])),
        ("small", json!([1, 9]), json!([0, 10])),
        ("outside", json!([0, 11]), json!([1, 5, 10])),
        ("wide", json!(["5"]), json!(["-5", 5])),
        ("real", json!([1.5, 0.1]), json!([0, 1.6, "NaN"])),
        ("ratio", json!([0.2, "NaN"]), json!([0.1])),
        ("raw", json!(["AAE", "AAECAwQ="]), json!(["AA", "AAECAwQFBg=="])),
        ("colour", json!(["COLOUR_RED"]), json!(["COLOUR_UNSPECIFIED", "COLOUR_BLUE"])),
        ("warm", json!(["COLOUR_RED"]), json!(["COLOUR_UNSPECIFIED"])),
        ("agreed", json!([true]), json!([false])),
        ("tags", json!([["a", "b"]]), json!([["a"], ["a", "a"], ["a", ""], ["a", "b", "c", "d", "e"]])),
        ("counts", json!([{"a": 7}]), json!([{}, {"A": 7}, {"a": 6}])),
        ("right", json!(["1", null]), json!([true])),
        ("maybe", json!([true, null]), json!(["true"])),
    ];
    for (name, good, bad) in cases {
        let schema = json!({"allOf": [properties[name]], "components": components});
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        for (list, fine) in [(&good, true), (&bad, false)] {
            for value in list.as_array().unwrap() {
                assert_eq!(validator.is_valid(value), fine, "{name}: {value} by {}", properties[name]);
            }
        }
    }
}

#[test]
fn absent_fields_are_required_where_zero_is_refused() {
    let document = document(&of_test("rules.proto"));
    let made = schema(&document, "test.rules.v1.Ruled");
    let required: Vec<_> =
        made["required"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    for name in ["text", "mail", "small", "wide", "real", "colour", "agreed", "tags", "counts", "inner"] {
        assert!(required.contains(&name), "{name} of {required:?}");
    }
    for name in ["id", "outside", "pause", "left", "right", "maybe", "barred"] {
        assert!(!required.contains(&name), "{name} of {required:?}");
    }
    assert_eq!(made["oneOf"], json!([{"required": ["left"]}, {"required": ["right"]}]));
}

#[test]
fn secrets_and_what_only_services_set_are_marked() {
    let document = document(&contracts());
    let login = &schema(&document, "erp.identity.v1.LoginRequest")["properties"]["password"];
    assert_eq!((&login["writeOnly"], &login["format"]), (&json!(true), &json!("password")));
    let token = &schema(&document, "erp.identity.v1.TokenPair")["properties"]["accessToken"];
    assert_eq!((&token["writeOnly"], &token["x-secret"]), (&Value::Null, &json!(true)));
    let order = &schema(&document, "erp.orders.v1.Order")["properties"];
    assert_eq!(order["id"]["readOnly"], true);
    assert_eq!(order["accountId"]["x-references"], "erp.crm.v1.Account");
    assert!(order["number"]["description"].as_str().unwrap().starts_with("Number for people"));
}
