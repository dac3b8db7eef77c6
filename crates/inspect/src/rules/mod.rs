//! The rules of the house. Each is a function of the descriptors; what it finds is named after the rule, so
//! that a single breach can be accepted with a reason.

mod comments;
mod entities;
mod enums;
mod events;
mod fields;
mod methods;
mod paging;

use crate::{Finding, Tree};

/// Everything that breaks a rule, by file and name.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for rule in [
        comments::check,
        entities::check,
        enums::check,
        events::check,
        fields::check,
        methods::check,
        paging::check,
    ] {
        rule(tree, &mut found);
    }
    found.sort();
    found
}
