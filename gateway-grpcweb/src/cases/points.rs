//! The points on which suites contradict each other or http.proto, each decided once.
//!
//! A point tells by what a case asks, not by its name, so that it holds for other folders as well.
//! `docs/gateway-semantics.md` says what was decided and why.

use serde_json::Value;

use super::{list, pairs, text};

/// One decision.
pub(super) struct Point {
    pub(super) name: &'static str,
    /// Whether a case is about it.
    covers: fn(&Value) -> bool,
}

impl Point {
    /// The decision that a case is about.
    pub(super) fn of(case: &Value) -> Option<&'static Self> {
        POINTS.iter().find(|point| (point.covers)(case))
    }
}

pub(super) const POINTS: [Point; 14] = [
    Point { name: "trailing-comma", covers: |case| has_trailing_comma(text(case, "body")) },
    Point { name: "duplicate-routes", covers: has_duplicates },
    Point { name: "wrong-method", covers: |case| case["status"] == 501 && case["rpc"].is_null() },
    Point { name: "system-parameters", covers: |case| case["options"]["system_params"].is_array() },
    Point {
        name: "unregistered-verb",
        covers: |case| case["options"]["match_unregistered_custom_verb"] == true,
    },
    Point { name: "plus-and-space", covers: |case| text(case, "query").contains("+%20") },
    Point { name: "go-duration", covers: |case| pairs_of(case).any(is_go_duration) },
    Point { name: "colon-in-variable", covers: |case| has_colon_in_variable(text(case, "template")) },
    Point { name: "empty-verb", covers: |case| text(case, "template").ends_with(':') },
    Point { name: "behind-rest", covers: |case| has_wildcard_behind_rest(text(case, "template")) },
    Point { name: "mask-of-struct", covers: is_mask_of_struct },
    Point { name: "unknown-any", covers: |case| has_unknown_type(text(case, "body")) },
    Point { name: "path-wins", covers: |case| case["reject_binding_body_collisions"] == true },
    Point { name: "repeated-twice", covers: is_repeated_twice },
];

fn pairs_of(case: &Value) -> impl Iterator<Item = &str> {
    let query = if case["query"].is_array() { pairs(case, "query") } else { Vec::new() };
    query.into_iter().map(|(_, value)| value)
}

fn has_trailing_comma(body: &str) -> bool {
    let mut behind = body.split(',').skip(1);
    behind.any(|rest| rest.trim_start().starts_with(['}', ']']))
}

/// An `@type` that is none of google's own.
fn has_unknown_type(body: &str) -> bool {
    let types = body.split("\"@type\"").skip(1);
    types
        .into_iter()
        .any(|rest| !rest.trim_start_matches([':', ' ', '"']).starts_with("type.googleapis.com/google."))
}

fn has_duplicates(case: &Value) -> bool {
    let templates = list(case, "templates");
    templates.iter().enumerate().any(|(at, one)| templates[..at].contains(one))
}

/// `13h0m0s`: a unit that is not the last one, or not seconds.
fn is_go_duration(value: &str) -> bool {
    value.starts_with(|one: char| one.is_ascii_digit())
        && value.contains(['h', 'm'])
        && value.chars().all(|one| one.is_ascii_digit() || "hmsµun.".contains(one))
}

fn has_colon_in_variable(template: &str) -> bool {
    template.split('{').skip(1).any(|rest| rest.split('}').next().is_some_and(|inside| inside.contains(':')))
}

fn has_wildcard_behind_rest(template: &str) -> bool {
    let mut parts = template.splitn(2, "**").skip(1);
    parts.any(|rest| rest.contains(['*', '{']) && !rest.contains("**"))
}

fn is_mask_of_struct(case: &Value) -> bool {
    let paths = list(case, "expect_paths_unordered").iter().filter_map(Value::as_str);
    text(case, "message").starts_with("NonStandard")
        && paths.into_iter().any(|path| path.starts_with("struct_field."))
}

fn is_repeated_twice(case: &Value) -> bool {
    let names: Vec<_> = if case["bindings"].is_array() { pairs(case, "bindings") } else { Vec::new() };
    case["expect"].is_object()
        && names.iter().enumerate().any(|(at, one)| names[..at].iter().any(|two| two.0 == one.0))
}

#[test]
fn every_point_is_on_the_page_of_decisions() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gateway-semantics.md");
    let page = std::fs::read_to_string(page).unwrap();
    for point in &POINTS {
        assert!(page.contains(&format!("| `{}` |", point.name)), "{} is not decided on the page", point.name);
    }
}
