//! What is said of fields beyond their types: which callers must send, which they may not, and which are
//! masked.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Value};
use regex::Regex;

use crate::validation::{self, Rules};
use crate::{Finding, Tree, options};

/// Compares the options of fields, and looks at the new fields of messages that callers send already.
pub fn check(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    let sent: BTreeSet<String> = before.sent().intersection(&after.sent()).cloned().collect();
    for new in after.fields() {
        let Some(message) = before.message(new.parent_message().full_name()) else { continue };
        let sent = sent.contains(message.full_name());
        match message.get_field_by_name(new.name()) {
            Some(old) => compare(&old, &new, sent, found),
            None if sent && must_be_sent(&new) => {
                let text = "the new field must be sent, which callers do not do yet: let the service fill \
                    it in where it is absent";
                found.push(Finding::difference(&new, "field-needed", "new", text));
            }
            None => {}
        }
    }
}

fn compare(old: &FieldDescriptor, new: &FieldDescriptor, sent: bool, found: &mut Vec<Finding>) {
    let (was, is) = (options::field(old), options::field(new));
    let mut tell = |rule, became: bool, change: &str, hurt: &str| {
        if became {
            found.push(Finding::difference(new, rule, change, format!("{change}: {hurt}")));
        }
    };
    let required = "callers that left it out are refused now, give it a meaning where it is absent";
    tell("became-required", sent && is.required && !was.required, "became REQUIRED", required);
    let output = "what callers send is dropped without a word now, take a new field or keep reading it";
    tell("became-output-only", sent && is.output_only && !was.output_only, "became OUTPUT_ONLY", output);
    let immutable = "callers that change it are refused now, keep letting them or give them another way";
    tell("became-immutable", sent && is.immutable && !was.immutable, "became IMMUTABLE", immutable);
    let shown = "the value appears in logs and change lists now, mask it again";
    tell("redaction-lost", was.redact && !is.redact, "lost debug_redact", shown);
    tell("redaction-lost", was.secret && !is.secret, "is no longer secret", shown);
    tell("redaction-lost", was.personal && !is.personal, "is no longer personal", shown);
    if was.read_permission != is.read_permission {
        let named = |name: &str| if name.is_empty() { "none".to_owned() } else { name.to_owned() };
        let change = format!(
            "read permission was {} and is {}",
            named(&was.read_permission),
            named(&is.read_permission)
        );
        let hurt = match is.read_permission.as_str() {
            "" => "whoever may call the method reads it now: be sure that it is meant",
            _ => "it is empty for whoever does not hold the new permission, which no role has yet",
        };
        found.push(Finding::difference(new, "read-permission", &change, format!("{change}: {hurt}")));
    }
}

/// Whether a request without the field is refused.
fn must_be_sent(field: &FieldDescriptor) -> bool {
    let rules = validation::of_field(field);
    if options::field(field).required || validation::is_on(&rules, "required") {
        return true;
    }
    let skipped =
        rules.contains_key("ignore") || field.supports_presence() || field.containing_oneof().is_some();
    !skipped && refuses_zero(&rules)
}

/// Whether the rules refuse what proto3 takes for a field that was not sent.
fn refuses_zero(rules: &Rules) -> bool {
    rules.iter().any(|(path, value)| {
        let bound = || validation::nanos(value);
        let is_zero = |value: &Value| matches!(validation::show(value).as_str(), "" | "0" | "false");
        match path.rsplit('.').next().unwrap_or_default() {
            // What holds for each of none holds.
            _ if path.contains(".items.") || path.contains(".keys.") || path.contains(".values.") => false,
            "min_len" | "min_bytes" | "min_items" | "min_pairs" | "len" | "len_bytes" | "gte" => {
                bound() > Some(0)
            }
            "gt" => bound() >= Some(0),
            "lt" => bound().is_some_and(|bound| bound <= 0),
            "lte" => bound().is_some_and(|bound| bound < 0),
            "const" | "prefix" | "suffix" | "contains" => !is_zero(value),
            "in" => !value.as_list().unwrap_or_default().iter().any(is_zero),
            "not_in" => value.as_list().unwrap_or_default().iter().any(is_zero),
            "pattern" => {
                !value.as_str().and_then(|text| Regex::new(text).ok()).is_some_and(|regex| regex.is_match(""))
            }
            // Whether an expression holds for zero is not found out here; better one word too many.
            "cel" | "cel_expression" => true,
            // The well-known forms of text; the other flags let zero pass.
            flag => path.starts_with("string.") && flag != "strict" && matches!(value, Value::Bool(true)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_new_field_is_told_where_its_absence_is_refused() {
        // Callers of the last release do not send it.
        let needed = [
            "string a = 1 [(google.api.field_behavior) = REQUIRED]",
            "google.protobuf.Timestamp a = 1 [V.required = true]",
            "string a = 1 [V.string.uuid = true]",
            "string a = 1 [V.string.pattern = '^[a-z]+$']",
            "string a = 1 [V.string.in = 'x']",
            "int32 a = 1 [V.int32.gt = 0]",
            "repeated string a = 1 [V.repeated.min_items = 1]",
        ];
        let harmless = [
            "string a = 1 [V.string.max_len = 5]",
            "optional string a = 1 [V.string.uuid = true]",
            "string a = 1 [V.string.uuid = true, V.ignore = IGNORE_IF_ZERO_VALUE]",
            "string a = 1 [V.string.pattern = '^[a-z]*$']",
            "int32 a = 1 [V.int32 = {in: [0, 4]}]",
            "int32 a = 1 [V.int32.gte = 0]",
            "repeated string a = 1 [V.repeated.items.string.uuid = true]",
        ];
        let all: Vec<&str> = needed.iter().chain(&harmless).copied().collect();
        let bodies = all.iter().map(|field| format!("{};", field.replace("V.", "(buf.validate.field).")));
        let tree = testing::messages(&bodies.collect::<Vec<_>>());
        for (index, field) in all.iter().enumerate() {
            assert_eq!(must_be_sent(&testing::field(&tree, index)), needed.contains(field), "{field}");
        }
    }
}
