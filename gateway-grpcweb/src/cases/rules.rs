//! The rules of googleapis: all load, none conflicts without need, and each leads back to itself.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::{list, load, text};
use crate::routing::{Found, Router, Segment, Template, Variable};

/// Requests that are made up for every rule.
const ROUNDS: usize = 4;

/// Method, verb and template of a rule.
type Rule<'a> = (&'a str, &'a str, &'a str);

#[test]
fn googleapis_http_rules() {
    let Some(file) = load("googleapis_http_rules.json") else { return };
    let seed = std::env::var("GATEWAY_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    eprintln!("GATEWAY_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut packages: BTreeMap<&str, Vec<Rule<'_>>> = BTreeMap::new();
    for rule in list(&file, "rules") {
        let method = text(rule, "method");
        let service = method.split('/').next().unwrap();
        let package = service.rsplit_once('.').map_or("", |(package, _)| package);
        let before = packages.entry(package).or_default().len();
        for binding in std::iter::once(rule).chain(list(rule, "additional_bindings")) {
            packages
                .entry(package)
                .or_default()
                .extend(verbs(binding).map(|(verb, path)| (method, verb, path)));
        }
        assert!(packages[package].len() > before, "{method} has no path");
    }
    let (mut twins, mut failed) = (0, Vec::new());
    for rules in packages.values() {
        failed.extend(package(rules, &mut twins, &mut random));
    }
    eprintln!(
        "{} rules with {} bindings in {} packages; {twins} have the shape of another of their package, which serves \
         them from another host",
        list(&file, "rules").len(),
        packages.values().map(Vec::len).sum::<usize>(),
        packages.len(),
    );
    assert!(failed.is_empty(), "GATEWAY_SEED={seed}: {failed:#?}");
}

fn verbs(binding: &Value) -> impl Iterator<Item = (&str, &str)> {
    let fixed = ["get", "put", "post", "delete", "patch"].into_iter();
    let fixed = fixed.filter_map(|verb| Some((verb, binding[verb].as_str()?)));
    let custom = &binding["custom"];
    fixed.chain(custom["kind"].as_str().zip(custom["path"].as_str()))
}

/// Loads a package's rules, and sends made-up requests to each of them.
fn package(rules: &[Rule<'_>], twins: &mut usize, random: &mut StdRng) -> Vec<String> {
    let mut router = Router::default();
    let mut failed = Vec::new();
    let mut loaded = Vec::new();
    for (method, verb, template) in rules {
        let parsed = match Template::parse(template) {
            Ok(parsed) => parsed,
            Err(error) => {
                failed.push(format!("{method}: {template}: {error}"));
                continue;
            }
        };
        match router.insert(verb, parsed.clone(), (*method, *template)) {
            Ok(()) => loaded.push((*method, *verb, *template, parsed)),
            Err(conflict) => {
                let (other, twin) = router.routes().nth(conflict.with).unwrap();
                if (&other.segments, &other.verb) == (&parsed.segments, &parsed.verb) {
                    *twins += usize::from(twin.0 != *method);
                } else {
                    failed.push(format!("{method}: {template} conflicts with {twin:?}"));
                }
            }
        }
    }
    for (method, verb, template, parsed) in &loaded {
        for _ in 0..ROUNDS {
            if let Err(why) = find_back(&router, verb, (*method, *template), parsed, random) {
                failed.push(format!("{method}: {template}: {why}"));
            }
        }
    }
    failed
}

/// Sends a made-up request, which must find its own rule with its own values.
///
/// Firestore's `documents/*/**` and `documents/*/**/{collection}` part by the length alone, so that
/// a path may belong to the rule beside it; one of a few lengths must not.
fn find_back(
    router: &Router<(&str, &str)>,
    verb: &str,
    rule: (&str, &str),
    template: &Template,
    random: &mut StdRng,
) -> Result<(), String> {
    let tries = if template.segments.contains(&Segment::Rest) { 20 } else { 1 };
    let mut beside = String::new();
    for _ in 0..tries {
        let (path, values) = make_up(template, random);
        match router.find(verb, &path) {
            Found::Route(found, bound) if *found == rule => {
                let bound: Vec<_> = bound.into_iter().map(|(_, text)| text.into_owned()).collect();
                return if bound == values {
                    Ok(())
                } else {
                    Err(format!("{path} bound {bound:?}, not {values:?}"))
                };
            }
            found => beside = format!("{path} gave {found:?}"),
        }
    }
    Err(beside)
}

/// A path for a template, and what its variables must take of it.
fn make_up(template: &Template, random: &mut StdRng) -> (String, Vec<String>) {
    // The segments of the path for each of the template.
    let taken: Vec<Vec<String>> = template
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => vec![text.clone()],
            Segment::One => vec![value(random)],
            Segment::Rest => (0..random.random_range(1..4)).map(|_| value(random)).collect(),
        })
        .collect();
    let mut path = String::new();
    for segment in taken.iter().flatten() {
        path.push('/');
        path.push_str(&escape(segment, random));
    }
    if let Some(verb) = &template.verb {
        path.push(':');
        path.push_str(&escape(verb, random));
    }
    let own = |variable: &Variable| {
        let len = template.segments.len();
        let own = taken[variable.start.of(len)..variable.end.of(len)].iter().flatten();
        // A slash within a segment stays escaped where slashes part segments.
        let shown = own.map(|text| if variable.multi { text.replace('/', "%2F") } else { text.clone() });
        shown.collect::<Vec<_>>().join("/")
    };
    (path, template.variables.iter().map(own).collect())
}

/// A text that is no literal of any template, with everything that paths find hard.
fn value(random: &mut StdRng) -> String {
    const HARD: [char; 20] =
        ['a', 'Z', '9', '-', '.', '_', '~', ' ', '+', '/', '%', ':', '?', '#', '&', '=', '*', '{', 'ü', '世'];
    let tail = (0..random.random_range(0..8)).map(|_| HARD[random.random_range(0..HARD.len())]);
    std::iter::once('ø').chain(tail).collect()
}

/// Escapes what must be, and now and then what need not be.
fn escape(text: &str, random: &mut StdRng) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain && random.random_range(0..10) > 0 {
            out.push(char::from(byte));
        } else if random.random() {
            out.push_str(&format!("%{byte:02X}"));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}
