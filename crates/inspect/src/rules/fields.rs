//! Fields of one meaning have one type and one form of name everywhere.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Kind};

use super::methods::is_permission;
use crate::tree::domain;
use crate::{Finding, Tree, options, validation};

/// Last words of names that mean an amount of money.
const MONEY: [&str; 14] = [
    "amount", "balance", "cost", "costs", "credit", "debit", "fee", "freight", "price", "prices", "residual",
    "subtotal", "total", "totals",
];
/// Last words of names that mean a number with decimals.
const DECIMAL: [&str; 8] =
    ["discount", "factor", "percent", "percentage", "quantity", "quantities", "rate", "ratio"];
/// Words that mean something nobody may read in a log.
const SECRETS: [&str; 8] =
    ["password", "passphrase", "passwd", "secret", "secrets", "token", "tokens", "credentials"];
/// The same in two words.
const SECRET_KEYS: [&str; 6] =
    ["api_key", "private_key", "access_key", "signing_key", "encryption_key", "client_secret"];

/// Checks the fields of all messages.
pub fn check(tree: &Tree, found: &mut Vec<Finding>) {
    let sent = tree.sent();
    for field in tree.fields() {
        id(&field, &sent, found);
        money(&field, found);
        day_or_instant(&field, found);
        number(&field, found);
        secret(&field, found);
        read_permission(&field, found);
    }
}

/// Ids are strings. Those that callers send are checked to be UUIDs; those that only the service writes are
/// so by themselves. An id beside a field that names its kind (`source_id` and `source_type`) may be that
/// of another system, and then has a limit of its own.
fn id(field: &FieldDescriptor, sent: &BTreeSet<String>, found: &mut Vec<Finding>) {
    if !matches!(last_word(field), "id" | "ids") {
        return;
    }
    if !matches!(field.kind(), Kind::String) {
        found.push(Finding::breach(field, "id-type", "an id must be a string: every id is a UUID in text"));
        return;
    }
    let rule = if field.is_list() { "repeated.items.string.uuid" } else { "string.uuid" };
    let rules = validation::of_field(field);
    let of_any_kind = rules.contains_key("string.max_len") && has_kind(field);
    let checked = validation::is_on(&rules, rule) || options::field(field).output_only || of_any_kind;
    if sent.contains(field.parent_message().full_name()) && !checked {
        let text = format!(
            "an id that callers send must have the rule `{rule} = true`, or be OUTPUT_ONLY, or have \
             `string.max_len` beside a field that names its kind"
        );
        found.push(Finding::breach(field, "id-uuid", text));
    }
}

/// Whether `x_type` stands beside `x_id`.
fn has_kind(field: &FieldDescriptor) -> bool {
    let kind = field.name().strip_suffix("_id").map(|noun| format!("{noun}_type"));
    kind.is_some_and(|kind| field.parent_message().get_field_by_name(&kind).is_some())
}

fn money(field: &FieldDescriptor, found: &mut Vec<Finding>) {
    if MONEY.contains(&last_word(field)) && is_scalar(field) {
        let text = format!(
            "an amount must be google.type.Money, not {}: it has a currency and no binary fractions",
            kind(field)
        );
        found.push(Finding::breach(field, "money-type", text));
    }
}

fn number(field: &FieldDescriptor, found: &mut Vec<Finding>) {
    let decimal = DECIMAL.contains(&last_word(field)) && is_scalar(field);
    let float = matches!(field.kind(), Kind::Double | Kind::Float) && !MONEY.contains(&last_word(field));
    if decimal || float {
        let text = format!(
            "must be google.type.Decimal, not {}: what people count with must not be rounded unseen",
            kind(field)
        );
        found.push(Finding::breach(field, "decimal-type", text));
    }
}

