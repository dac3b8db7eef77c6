//! Which metrics and labels a query of Prometheus speaks of: as much of the language as our own queries use.

use std::collections::{BTreeMap, BTreeSet};

/// Metrics with the labels that some series of theirs have.
pub type Series = BTreeMap<String, BTreeSet<String>>;

/// Words that are no metrics.
const WORDS: &[&str] = &["and", "or", "unless", "bool", "offset", "inf", "nan"];
/// Words before a list of labels.
const LISTS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Labels that Prometheus itself adds to whatever it scrapes.
const ITS_OWN: &[&str] = &["job", "instance"];

/// The series on Prometheus' page.
pub fn series(page: &str) -> Series {
    let mut found = Series::new();
    for line in page.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let end = line.find(['{', ' ']).unwrap();
        let labels = found.entry(line[..end].to_owned()).or_default();
        if line[end..].starts_with('{') {
            labels.extend(names(&line[end + 1..]).0);
        }
    }
    found
}

/// The names of labels up to the closing brace, and how long that is.
fn names(text: &str) -> (Vec<String>, usize) {
    let (mut names, mut name, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for (place, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '}' => return (names, place + 1),
            '=' | '!' | '~' if name.is_empty() => {}
            '=' | '!' | '~' => names.push(std::mem::take(&mut name)),
            letter if letter.is_alphanumeric() || letter == '_' => name.push(letter),
            _ => {}
        }
    }
    panic!("no end of the labels: {text}");
}

/// What is wrong with a query for these series.
pub fn faults(query: &str, series: &Series) -> Vec<String> {
    let (mut faults, mut grouped, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = query;
    while let Some(start) = rest.find(|letter: char| letter.is_alphabetic() || "_\"[".contains(letter)) {
        // Neither texts nor ranges speak of metrics, and a number's unit is part of a range.
        if let Some(end) = [('"', '"'), ('[', ']')].iter().find_map(|(open, close)| {
            rest[start..].starts_with(*open).then(|| rest[start + 1..].find(*close).unwrap() + start + 2)
        }) {
            rest = &rest[end..];
            continue;
        }
        let word_end = rest[start..]
            .find(|letter: char| !letter.is_alphanumeric() && !"_:".contains(letter))
            .map_or(rest.len(), |length| start + length);
        let word = &rest[start..word_end];
        rest = rest[word_end..].trim_start();
        if LISTS.contains(&word) {
            // A group may name no labels to take over.
            if !rest.starts_with('(') {
                continue;
            }
            let end = rest.find(')').unwrap();
            grouped.extend(rest[1..end].split(',').map(|label| label.trim().to_owned()));
            rest = &rest[end + 1..];
        } else if rest.starts_with("by ") || rest.starts_with("without ") {
            // What sums up may say by what before it says of what.
        } else if !rest.starts_with('(') && !WORDS.contains(&word.to_lowercase().as_str()) {
            let labels = match rest.strip_prefix('{') {
                Some(inside) => {
                    let (labels, length) = names(inside);
                    rest = &inside[length..];
                    labels
                }
                None => Vec::new(),
            };
            metrics.push((word, labels));
        }
    }
    if metrics.is_empty() {
        faults.push("speaks of no metric".to_owned());
    }
    for (metric, labels) in &metrics {
        let Some(known) = series.get(*metric) else {
            faults.push(format!("{metric} is not exported"));
            continue;
        };
        let unknown =
            labels.iter().filter(|label| !known.contains(*label) && !ITS_OWN.contains(&label.as_str()));
        faults.extend(unknown.map(|label| format!("{metric} has no label {label}")));
    }
    let known = |label: &String| {
        ITS_OWN.contains(&label.as_str())
            || metrics
                .iter()
                .any(|(metric, _)| series.get(*metric).is_some_and(|labels| labels.contains(label)))
    };
    faults.extend(
        grouped.iter().filter(|label| !known(label)).map(|label| format!("no metric has the label {label}")),
    );
    faults
}

#[test]
fn wrong_names_are_found() {
    // The check of the dashboards is worth as much as this.
    let page = "# HELP a_total x\na_total{service=\"crm\",rpc=\"x}y\"} 1\nb_bucket{le=\"1\"} 2\nc 3\n";
    let series = series(page);
    for good in [
        "sum by (service) (rate(a_total{rpc=~\"x.*\"}[5m])) / on (service) group_left sum(c)",
        "histogram_quantile(0.99, sum(rate(b_bucket[1h])) by (le)) or 0 * c",
        "max(c) > 3",
        "c unless on (job, instance) (a_total or b_bucket)",
    ] {
        assert_eq!(faults(good, &series), Vec::<String>::new(), "{good}");
    }
    for (bad, fault) in [
        ("rate(d_total[5m])", "d_total is not exported"),
        ("a_total{tenant=\"x\"}", "a_total has no label tenant"),
        ("sum by (le) (a_total)", "no metric has the label le"),
        ("vector(1)", "speaks of no metric"),
    ] {
        assert_eq!(faults(bad, &series), [fault], "{bad}");
    }
}
