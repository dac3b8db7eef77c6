//! The types that have a JSON of their own, and values that show the common ones.

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Value, json};

/// The schema of a well-known type. None: it is a message like any other.
pub(crate) fn schema(message: &MessageDescriptor) -> Option<Value> {
    Some(match message.full_name() {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => json!({
            "type": "string",
            "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$",
            "examples": ["90s"],
        }),
        "google.protobuf.FieldMask" => json!({
            "type": "string",
            "format": "field-mask",
            "examples": ["name"],
        }),
        "google.protobuf.Struct" => {
            json!({"type": "object", "additionalProperties": true, "examples": [{"key": "value"}]})
        }
        "google.protobuf.Value" => json!({}),
        "google.protobuf.ListValue" => json!({"type": "array", "items": {}}),
        "google.protobuf.Any" => json!({
            "type": "object",
            "required": ["@type"],
            "properties": {"@type": {"type": "string", "description": "The URL that names the message's type."}},
            "additionalProperties": true,
            "examples": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "REASON", "domain": "example",
            }],
        }),
        "google.protobuf.DoubleValue" | "google.protobuf.FloatValue" => json!({
            "anyOf": [{"type": ["number", "null"], "format": "double"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
        }),
        "google.protobuf.Int64Value" | "google.protobuf.UInt64Value" => {
            json!({"type": ["string", "null"], "format": "int64", "pattern": "^-?[0-9]+$"})
        }
        "google.protobuf.Int32Value" => json!({"type": ["integer", "null"], "format": "int32"}),
        "google.protobuf.UInt32Value" => {
            json!({"type": ["integer", "null"], "format": "uint32", "minimum": 0})
        }
        "google.protobuf.BoolValue" => json!({"type": ["boolean", "null"]}),
        "google.protobuf.StringValue" => json!({"type": ["string", "null"]}),
        "google.protobuf.BytesValue" => json!({"type": ["string", "null"], "contentEncoding": "base64"}),
        _ => return None,
    })
}

/// The schema of a scalar.
pub(crate) fn scalar(kind: &Kind) -> Value {
    match kind {
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
        Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "format": "uint32", "minimum": 0}),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
        }
        Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}),
        Kind::Float => json!({
            "type": ["number", "string"], "format": "float",
            "anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
        }),
        Kind::Double => json!({
            "type": ["number", "string"], "format": "double",
            "anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
        }),
        Kind::Message(_) | Kind::Enum(_) => json!({}),
    }
}

/// A value that makes sense, of a type whose fields alone would make a senseless one.
pub(crate) fn example(message: &MessageDescriptor) -> Option<Value> {
    Some(match message.full_name() {
        "google.type.Money" => json!({"currencyCode": "EUR", "units": "19", "nanos": 990_000_000}),
        "google.type.Decimal" => json!({"value": "19.99"}),
        "google.type.Date" => json!({"year": 2026, "month": 3, "day": 1}),
        "google.type.TimeOfDay" => json!({"hours": 10, "minutes": 15}),
        "google.type.LatLng" => json!({"latitude": 52.5, "longitude": 13.4}),
        "google.type.PostalAddress" => json!({
            "regionCode": "DE", "postalCode": "10115", "locality": "Berlin", "addressLines": ["Invalidenstr. 1"],
        }),
        _ => return None,
    })
}
