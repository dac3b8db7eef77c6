//! Events go to a topic that is declared, in an order that is known.

use std::collections::BTreeMap;

use prost_reflect::MessageDescriptor;

use crate::options::Event;
use crate::tree::domain;
use crate::{Finding, Tree, options};

/// What a comment says where one order for the whole tenant is wanted.
const TENANT_KEY: &str = "keyed by the tenant";

/// Checks topics and the events that go to them.
pub fn check(tree: &Tree, found: &mut Vec<Finding>) {
    let mut declared = BTreeMap::new();
    for file in tree.files() {
        for topic in options::topics(&file) {
            let wanted = format!("{}.", domain(file.package_name()));
            if !topic.name.starts_with(&wanted) {
                let text = format!(
                    "the topic must begin with `{wanted}`: a topic belongs to the domain that writes it"
                );
                found.push(Finding::named(file.name(), &topic.name, "topic-name", "", text));
            }
            if let Some(other) = declared.insert(topic.name.clone(), file.name().to_owned()) {
                let text = format!("the topic is declared in {other} as well: one file owns it");
                found.push(Finding::named(file.name(), &topic.name, "topic-twice", "", text));
            }
        }
    }
    let mut types = BTreeMap::new();
    for message in tree.messages() {
        let Some(event) = options::event(&message) else { continue };
        if !declared.contains_key(&event.topic) {
            let text =
                format!("the topic `{}` is not declared: add it to (erp.v1.topics) of the file", event.topic);
            found.push(Finding::breach(&message, "event-topic", text));
        }
        if let Some(other) = types.insert(event.kind.clone(), message.full_name().to_owned()) {
            let text =
                format!("{other} has the type `{}` as well: listeners could not tell them apart", event.kind);
            found.push(Finding::breach(&message, "event-type", text));
        }
        key(tree, &message, &event, found);
    }
}

/// An event without a key keeps the order of all events of its tenant, which costs throughput: it must be
/// about the tenant itself, or say that it is meant.
fn key(tree: &Tree, message: &MessageDescriptor, event: &Event, found: &mut Vec<Finding>) {
    if event.key.is_empty() {
        let about_tenant = event.kind.starts_with("tenant.");
        if !about_tenant && !tree.comment(message).to_lowercase().contains(TENANT_KEY) {
            let text = format!(
                "the event has no key, so that all of a tenant's events wait for each other: name the \
                 field with the id of what it is about, or say `{TENANT_KEY}` in the comment"
            );
            found.push(Finding::breach(message, "event-key", text));
        }
    } else if message.get_field_by_name(&event.key).is_none() {
        let text = format!("the key `{}` is not a field of the event: name one that is", event.key);
        found.push(Finding::breach(message, "event-key", text));
    }
}