fn day_or_instant(field: &FieldDescriptor, found: &mut Vec<Finding>) {
    let is_instant = holds(field, "google.protobuf.Timestamp");
    match last_word(field) {
        "date" | "dates" | "day" if is_scalar(field) || is_instant => {
            let text =
                format!("a day must be google.type.Date, not {}: a day has no time and no zone", kind(field));
            found.push(Finding::breach(field, "date-type", text));
        }
        "time" | "at" if is_scalar(field) => {
            let text = format!("an instant must be google.protobuf.Timestamp, not {}", kind(field));
            found.push(Finding::breach(field, "time-type", text));
        }
        "time" => {}
        _ if is_instant => {
            let text = "an instant's name must end in `_time`, as everywhere: rename it";
            found.push(Finding::breach(field, "time-name", text));
        }
        _ => {}
    }
}

/// Secrets are kept out of logs. A page token is none: it opens only what its holder may list anyway.
fn secret(field: &FieldDescriptor, found: &mut Vec<Finding>) {
    if !matches!(field.kind(), Kind::String | Kind::Bytes) {
        return;
    }
    let (name, said) = (field.name(), options::field(field));
    let page = name.ends_with("page_token");
    let named = !page
        && (name.split('_').any(|word| SECRETS.contains(&word))
            || SECRET_KEYS.iter().any(|key| name.contains(key)));
    if (named || said.secret) && !said.redact {
        let text = "is a secret but not masked: add `debug_redact = true`, and `(erp.v1.field).secret = \
            true` if it may not leave the service";
        found.push(Finding::breach(field, "secret-redacted", text));
    }
}

/// A field is withheld by a permission of its own domain, by which roles are given.
fn read_permission(field: &FieldDescriptor, found: &mut Vec<Finding>) {
    let name = options::field(field).read_permission;
    let domain = domain(field.parent_message().package_name()).to_owned();
    if !name.is_empty() && !is_permission(&name, &domain) {
        let text = format!("its read permission `{name}` is not `{domain}.<collection>.<verb>`");
        found.push(Finding::breach(field, "field-permission", text));
    }
}

fn last_word(field: &FieldDescriptor) -> &str {
    field.name().rsplit('_').next().unwrap_or_default()
}

fn is_scalar(field: &FieldDescriptor) -> bool {
    !field.is_map() && !matches!(field.kind(), Kind::Message(_) | Kind::Enum(_) | Kind::Bool)
}

fn holds(field: &FieldDescriptor, full_name: &str) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.full_name() == full_name)
}

fn kind(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(declared) => declared.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn broken(fields: &str) -> Vec<&'static str> {
        let tree = testing::tree(&format!("message M {{ {fields} }}"));
        let mut found = Vec::new();
        check(&tree, &mut found);
        found.into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn types_follow_names() {
        // Whoever knows one field knows all of its kind.
        assert_eq!(broken("int64 unit_price = 1; double total = 2;"), ["money-type", "money-type"]);
        assert_eq!(broken("google.type.Money unit_price = 1; int64 total_size = 2;"), [""; 0]);
        assert_eq!(broken("string exchange_rate = 1; float weight = 2;"), ["decimal-type", "decimal-type"]);
        assert_eq!(broken("google.type.Decimal quantity = 1; string quantity_per_unit = 2;"), [""; 0]);
        assert_eq!(broken("string due_date = 1; google.protobuf.Timestamp pay_date = 2;"), ["date-type"; 2]);
        assert_eq!(broken("google.type.Date due_date = 1; google.protobuf.Timestamp pay_time = 2;"), [""; 0]);
        assert_eq!(
            broken("google.protobuf.Timestamp paid = 1; int64 pay_time = 2;"),
            ["time-name", "time-type"]
        );
        assert_eq!(broken("int64 order_id = 1;"), ["id-type"]);
    }

    #[test]
    fn secrets_are_known_by_name_and_by_option() {
        // One that is only named so is logged like any other.
        assert_eq!(broken("string api_key = 1; bytes new_password = 2;"), ["secret-redacted"; 2]);
        assert_eq!(broken("string seed = 1 [(erp.v1.field).secret = true];"), ["secret-redacted"]);
        assert_eq!(
            broken("string api_key = 1 [debug_redact = true]; string page_token = 2; bool secret = 3;"),
            [""; 0]
        );
    }
}
