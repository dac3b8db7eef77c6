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
    /// Whether what happened to such a case, in the words of its runner, is what was decided: a crash
    /// or another refusal is none.
    decided: fn(&Value, &str) -> bool,
}

impl Point {
    /// The decision that a case is about, when what happened follows from it.
    pub(super) fn of(case: &Value, happened: &str) -> Option<&'static Self> {
        let mut about = POINTS.iter().filter(|point| (point.covers)(case));
        about.find(|point| (point.decided)(case, happened))
    }
}

pub(super) const POINTS: [Point; 14] = [
    Point {
        name: "trailing-comma",
        covers: |case| has_trailing_comma(text(case, "body")),
        decided: |_, happened| {
            happened.starts_with("malformed JSON: trailing comma") || happened.starts_with("status 400")
        },
    },
    Point {
        name: "duplicate-routes",
        covers: has_duplicates,
        decided: |_, happened| happened.ends_with(" conflicts"),
    },
    Point {
        name: "wrong-method",
        covers: |case| case["status"] == 501 && case["rpc"].is_null(),
        decided: |_, happened| happened.starts_with("status 405"),
    },
    Point {
        name: "system-parameters",
        covers: |case| case["options"]["system_params"].is_array(),
        decided: binds_system_parameters,
    },
    Point {
        name: "unregistered-verb",
        covers: |case| case["options"]["match_unregistered_custom_verb"] == true,
        decided: |case, happened| {
            let segment = text(case, "path").rsplit('/').next().unwrap_or_default();
            happened.starts_with("expected None, got Route(") && happened.contains(&format!("\"{segment}\""))
        },
    },
    Point {
        name: "plus-and-space",
        covers: |case| text(case, "query").contains("+%20"),
        decided: |_, happened| {
            happened.split(", expected ").next().is_some_and(|bound| bound.contains("  \""))
        },
    },
    Point {
        name: "go-duration",
        covers: |case| pairs_of(case).any(is_go_duration),
        decided: |_, happened| happened.contains("is no duration, such as"),
    },
    Point {
        name: "colon-in-variable",
        covers: |case| has_colon_in_variable(text(case, "template")),
        decided: |_, happened| happened.starts_with("valid: Some(true), but Err(TemplateError"),
    },
    Point {
        name: "empty-verb",
        covers: |case| text(case, "template").ends_with(':'),
        decided: |_, happened| happened.starts_with("valid: Some(true), but Err(TemplateError"),
    },
    Point {
        name: "behind-rest",
        covers: |case| has_wildcard_behind_rest(text(case, "template")),
        decided: |_, happened| happened.starts_with("valid: Some(false), but Ok("),
    },
    Point { name: "mask-of-struct", covers: is_mask_of_struct, decided: replaces_the_struct },
    Point {
        name: "unknown-any",
        covers: |case| has_unknown_type(text(case, "body")),
        decided: |_, happened| happened.contains("@type") && happened.ends_with("is not known"),
    },
    Point {
        name: "path-wins",
        covers: |case| case["reject_binding_body_collisions"] == true,
        decided: |_, happened| happened == "the path's value took the place of the body's",
    },
    Point { name: "repeated-twice", covers: is_repeated_twice, decided: gives_another_order },
];

/// Every parameter of the query is the method's own.
fn binds_system_parameters(case: &Value, happened: &str) -> bool {
    let bound = happened.split(", expected ").next().unwrap_or_default();
    let mut names = text(case, "query").split('&').filter_map(|pair| pair.split('=').next());
    names.all(|name| bound.contains(&format!("(\"{name}\", ")))
}

/// The mask that was given names the whole struct, and nothing within it.
fn replaces_the_struct(_: &Value, happened: &str) -> bool {
    let given = happened.split(", expected ").next().unwrap_or_default();
    given.contains("\"struct_field\"") && !given.contains("struct_field.")
}

/// The same values, in another order.
fn gives_another_order(_: &Value, happened: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    let both = happened.strip_prefix("gave ").and_then(|rest| rest.split_once(", expected "));
    both.is_some_and(|(given, expected)| sorted(given) == sorted(expected))
}

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

#[test]
fn only_what_was_decided_is_excused() {
    let wrong_method = serde_json::json!({"status": 501});
    let about = |happened: &str| Point::of(&wrong_method, happened).map(|point| point.name);
    assert_eq!(about("status 405 Method Not Allowed: {}"), Some("wrong-method"));
    assert_eq!(about("status 500 Internal Server Error: {}"), None);
    assert_eq!(about("status 501 Not Implemented: {}"), None);
    let repeated = serde_json::json!({"expect": {}, "bindings": [["x", "1"], ["x", "2"]]});
    let about = |happened: &str| Point::of(&repeated, happened).map(|point| point.name);
    assert_eq!(about("gave [2,1], expected [1,2]"), Some("repeated-twice"));
    assert_eq!(about("gave [2], expected [1,2]"), None);
}
