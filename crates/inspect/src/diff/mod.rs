//! What changed between two states of the contracts and hurts somebody, where buf does not see it: buf
//! compares names, numbers and types; this compares what the options promise. Removed files, messages,
//! fields, methods and enum values are buf's.

mod entities;
mod events;
mod fields;
mod methods;
mod reasons;
mod validation;

use crate::{Finding, Tree};

/// Every difference that callers, listeners or the stored data feel. Looser rules and additions are none.
pub fn check(before: &Tree, after: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for compare in
        [methods::check, fields::check, validation::check, events::check, entities::check, reasons::check]
    {
        compare(before, after, &mut found);
    }
    found.sort();
    found
}

/// A change for the file of accepted ones: `x -> y`.
fn change(before: impl std::fmt::Display, after: impl std::fmt::Display) -> String {
    format!("{before} -> {after}")
}
