//! Messages and enums as tables.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::markdown::{code, enum_link, enum_title, head, line, message_link, row, title};
use crate::{Tree, options, validation};

/// A message with its fields.
pub fn message(tree: &Tree, message: &MessageDescriptor, page: &str) -> String {
    let mut text = format!("### {}\n\n{}\n\n", title(message), line(tree.comment(message)));
    if message.fields().len() == 0 {
        return text + "It has no fields.\n\n";
    }
    let rules = validation::sentence(&validation::of_message(message));
    if !rules.is_empty() {
        text.push_str(&format!("As a whole: {}.\n\n", code(&rules)));
    }
    text.push_str(&head(["field", "type", "is", "rules", "meaning"]));
    for field in message.fields() {
        let rules = validation::sentence(&validation::of_field(&field));
        let meaning = line(tree.comment(&field));
        text.push_str(&row([code(field.name()), kind(&field, page), is(&field), code(&rules), meaning]));
    }
    text + "\n"
}

/// An enum with its values.
pub fn enumeration(tree: &Tree, declared: &EnumDescriptor) -> String {
    let mut text = format!("### {}\n\n{}\n\n", enum_title(declared), line(tree.comment(declared)));
    text.push_str(&head(["value", "number", "meaning"]));
    for value in declared.values() {
        let meaning = line(tree.comment(&value));
        text.push_str(&row([code(value.name()), value.number().to_string(), meaning]));
    }
    text + "\n"
}

fn kind(field: &FieldDescriptor, page: &str) -> String {
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        return format!("map of {} to {}", single(&key, page), single(&value, page));
    }
    let single = single(field, page);
    if field.is_list() { format!("list of {single}") } else { single }
}

fn single(field: &FieldDescriptor, page: &str) -> String {
    match field.kind() {
        Kind::Message(target) => message_link(&target, page),
        Kind::Enum(target) => enum_link(&target, page),
        scalar => code(&format!("{scalar:?}").to_lowercase()),
    }
}

/// What a field is beyond its type.
fn is(field: &FieldDescriptor) -> String {
    let said = options::field(field);
    let optional = field.supports_presence() && !matches!(field.kind(), Kind::Message(_));
    let mut words = Vec::new();
    for (word, holds) in [
        ("required", said.required),
        ("output only", said.output_only),
        ("immutable", said.immutable),
        ("optional", optional),
        ("personal", said.personal),
        ("secret", said.secret),
        ("masked", said.redact && !said.secret && !said.personal),
    ] {
        if holds {
            words.push(word.to_owned());
        }
    }
    if !said.read_permission.is_empty() {
        words.push(format!("read with {}", code(&said.read_permission)));
    }
    if !said.references.is_empty() {
        words.push(format!("id of {}", code(&said.references)));
    }
    words.join(", ")
}
