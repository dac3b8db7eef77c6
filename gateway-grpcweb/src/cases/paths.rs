//! Templates and the tree of routes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{list, load, pairs, settle, text};
use crate::query;
use crate::routing::{Edge, Found, Router, Segment, Template, Unescape, decode};

#[test]
fn path_matching() {
    let Some(file) = load("path_matching.json") else { return };
    let cases = list(&file, "cases");
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| match_path(case).err().map(|why| (text(case, "id").to_owned(), why)))
        .collect();
    settle(
        cases.len(),
        &failed,
        &[
            (
                "ghjt-MatchUnregisteredCustomVerb-44",
                "a verb that no route has is part of the segment; no option",
            ),
            (
                "ghjt-VariableBindingsWithQueryParamsAndSystemParams-107",
                "no parameter is taken for the system's own",
            ),
            ("ghjt-QueryParameterUnescapePlus-106", "`%2B+%20` is a plus and two spaces; the file has one"),
            ("ghjt-dup", "two rules that cannot be told apart are refused when they are loaded"),
        ],
    );
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
    let cases = list(&file, "cases");
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| parse(case).err().map(|why| (text(case, "template").to_owned(), why)))
        .collect();
    settle(
        cases.len(),
        &failed,
        &[
            (
                "/v1/{name=segment/wi:th}",
                "a colon within a path starts a verb nowhere but at the end; the other suites refuse it as well",
            ),
            ("/a/**/*", "googleapis has `*` behind `**` in five rules, so it is taken"),
            ("/a/**/foo/*", "the same"),
        ],
    );
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

#[test]
fn googleapis_http_rules() {
    let Some(file) = load("googleapis_http_rules.json") else { return };
    let mut packages: BTreeMap<&str, Vec<(&str, &str, &str)>> = BTreeMap::new();
    for rule in list(&file, "rules") {
        let method = text(rule, "method");
        let service = method.split('/').next().unwrap();
        let package = service.rsplit_once('.').map_or("", |(package, _)| package);
        for binding in std::iter::once(rule).chain(list(rule, "additional_bindings")) {
            for verb in ["get", "put", "post", "delete", "patch"] {
                if let Some(template) = binding[verb].as_str() {
                    packages.entry(package).or_default().push((method, verb, template));
                }
            }
        }
    }
    let mut total = 0;
    let mut failed = Vec::new();
    let mut twins = 0;
    for rules in packages.values() {
        total += rules.len();
        failed.extend(load_package(rules, &mut twins));
    }
    eprintln!(
        "{twins} rules have the shape of another one of their package, which serves them from another host"
    );
    settle(total, &failed, &[]);
}

/// Loads a package's rules, and sends a request with made-up values to each of them.
fn load_package(rules: &[(&str, &str, &str)], twins: &mut usize) -> Vec<(String, String)> {
    let mut router = Router::default();
    let mut failed = Vec::new();
    let mut loaded = Vec::new();
    for (method, verb, template) in rules {
        match Template::parse(template) {
            Err(error) => failed.push(((*method).to_owned(), format!("{template}: {error}"))),
            Ok(parsed) => match router.insert(verb, parsed.clone(), (*method, *template)) {
                Ok(()) => loaded.push((*method, *verb, *template, parsed)),
                Err(conflict) => {
                    let (other, twin) = router.routes().nth(conflict.with).unwrap();
                    if (&other.segments, &other.verb) == (&parsed.segments, &parsed.verb) {
                        *twins += usize::from(twin.0 != *method);
                    } else {
                        failed.push(((*method).to_owned(), format!("{template} conflicts with {twin:?}")));
                    }
                }
            },
        }
    }
    for (method, verb, template, parsed) in &loaded {
        let own = |path: &str| matches!(router.find(verb, path), Found::Route(found, _) if *found == (*method, *template));
        // Firestore's documents/*/** and documents/*/**/{collection} part by the length alone.
        let (long, short) = (expand(parsed, "zq/x%2Fy"), expand(parsed, "zq"));
        if !own(&long) && !own(&short) {
            failed.push((
                (*method).to_owned(),
                format!("{template}: {long} gave {:?}", router.find(verb, &long)),
            ));
        }
    }
    failed
}

fn expand(template: &Template, rest: &str) -> String {
    let mut path = String::new();
    for (index, segment) in template.segments.iter().enumerate() {
        path.push('/');
        match segment {
            Segment::Literal(text) => path.push_str(text),
            Segment::One => path.push_str(&format!("zq{index}")),
            Segment::Rest => path.push_str(rest),
        }
    }
    if let Some(verb) = &template.verb {
        path.push(':');
        path.push_str(verb);
    }
    path
}
