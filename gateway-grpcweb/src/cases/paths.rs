//! Templates and the tree of routes.

use serde_json::Value;

use super::{Report, list, load, pairs, text};
use crate::query;
use crate::routing::{Edge, Found, Router, Segment, Template, Unescape, decode};

#[test]
fn path_matching() {
    let Some(file) = load("path_matching.json") else { return };
    Report::new("cases").run(&file, "id", match_path).settle();
    Report::new("body_field").run(&file, "path", body_field).settle();
}

fn body_field(case: &Value) -> Result<(), String> {
    let mut router = Router::default();
    for rule in list(case, "templates") {
        let of = |at: usize| rule[at].as_str().unwrap_or_default().to_owned();
        let template = Template::parse(&of(1)).map_err(|error| error.to_string())?;
        router.insert(&of(0), template, of(2)).map_err(|_| format!("{rule} conflicts"))?;
    }
    match router.find(text(case, "method"), text(case, "path")) {
        Found::Route(body, _) if body == text(case, "body_field_path") => Ok(()),
        found => Err(format!("{found:?}")),
    }
}

fn match_path(case: &Value) -> Result<(), String> {
    let mode = match case["options"]["url_unescape_spec"].as_str() {
        Some("kAllCharactersExceptSlash") => Unescape::ExceptSlash,
        Some("kAllCharacters") => Unescape::All,
        Some(_) => Unescape::ExceptReserved,
        // Its own default, which differs from http.proto's text.
        None if text(case, "id") == "ghjt-reserved-None" => Unescape::ExceptReserved,
        None => Unescape::default(),
    };
    let mut router = Router::new(mode);
    for (method, template) in pairs(case, "templates") {
        let parsed = Template::parse(template).map_err(|error| format!("{template}: {error}"))?;
        router.insert(method, parsed, template.to_owned()).map_err(|_| format!("{template} conflicts"))?;
    }
    let path = text(case, "path");
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let found = router.find(text(case, "method"), path);
    let (template, variables) = match (case["match"].as_str(), found) {
        (None, Found::Nothing | Found::OtherMethods(_)) => return Ok(()),
        (Some(expected), Found::Route(template, variables)) if template == expected => (template, variables),
        (expected, found) => return Err(format!("expected {expected:?}, got {found:?}")),
    };
    if case["bindings"].is_null() {
        return Ok(());
    }
    let query = query::parse(text(case, "query")).map_err(|error| error.to_string())?;
    let mut bound: Vec<(String, String)> = variables
        .iter()
        .map(|(variable, text)| (variable.path.join("."), text.clone().into_owned()))
        .collect();
    bound.extend(query.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())));
    let mut expected: Vec<_> = pairs(case, "bindings")
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if case["unordered"] == true {
        bound.sort();
        expected.sort();
    }
    if bound == expected { Ok(()) } else { Err(format!("{template} bound {bound:?}, expected {expected:?}")) }
}

#[test]
fn template_parsing() {
    let Some(file) = load("template_parsing.json") else { return };
    Report::new("cases").run(&file, "template", parse).settle();
}

#[test]
fn path_encoding_reverse() {
    let Some(file) = load("body_response.json") else { return };
    Report::new("path_encoding_reverse").run(&file, "path", encoded).settle();
}

/// The path that another gateway writes for a value must give that value back.
fn encoded(case: &Value) -> Result<(), String> {
    let mut router = Router::default();
    let template = Template::parse(text(case, "template")).map_err(|error| error.to_string())?;
    router.insert("GET", template, ()).map_err(|_| "conflicts")?;
    match router.find("GET", text(case, "path")) {
        Found::Route((), bound) if bound.len() == 1 && bound[0].1 == text(case, "value") => Ok(()),
        found => Err(format!("{found:?}")),
    }
}

fn parse(case: &Value) -> Result<(), String> {
    let template = match (Template::parse(text(case, "template")), case["valid"].as_bool()) {
        (Ok(template), Some(true)) => template,
        (Err(_), Some(false)) => return Ok(()),
        (parsed, valid) => return Err(format!("valid: {valid:?}, but {parsed:?}")),
    };
    let expected = list(case, "segments");
    if !expected.is_empty() {
        let segments: Vec<_> = template
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text.as_str(),
                Segment::One => "*",
                Segment::Rest => "**",
            })
            .collect();
        let expected: Vec<_> = expected.iter().map(|one| decode(one.as_str().unwrap()).unwrap()).collect();
        let same = segments.len() == expected.len() && segments.iter().zip(&expected).all(|(a, b)| a == b);
        if !same {
            return Err(format!("segments {segments:?}, expected {expected:?}"));
        }
    }
    let verb = case["verb"].as_str().map(|verb| decode(verb).unwrap());
    if let Some(verb) = verb
        && verb != template.verb.as_deref().unwrap_or_default()
    {
        return Err(format!("verb {:?}", template.verb));
    }
    let len = template.segments.len() as i64;
    for (variable, expected) in template.variables.iter().zip(list(case, "vars")) {
        let edge = |edge| match edge {
            Edge::Front(at) => at as i64,
            Edge::Back(at) => -1 - at as i64,
        };
        let found = (variable.path.join("."), edge(variable.start), edge(variable.end));
        let told = (
            expected[0].as_str().unwrap().to_owned(),
            expected[1].as_i64().unwrap(),
            expected[2].as_i64().unwrap(),
        );
        if found != told {
            return Err(format!("variable {found:?} of {len} segments, expected {told:?}"));
        }
    }
    Ok(())
}
