//! What `proto/accept.toml` allows: single findings, each with a reason. An entry that allows nothing any
//! more is an error, so that the file never grows old.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::Finding;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Breaches of the rules of the house.
    #[serde(default)]
    pub rules: Vec<Entry>,
    /// Differences to the last release.
    #[serde(default)]
    pub diff: Vec<Entry>,
}

/// One finding that is allowed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Full name of the declaration.
    pub name: String,
    /// The rule's name.
    pub rule: String,
    /// What it was and what it is; only differences have it.
    #[serde(default)]
    pub change: String,
    /// Why it may be so, for whoever reads it in a year.
    pub reason: String,
}

/// What is left of the findings once the accepted ones are gone.
#[derive(Debug, Default)]
pub struct Judged {
    /// Findings that nobody has accepted.
    pub open: Vec<Finding>,
    /// How many findings were accepted.
    pub accepted: usize,
    /// Entries that allow nothing.
    pub stale: Vec<Entry>,
}

impl Accept {
    /// Reads the file; without one nothing is accepted.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        Self::parse(&fs::read_to_string(path)?).with_context(|| path.display().to_string())
    }

    /// Understands the file's text.
    pub fn parse(text: &str) -> Result<Self> {
        let accept: Self = toml::from_str(text)?;
        for entry in accept.rules.iter().chain(&accept.diff) {
            ensure!(entry.reason.split_whitespace().count() >= 3, "{}: the reason says nothing", entry.name);
        }
        Ok(accept)
    }
}

/// Parts the findings by the entries that allow them.
pub fn judge(findings: Vec<Finding>, entries: &[Entry]) -> Judged {
    let allows = |entry: &Entry, finding: &Finding| {
        entry.name == finding.name && entry.rule == finding.rule && entry.change == finding.change
    };
    let stale =
        entries.iter().filter(|entry| !findings.iter().any(|finding| allows(entry, finding))).cloned();
    let stale = stale.collect();
    let all = findings.len();
    let mut open = findings;
    open.retain(|finding| !entries.iter().any(|entry| allows(entry, finding)));
    Judged { accepted: all - open.len(), open, stale }
}

/// The lines that accept a finding, but for the reason.
pub fn lines(section: &str, finding: &Finding) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut lines =
        format!("[[{section}]]\nname = {}\nrule = {}\n", quoted(&finding.name), quoted(finding.rule));
    if !finding.change.is_empty() {
        lines.push_str(&format!("change = {}\n", quoted(&finding.change)));
    }
    lines + "reason = \"\"\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(change: &str) -> Finding {
        Finding::named("a.proto", "erp.a.v1.A.b", "rule", change, "is wrong")
    }

    #[test]
    fn the_lines_to_paste_accept_what_they_were_made_for() {
        // Whoever pastes them and gives a reason must be done.
        let finding = finding("pattern `\\d\"` -> `x`");
        let text = lines("diff", &finding).replace("reason = \"\"", "reason = \"nobody sends it yet\"");
        let judged = judge(vec![finding], &Accept::parse(&text).unwrap().diff);
        assert_eq!((judged.open.len(), judged.accepted, judged.stale.len()), (0, 1, 0));
    }

    #[test]
    fn accepting_one_change_does_not_accept_the_next() {
        // A limit that fell from 10 to 5 by agreement must not fall to 1 unseen.
        let text = lines("diff", &finding("10 -> 5")).replace("\"\"", "\"agreed with all callers\"");
        let judged = judge(vec![finding("10 -> 1")], &Accept::parse(&text).unwrap().diff);
        assert_eq!((judged.open.len(), judged.accepted, judged.stale.len()), (1, 0, 1));
    }

    #[test]
    fn a_reason_is_needed() {
        // An entry without one is a blanket.
        assert!(Accept::parse(&lines("rules", &finding(""))).is_err());
        assert!(Accept::parse("[[rules]]\nname = \"a\"\nrule = \"b\"").is_err());
        assert!(Accept::parse("[[rulez]]").is_err());
        assert!(Accept::parse("").unwrap().rules.is_empty());
    }
}
