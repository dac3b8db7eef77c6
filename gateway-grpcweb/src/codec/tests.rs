//! The codec against prost-reflect's, on random messages, and the cases that random ones miss.

use proptest::prelude::*;
use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage};
use serde_json::{Value, json};

use super::plan::{MessageId, Plans};
use super::{Encoder, JsonOptions, Printer};
use crate::cases::pool;

mod random;

struct Contract {
    plans: Plans,
    kinds: MessageId,
}

fn contract() -> Contract {
    let plans = Plans::compile(&pool("library.proto"));
    let kinds = plans.find("test.library.v1.Kinds").unwrap();
    Contract { plans, kinds }
}

impl Contract {
    fn encode(&self, json: &str) -> Result<Vec<u8>, String> {
        let mut encoder = Encoder::new(&self.plans, Vec::new());
        encoder.message(self.kinds, json.as_bytes()).map_err(|error| error.to_string())?;
        Ok(encoder.out)
    }

    fn print(&self, bytes: &[u8], options: JsonOptions) -> Result<Value, String> {
        let mut printer = Printer::new(&self.plans, options, Vec::new());
        printer.message(self.kinds, bytes).map_err(|error| error.to_string())?;
        Ok(serde_json::from_slice(&printer.out).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&printer.out));
        }))
    }

    fn round_trip(&self, json: &str) -> Result<Value, String> {
        self.print(&self.encode(json)?, JsonOptions::default())
    }

    fn dynamic(&self, bytes: &[u8]) -> DynamicMessage {
        DynamicMessage::decode(self.plans.message(self.kinds).descriptor.clone(), bytes).unwrap()
    }
}

