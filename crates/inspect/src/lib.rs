//! Reads the contracts in `proto/` as data. [`rules`] holds them against the rules of the house, [`diff`]
//! against the last release, [`docs`] turns them into pages. What a difference or a breach is allowed for
//! stands in `proto/accept.toml`, with a reason ([`accept`]). [`samples`] keeps released events as they are.

pub mod accept;
pub mod diff;
pub mod docs;
pub mod finding;
pub mod mesh;
mod options;
pub mod rules;
pub mod samples;
pub mod tree;
mod validation;

#[cfg(test)]
mod testing;

pub use finding::Finding;
pub use tree::Tree;
