//! What is checked of one value, which the generated code has as `value` at the place `at`: texts, bytes and
//! messages by reference, all else by copy.

use proc_macro2::{Literal, TokenStream};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};
use quote::quote;

use super::{number, text};
use crate::names;
use crate::problems::Problems;
use crate::source::is_own;

/// The checks of a value of this kind.
pub(super) fn checks(
    field: &FieldDescriptor,
    kind: &Kind,
    rules: &Option<DynamicMessage>,
    problems: &mut Problems,
) -> TokenStream {
    let mut lines = Vec::new();
    let prefix = rules.as_ref().map(|rules| rule_prefix(rules.descriptor().name())).unwrap_or_default();
    for (rule, set) in rules.iter().flat_map(DynamicMessage::fields) {
        let id = format!("{prefix}.{}", rule.name());
        let line = match kind {
            _ if rule.name() == "example" => continue,
            Kind::String => text::string(rule.name(), set, &id),
            Kind::Bytes => text::bytes(rule.name(), set, &id),
            Kind::Bool => boolean(rule.name(), set, &id),
            Kind::Enum(enumeration) => {
                let ty = names::enumeration(enumeration, field.parent_message().package_name());
                enumerated(rule.name(), set, &id, &ty)
            }
            Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
                number::duration(rule.name(), set, &id)
            }
            Kind::Message(_) => None,
            _ => number::check(kind, rule.name(), set, &id),
        };
        match line {
            Some(line) => lines.push(line),
            None => problems.add(field.full_name(), format!("the rule `{id}` is not supported")),
        }
    }
    if let Some(rules) = rules
        && (rules.extensions().next().is_some() || rules.unknown_fields().next().is_some())
    {
        problems.add(field.full_name(), format!("has a rule of `{prefix}` that is not known"));
    }
    if let Kind::Message(message) = kind {
        match message.full_name() {
            "google.type.Money" => lines.push(quote!(at.reads("money", value.to_money(""), violations);)),
            "google.type.Decimal" => {
                lines.push(quote!(at.reads("decimal", value.to_decimal(""), violations);))
            }
            "google.type.Date" => lines.push(quote!(at.reads("date", value.to_date(""), violations);)),
            "google.protobuf.Timestamp" => lines.push(quote! {
                at.reads("timestamp", ::store::column::instant(value, ""), violations);
            }),
            _ if is_own(message.package_name()) => lines.push(quote!(at.nested(value, violations);)),
            _ => {}
        }
    }
    quote!(#(#lines)*)
}

/// `StringRules` are rules of `string`, `UInt32Rules` of `uint32`.
fn rule_prefix(rules: &str) -> String {
    rules.trim_end_matches("Rules").to_lowercase()
}

/// What is wrong when rules of one type are put on a field of another.
pub(super) fn mismatch(rules: &str, field: &FieldDescriptor) -> Option<String> {
    let wanted = match field.kind() {
        _ if field.is_map() => "Map",
        _ if field.is_list() && matches!(rules, "RepeatedRules") => "Repeated",
        // The rules of the items of a list come here as well.
        Kind::String => "String",
        Kind::Bytes => "Bytes",
        Kind::Bool => "Bool",
        Kind::Enum(_) => "Enum",
        Kind::Int32 => "Int32",
        Kind::Int64 => "Int64",
        Kind::Uint32 => "UInt32",
        Kind::Uint64 => "UInt64",
        Kind::Sint32 => "SInt32",
        Kind::Sint64 => "SInt64",
        Kind::Fixed32 => "Fixed32",
        Kind::Fixed64 => "Fixed64",
        Kind::Sfixed32 => "SFixed32",
        Kind::Sfixed64 => "SFixed64",
        Kind::Float => "Float",
        Kind::Double => "Double",
        // Rules of a message that has none are named as unsupported, which says more.
        Kind::Message(_) => return None,
    };
    let given = rules.trim_end_matches("Rules");
    (given != wanted).then(|| format!("has rules of `{}`, but is no such field", given.to_lowercase()))
}

fn boolean(rule: &str, set: &Value, id: &str) -> Option<TokenStream> {
    let wanted = set.as_bool().filter(|_| rule == "const")?;
    let text = format!("must be {wanted}");
    let wrong = if wanted { quote!(!value) } else { quote!(value) };
    Some(quote!(if #wrong { at.breaks(#id, #text, violations); }))
}

fn enumerated(rule: &str, set: &Value, id: &str, ty: &TokenStream) -> Option<TokenStream> {
    if rule == "defined_only" {
        return Some(match set.as_bool() {
            Some(true) => quote! {
                if !#ty::is_valid(value) { at.breaks(#id, "must be one of the defined values", violations); }
            },
            _ => TokenStream::new(),
        });
    }
    let numbers = match set {
        Value::List(list) => list.iter().filter_map(Value::as_i32).collect::<Vec<_>>(),
        other => vec![other.as_i32()?],
    };
    let numbers = numbers.into_iter().map(Literal::i32_unsuffixed);
    Some(match rule {
        "const" | "in" => quote! {
            if ![#(#numbers),*].contains(&value) { at.breaks(#id, "is not one of the values allowed here", violations); }
        },
        "not_in" => quote! {
            if [#(#numbers),*].contains(&value) { at.breaks(#id, "is not one of the values allowed here", violations); }
        },
        _ => return None,
    })
}
