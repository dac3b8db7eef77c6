//! What is stored tells its version and its times.

use prost_reflect::{Kind, MessageDescriptor};

use crate::{Finding, Tree, options};

/// Asks every entity for its standard fields.
///
/// A record that is never changed has no version. The contract shows it so: an aggregate without `etag`,
/// `update_time` and `updated_by` all at once, for which there is no Update and no Delete. With one of the
/// three it is one that changes, and needs the others.
pub fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for message in tree.messages() {
        let Some(entity) = options::entity(&message) else { continue };
        time(&message, "create_time", found);
        if entity.aggregate && !CHANGES.iter().any(|name| message.get_field_by_name(name).is_some()) {
            never_changed(tree, &message, found);
            continue;
        }
        time(&message, "update_time", found);
        let etag = message.get_field_by_name("etag");
        if !etag.is_some_and(|field| matches!(field.kind(), Kind::String) && !field.is_list()) {
            let text =
                "has no `string etag`: without it, two who change the record overwrite each other unseen";
            found.push(Finding::breach(&message, "entity-etag", text));
        }
    }
}

/// The fields that only a record that changes has.
const CHANGES: [&str; 3] = ["etag", "update_time", "updated_by"];

fn never_changed(tree: &Tree, message: &MessageDescriptor, found: &mut Vec<Finding>) {
    for verb in ["Update", "Delete", "Undelete"] {
        let name = format!("{verb}{}", message.name());
        if tree.methods().any(|method| method.name() == name && method.output() == *message) {
            let text = format!(
                "has no `etag`, so that it is append-only, but {name} changes it: add `etag`, \
                 `update_time` and `updated_by`, or take the method away"
            );
            found.push(Finding::breach(message, "entity-etag", text));
        }
    }
}

fn time(message: &MessageDescriptor, name: &str, found: &mut Vec<Finding>) {
    let field = message.get_field_by_name(name);
    let fits = field.is_some_and(|field| {
        let is_time =
            matches!(field.kind(), Kind::Message(kind) if kind.full_name() == "google.protobuf.Timestamp");
        is_time && options::field(&field).output_only
    });
    if !fits {
        let text = format!(
            "has no `google.protobuf.Timestamp {name}` that is OUTPUT_ONLY: the engine keeps it, add it"
        );
        found.push(Finding::breach(message, "entity-times", text));
    }
}
