//! What the stored data rely on.

use super::change;
use crate::{Finding, Tree, options};

/// Compares how messages are stored.
pub fn check(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    for old in before.messages() {
        let Some(was) = options::entity(&old) else { continue };
        // A message that is gone is told by buf.
        let Some(new) = after.message(old.full_name()) else { continue };
        let Some(is) = options::entity(&new) else {
            let text = format!(
                "is no entity any more: the rows of `{}` stay without an owner, say where they go",
                was.table
            );
            found.push(Finding::difference(&new, "entity-removed", was.table, text));
            continue;
        };
        let listened = !was.topic.is_empty();
        for (rule, differs, from, to, hurt) in [
            (
                "entity-table",
                true,
                was.table,
                is.table,
                "a running version still writes the old table, rename it in two releases",
            ),
            (
                "entity-soft-delete",
                true,
                was.soft_delete.to_string(),
                is.soft_delete.to_string(),
                "rows deleted before come back or are lost, migrate them first",
            ),
            ("entity-topic", listened, was.topic, is.topic, "listeners of its changes read the old topic"),
        ] {
            if differs && from != to {
                let what = rule["entity-".len()..].replace('-', "_");
                let text = format!("the entity's {what} was `{from}` and is `{to}`: {hurt}");
                found.push(Finding::difference(&new, rule, change(from, to), text));
            }
        }
    }
}
