//! `docs/gateway-differential.md`: what differs, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use super::Answer;
use super::cases::Case;

const UNEXPLAINED: &str = "Not explained yet";

/// What two answers differ in. None: they agree.
///
/// Refusals need not say the same: Envoy's are plain text.
pub fn difference(ours: &Answer, envoy: &Answer) -> Option<String> {
    if ours.status != envoy.status {
        let theirs = match envoy.status {
            super::NO_ANSWER => "no answer".to_owned(),
            status => status.to_string(),
        };
        return Some(format!("ours {}, Envoy {theirs}", ours.status));
    }
    if ours.json != envoy.json {
        return Some(format!(
            "{}, other JSON: ours `{}`, Envoy `{}`",
            ours.status,
            shown(ours),
            shown(envoy)
        ));
    }
    let (Some(mine), Some(theirs)) = (&ours.error, &envoy.error) else { return None };
    (mine != theirs).then(|| format!("{}, other error: ours `{mine:?}`, Envoy `{theirs:?}`", ours.status))
}

fn shown(answer: &Answer) -> String {
    let text = answer.json.as_ref().map_or_else(|| "no JSON".to_owned(), ToString::to_string);
    match text.char_indices().nth(120) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text,
    }
}

/// Compares what was found with what the page lists.
pub fn check(cases: &[Case], found: &BTreeMap<String, String>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/gateway-differential.md");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let lines: BTreeMap<&str, &Case> = cases.iter().map(|case| (&*case.id, case)).collect();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, rewritten(&text, &lines, found)).unwrap();
        return;
    }
    let listed: BTreeSet<&str> = text.lines().filter(|line| line.starts_with("- `")).collect();
    let expected: Vec<String> = found.iter().map(|(id, what)| line(lines[&**id], what)).collect();
    let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    let unlisted: Vec<_> = expected.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&expected).collect();
    assert!(unlisted.is_empty(), "differences that {} does not list:\n{unlisted:#?}", path.display());
    assert!(gone.is_empty(), "{} lists what does not occur:\n{gone:#?}", path.display());
    assert!(!text.contains(UNEXPLAINED), "some differences in {} have no reason", path.display());
}

fn line(case: &Case, what: &str) -> String {
    let mut request = format!("{} {}", case.method, case.target);
    if !case.body.is_empty() {
        let shown = String::from_utf8_lossy(&case.body);
        let shown = match shown.char_indices().nth(80) {
            Some((at, _)) => format!("{} …", &shown[..at]),
            None => shown.into_owned(),
        };
        let _ = write!(request, " {shown}");
    }
    let request = request.replace('\n', "\\n").replace('`', "'");
    format!("- `{}` ({request}): {what}", case.id)
}

/// The page with the same headings and reasons, each with those of its cases that still differ.
fn rewritten(text: &str, cases: &BTreeMap<&str, &Case>, found: &BTreeMap<String, String>) -> String {
    let mut left = found.clone();
    let mut out = String::new();
    for old in text.lines() {
        let Some(rest) = old.strip_prefix("- `") else {
            let _ = writeln!(out, "{old}");
            continue;
        };
        let id = rest.split('`').next().unwrap_or_default();
        if let Some(what) = left.remove(id) {
            let _ = writeln!(out, "{}", line(cases[id], &what));
        }
    }
    if !left.is_empty() {
        if !out.contains(UNEXPLAINED) {
            let _ = writeln!(out, "\n## {UNEXPLAINED}\n");
        }
        for (id, what) in &left {
            let _ = writeln!(out, "{}", line(cases[&**id], what));
        }
    }
    out
}