#[test]
fn takes_every_form_of_proto3_json() {
    let contract = contract();
    let cases = [
        (
            r#"{"fInt32": "-5", "f_int64": 5, "fUint64": "18446744073709551615"}"#,
            json!({"fInt32": -5, "fInt64": "5", "fUint64": "18446744073709551615"}),
        ),
        (
            r#"{"fInt32": 1e3, "fInt64": "1e3", "fSint32": 2.0, "fFixed64": 1.5e1}"#,
            json!({"fInt32": 1000, "fInt64": "1000", "fSint32": 2, "fFixed64": "15"}),
        ),
        (
            r#"{"fDouble": "NaN", "fFloat": "-Infinity", "rDouble": [1, "2.5", "Infinity"]}"#,
            json!({"fDouble": "NaN", "fFloat": "-Infinity", "rDouble": [1.0, 2.5, "Infinity"]}),
        ),
        (
            r#"{"fEnum": 1, "rEnum": ["GENRE_ESSAY", 7]}"#,
            json!({"fEnum": "GENRE_NOVEL", "rEnum": ["GENRE_ESSAY", 7]}),
        ),
        (r#"{"fBytes": "-_8", "oBytes": ""}"#, json!({"fBytes": "+/8=", "oBytes": ""})),
        (
            r#"{"fString": null, "rString": null, "mString": null, "fMessage": null, "cInt32": null}"#,
            json!({}),
        ),
        (r#"{"cInt32": null, "cString": ""}"#, json!({"cString": ""})),
        (r#"{"cNull": null}"#, json!({"cNull": null})),
        (
            r#"{"oInt32": 0, "oString": "", "oBool": false, "fInt32": 0}"#,
            json!({"oInt32": 0, "oString": "", "oBool": false}),
        ),
        (
            r#"{"mMessage": {"-1": {}}, "mBool": {"true": 1}, "mEnum": {"3": "GENRE_NOVEL"}}"#,
            json!({"mMessage": {"-1": {}}, "mBool": {"true": 1.0}, "mEnum": {"3": "GENRE_NOVEL"}}),
        ),
        (
            r#"{"wStruct": {"a": [1, null, {"b": true}], "n": null}}"#,
            json!({"wStruct": {"a": [1.0, null, {"b": true}], "n": null}}),
        ),
        (
            r#"{"wValue": null, "wList": [], "wEmpty": {}}"#,
            json!({"wValue": null, "wList": [], "wEmpty": {}}),
        ),
        (
            r#"{"wTimestamp": "2026-01-01T01:00:00.5+01:00", "wDuration": "-1.5s", "wMask": "aB,c.dE"}"#,
            json!({"wTimestamp": "2026-01-01T00:00:00.500Z", "wDuration": "-1.500s", "wMask": "aB,c.dE"}),
        ),
        (
            r#"{"wInt64": 5, "wBool": false, "wString": "", "wDouble": null, "wBytes": "AQ"}"#,
            json!({"wInt64": "5", "wBool": false, "wString": "", "wBytes": "AQ=="}),
        ),
        (
            r#"{"wAny": {"@type": "x/test.library.v1.Author", "name": "A"}}"#,
            json!({"wAny": {"@type": "x/test.library.v1.Author", "name": "A"}}),
        ),
        (
            r#"{"wAny": {"name": "A", "@type": "x/test.library.v1.Author"}}"#,
            json!({"wAny": {"@type": "x/test.library.v1.Author", "name": "A"}}),
        ),
        (
            r#"{"wAny": {"@type": "x/google.protobuf.Duration", "value": "1s"}}"#,
            json!({"wAny": {"@type": "x/google.protobuf.Duration", "value": "1s"}}),
        ),
        (
            r#"{"wAny": {"value": {"a": 1}, "@type": "x/google.protobuf.Struct"}}"#,
            json!({"wAny": {"@type": "x/google.protobuf.Struct", "value": {"a": 1.0}}}),
        ),
        (r#"{"wAny": {}}"#, json!({"wAny": {}})),
        (r#"{"other": "x", "far": "y"}"#, json!({"other": "x", "far": "y"})),
        (r#"{"snake_case_name": "x"}"#, json!({"other": "x"})),
    ];
    for (json, expected) in cases {
        assert_eq!(contract.round_trip(json).as_ref(), Ok(&expected), "{json}");
    }
}

#[test]
fn refuses_with_the_path() {
    let contract = contract();
    let cases = [
        (r#"{"nope": 1}"#, "nope: is no field"),
        (r#"{"fMessage": {"rMessage": [{}, {"x": 1}]}}"#, "fMessage.rMessage[1].x: is no field"),
        (r#"{"fInt32": 1, "f_int32": 2}"#, "fInt32: is given twice"),
        (r#"{"cInt32": 1, "cString": "a"}"#, "cString: another field of the same oneof"),
        (r#"{"fInt32": 2147483648}"#, "fInt32: 2147483648 is out of the range"),
        (r#"{"fUint32": -1}"#, "fUint32: -1 is out of the range"),
        (r#"{"fInt32": 0.5}"#, "fInt32: expected an integer"),
        (r#"{"fInt32": " 1"}"#, "fInt32: expected an integer"),
        (r#"{"fFloat": 3.5e38}"#, "fFloat: is out of the range"),
        (r#"{"fBool": "true"}"#, "fBool: expected true or false, got \"true\""),
        (r#"{"fBytes": "!"}"#, "fBytes: is no base64"),
        (r#"{"rString": ["a", null]}"#, "rString[1]: null is no element"),
        (r#"{"mString": {"k": null}}"#, "mString[\"k\"]: null is no value"),
        (r#"{"mString": {"k": "a", "k": "b"}}"#, "mString[\"k\"]: is given twice"),
        (r#"{"mMessage": {"1": {}, "x": {}}}"#, "mMessage[\"x\"]: expected an integer"),
        (r#"{"wTimestamp": "yesterday"}"#, "wTimestamp: \"yesterday\" is no RFC 3339 time"),
        (r#"{"wMask": "a_b"}"#, "wMask: has a path"),
        (r#"{"wAny": {"@type": "x/none.Such"}}"#, "wAny: @type \"x/none.Such\" is not known"),
        (r#"{"wAny": {"name": "x"}}"#, "wAny: needs a type's URL"),
        (r#"{"fMessage": [1]}"#, "fMessage: expected an object, got an array"),
        (r#"{"rString": "a"}"#, "rString: invalid type"),
        (r#"{"wDuration": {}}"#, "wDuration: expected a JSON scalar"),
        ("[]", "expected an object, got an array"),
        ("null", "expected an object, got null"),
        ("{\"fString\": \"\u{1}\"}", "fString: malformed JSON"),
        ("{", "malformed JSON"),
    ];
    for (json, expected) in cases {
        let error = contract.encode(json).unwrap_err();
        assert!(error.starts_with(expected), "{json}: {error}");
    }
    let deep = format!("{}{}", r#"{"fMessage":"#.repeat(101), "{}".to_owned() + &"}".repeat(101));
    let error = contract.encode(&deep).unwrap_err();
    assert!(error.contains("nested deeper than 100"), "{error}");
    assert!(
        contract.encode(&format!("{}{}{}", r#"{"wValue":"#, "[".repeat(5000), "]".repeat(5000))).is_err()
    );
}

#[test]
fn ignores_unknowns_when_told() {
    let contract = contract();
    let mut encoder = Encoder::new(&contract.plans, Vec::new());
    encoder.ignore_unknown = true;
    let json = r#"{"x": {"y": [1]}, "fEnum": "NEW", "rEnum": ["NEW", "GENRE_NOVEL"], "mEnum": {"1": "NEW", "2": 1}}"#;
    encoder.message(contract.kinds, json.as_bytes()).unwrap();
    let shown = contract.print(&encoder.out, JsonOptions::default()).unwrap();
    assert_eq!(shown, json!({"rEnum": ["GENRE_NOVEL"], "mEnum": {"2": "GENRE_NOVEL"}}));
}

#[test]
fn prints_odd_wire_order_through_the_message_object() {
    let contract = contract();
    let first = contract
        .encode(r#"{"rInt32": [1], "fString": "a", "mString": {"a": "1"}, "fMessage": {"fInt32": 1}}"#)
        .unwrap();
    let second = contract
        .encode(r#"{"rInt32": [2], "fString": "b", "mString": {"a": "2"}, "fMessage": {"fInt64": 2}}"#)
        .unwrap();
    let both = [first, second].concat();
    let expected = json!({"rInt32": [1, 2], "fString": "b", "mString": {"a": "2"}, "fMessage": {"fInt32": 1, "fInt64": "2"}});
    assert_eq!(contract.print(&both, JsonOptions::default()), Ok(expected));
    // Unpacked elements of a packed field, and the other way round.
    let mixed = [0xB8, 0x01, 0x05, 0xBA, 0x01, 0x02, 0x06, 0x07, 0xBA, 0x01, 0x00];
    assert_eq!(contract.print(&mixed, JsonOptions::default()), Ok(json!({"rInt32": [5, 6, 7]})));
    assert_eq!(contract.print(&mixed[8..], JsonOptions::default()), Ok(json!({})));
    // A oneof given twice: the last wins.
    let twice =
        [contract.encode(r#"{"cInt32": 1}"#).unwrap(), contract.encode(r#"{"cString": "x"}"#).unwrap()]
            .concat();
    assert_eq!(contract.print(&twice, JsonOptions::default()), Ok(json!({"cString": "x"})));
}

#[test]
fn refuses_malformed_protobuf() {
    let contract = contract();
    for bytes in [&[0x0A][..], &[0x72, 5, 1], &[0x72, 1, 0xFF], &[0x00], &[0xFF; 20], &[0x0B, 0x08]] {
        assert!(contract.print(bytes, JsonOptions::default()).is_err(), "{bytes:?}");
    }
    let mut deep = Vec::new();
    for _ in 0..200 {
        let mut outer = vec![0x8A, 0x01];
        super::wire::put_bytes(&mut outer, &deep);
        deep = outer;
    }
    assert_eq!(contract.print(&deep, JsonOptions::default()), Err("nested too deep".to_owned()));
    // A mask's path that would not come back the same.
    assert!(contract.print(&[0xCA, 0x04, 3, 0x0A, 1, b'X'], JsonOptions::default()).is_err());
}

#[test]
fn prints_as_asked() {
    let contract = contract();
    let bytes = contract.encode(r#"{"fEnum": 1, "fInt64": 3, "fMessage": {}}"#).unwrap();
    let options = JsonOptions { enum_numbers: true, proto_names: true, emit_defaults: false };
    assert_eq!(contract.print(&bytes, options), Ok(json!({"f_enum": 1, "f_int64": "3", "f_message": {}})));
    let options = JsonOptions { emit_defaults: true, ..JsonOptions::default() };
    let shown = contract.print(&[], options).unwrap();
    let with_reflect = contract.dynamic(&[]).serialize_with_options(
        serde_json::value::Serializer,
        &prost_reflect::SerializeOptions::new().skip_default_fields(false),
    );
    assert_eq!(shown, with_reflect.unwrap());
}

/// What prost-reflect prints, or that it cannot.
fn reflected(message: &DynamicMessage) -> Option<Value> {
    let options = prost_reflect::SerializeOptions::new();
    // By way of text: a float has its shortest form there, as ours has.
    let mut text = Vec::new();
    message.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Names of the fields that differ.
fn differing(a: &DynamicMessage, b: &DynamicMessage) -> Vec<String> {
    let differs = |field: &prost_reflect::FieldDescriptor| {
        a.has_field(field) != b.has_field(field) || a.get_field(field) != b.get_field(field)
    };
    let name = |field: prost_reflect::FieldDescriptor| match (&*a.get_field(&field), &*b.get_field(&field)) {
        (prost_reflect::Value::Message(a), prost_reflect::Value::Message(b)) => {
            format!("{}.{:?}", field.name(), differing(a, b))
        }
        _ => field.name().to_owned(),
    };
    a.descriptor().fields().filter(differs).map(name).collect()
}

/// Where two texts part, with what surrounds it.
fn difference(a: &Value, b: &Value) -> String {
    let (a, b) = (a.to_string(), b.to_string());
    let at = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(60)..(at + 60).min(text.len())])
            .into_owned()
    };
    format!("{}\n{}", around(&a), around(&b))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_prost_reflect(seed in any::<u64>()) {
        let contract = contract_once();
        let message = random::message(&contract.plans.message(contract.kinds).descriptor, seed);
        let bytes = message.encode_to_vec();
        let Some(expected) = reflected(&message) else { return Ok(()) };
        let printed = contract.print(&bytes, JsonOptions::default()).map_err(TestCaseError::fail)?;
        prop_assert!(printed == expected, "seed {seed}: {}", difference(&printed, &expected));
        let encoded = contract.encode(&expected.to_string()).map_err(TestCaseError::fail)?;
        let back = contract.dynamic(&encoded);
        let again = reflected(&back);
        let again = again.unwrap_or_default();
        prop_assert!(again == expected, "seed {seed}: {}", difference(&again, &expected));
        // Not only the JSON is the same, but the message: presence included. NaN equals nothing.
        let nan = expected.to_string().contains("\"NaN\"");
        let direct: DynamicMessage =
            DynamicMessage::deserialize(message.descriptor(), expected).map_err(|e| TestCaseError::fail(e.to_string()))?;
        // Once more over the wire, which forgets zeros that were merely stored.
        let (back, direct) = (contract.dynamic(&back.encode_to_vec()), contract.dynamic(&direct.encode_to_vec()));
        // No assert_eq: the Debug of a recursive type's message does not end.
        prop_assert!(nan || back == direct, "seed {seed}: {:?}", differing(&back, &direct));
    }

    #[test]
    fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let contract = contract_once();
        let _ = contract.print(&bytes, JsonOptions::default());
        let mut encoder = Encoder::new(&contract.plans, Vec::new());
        let _ = encoder.message(contract.kinds, &bytes);
    }
}

fn contract_once() -> &'static Contract {
    static ONCE: std::sync::OnceLock<Contract> = std::sync::OnceLock::new();
    ONCE.get_or_init(contract)
}
