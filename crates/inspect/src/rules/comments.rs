//! Everything that people read in a contract says more than its name: the comments become the pages, the
//! help of forms and the descriptions of tools.

use std::collections::BTreeSet;

use heck::ToSnakeCase;

use crate::tree::Declared;
use crate::{Finding, Tree};

/// Words that add nothing to a name.
const FILLERS: [&str; 10] = ["a", "an", "the", "of", "for", "this", "its", "is", "and", "s"];

/// Asks every declaration for a comment.
pub fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for service in tree.services() {
        commented(tree, &service, found);
        for method in service.methods() {
            commented(tree, &method, found);
        }
    }
    for message in tree.messages() {
        commented(tree, &message, found);
        for field in message.fields() {
            commented(tree, &field, found);
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            commented(tree, &oneof, found);
        }
    }
    for declared in tree.enums() {
        commented(tree, &declared, found);
        for value in declared.values() {
            commented(tree, &value, found);
        }
    }
}

fn commented(tree: &Tree, place: &impl Declared, found: &mut Vec<Finding>) {
    let comment = tree.comment(place);
    if comment.is_empty() {
        let text = format!("the {} has no comment: say above it what it means", place.what());
        found.push(Finding::breach(place, "comment-missing", text));
    } else if repeats(comment, place.name()) {
        let line = comment.lines().next().unwrap_or_default();
        let text = format!(
            "the comment `{line}` only repeats the name: say what the name does not, such as whose it is, \
             its form, or when it is absent"
        );
        found.push(Finding::breach(place, "comment-repeats-name", text));
    }
}

/// Whether a comment has no word that the name has not.
fn repeats(comment: &str, name: &str) -> bool {
    let known: BTreeSet<String> = words(&name.to_snake_case()).collect();
    words(comment).all(|word| known.contains(&word))
}

/// The words that mean something, small and in the singular.
fn words(text: &str) -> impl Iterator<Item = String> + use<'_> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase);
    let words = words.filter(|word| !word.is_empty() && !FILLERS.contains(&word.as_str()));
    words.map(|word| match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => word.strip_suffix('s').unwrap_or(&word).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_must_add_a_word() {
        // Such comments pass every check for presence and help nobody.
        for (comment, name) in [
            ("The name.", "name"),
            ("Order ID of the orders", "order_id"),
            ("The categories.", "category"),
            ("A journal entry", "JournalEntry"),
            ("Account type: unspecified", "ACCOUNT_TYPE_UNSPECIFIED"),
            ("...", "name"),
        ] {
            assert!(repeats(comment, name), "{comment}");
        }
        for (comment, name) in [
            ("The name people use.", "name"),
            ("The account's id.", "id"),
            ("Not said.", "ACCOUNT_TYPE_UNSPECIFIED"),
            ("Währung der Bücher", "currency"),
        ] {
            assert!(!repeats(comment, name), "{comment}");
        }
    }
}
