//! What listeners rely on: that events come, under their type, through their topic, in their order.

use std::collections::BTreeMap;

use super::change;
use crate::options::Topic;
use crate::{Finding, Tree, options};

/// Compares events and topics.
pub fn check(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    for old in before.messages() {
        let Some(was) = options::event(&old) else { continue };
        let Some(is) = after.message(old.full_name()).and_then(|new| options::event(&new)) else {
            let text = format!(
                "the event `{}` is gone: its listeners wait for ever, emit it until none is left",
                was.kind
            );
            found.push(Finding::difference(&old, "event-removed", was.kind, text));
            continue;
        };
        let key = |key: &str| if key.is_empty() { "the tenant".to_owned() } else { key.to_owned() };
        for (rule, from, to, hurt) in [
            ("event-type", was.kind, is.kind, "listeners know it by its type, keep it or emit both"),
            ("event-topic", was.topic, is.topic, "listeners read the old topic, keep it or emit to both"),
            (
                "event-key",
                key(&was.key),
                key(&is.key),
                "events on the way lose their order, be sure that no listener needs it",
            ),
        ] {
            if from != to {
                let text =
                    format!("the event's {} was `{from}` and is `{to}`: {hurt}", &rule["event-".len()..]);
                found.push(Finding::difference(&old, rule, change(from, to), text));
            }
        }
    }
    topics(before, after, found);
}

fn topics(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    let declared = |tree: &Tree| -> BTreeMap<String, (String, Topic)> {
        let files = tree.files().flat_map(|file| {
            options::topics(&file)
                .into_iter()
                .map(move |topic| (topic.name.clone(), (file.name().to_owned(), topic)))
        });
        files.collect()
    };
    let now = declared(after);
    for (name, (file, was)) in declared(before) {
        let Some((file, is)) = now.get(&name) else {
            let text =
                "the topic is gone: what lies in it is never read, keep it until its retention is over";
            found.push(Finding::named(&file, &name, "topic-removed", "removed", text));
            continue;
        };
        for (what, from, to, hurt) in [
            ("partitions", was.partitions, is.partitions, "a topic can't shrink, make a new one"),
            (
                "retention_hours",
                was.retention_hours,
                is.retention_hours,
                "listeners that are late lose events",
            ),
        ] {
            if to < from {
                let text = format!("{what} fell from {from} to {to}: {hurt}");
                found.push(Finding::named(
                    file,
                    &name,
                    "topic-lowered",
                    format!("{what} {}", change(from, to)),
                    text,
                ));
            }
        }
    }
}
