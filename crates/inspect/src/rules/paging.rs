//! Whatever may grow is read in pages, and whatever callers send has a limit.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

use crate::{Finding, Tree, options, validation};

/// What a comment says of a list that is as long as the contracts make it, and therefore comes at once.
const NOT_PAGED: &str = "not paged";

/// Checks List, Search and Batch methods.
pub fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for method in tree.methods() {
        if verb(&method, "List") {
            list(tree, &method, found);
        } else if verb(&method, "Search") {
            pages(&method, &["page_size", "page_token"], found);
        }
        limits(&method, found);
    }
}

fn verb(method: &MethodDescriptor, verb: &str) -> bool {
    let rest = method.name().strip_prefix(verb);
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// A list without any parameter whose comment says that it is not paged is a catalogue, not a collection.
fn list(tree: &Tree, method: &MethodDescriptor, found: &mut Vec<Finding>) {
    let catalogue = method.input().fields().len() == 0;
    if !(catalogue && tree.comment(method).to_lowercase().contains(NOT_PAGED)) {
        pages(method, &["page_size", "page_token", "filter", "order_by"], found);
    }
}

fn pages(method: &MethodDescriptor, wanted: &[&str], found: &mut Vec<Finding>) {
    let missing = |message: &MessageDescriptor, names: &[&str]| {
        let names = names.iter().filter(|name| message.get_field_by_name(name).is_none());
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    for (message, wanted) in [(method.input(), wanted), (method.output(), &["next_page_token"][..])] {
        let missing = missing(&message, wanted);
        if !missing.is_empty() {
            let text = format!(
                "{} has no {missing}: a list that grows must be read in pages, add what is missing",
                message.name()
            );
            found.push(Finding::breach(method, "method-paging", text));
        }
    }
}

/// What a list or a batch takes has a limit.
fn limits(method: &MethodDescriptor, found: &mut Vec<Finding>) {
    let batch = method.name().starts_with("Batch");
    let reads = verb(method, "List") || verb(method, "Search");
    for field in method.input().fields() {
        let rule = match field.name() {
            _ if batch && field.is_list() => Some("repeated.max_items"),
            "page_size" if reads => Some("int32.gte"),
            "filter" | "order_by" | "query" if reads => Some("string.max_len"),
            _ => None,
        };
        if let Some(rule) = rule {
            limit(&field, rule, found);
        }
    }
}

fn limit(field: &FieldDescriptor, rule: &str, found: &mut Vec<Finding>) {
    if !validation::of_field(field).contains_key(rule) {
        let text = format!("has no limit: add the rule `{rule}`, or one call can ask for any amount of work");
        found.push(Finding::breach(field, "method-limit", text));
    }
    if field.name() == "page_size" && !matches!(field.kind(), Kind::Int32) {
        found.push(Finding::breach(field, "method-paging", "must be an int32, as everywhere"));
    }
    if options::field(field).required && field.name().starts_with("page_") {
        found.push(Finding::breach(
            field,
            "method-paging",
            "must not be REQUIRED: the first page is asked for without it",
        ));
    }
}
