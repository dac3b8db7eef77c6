//! Orders through the public API with all their peers, on real databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod cancelling;
mod counting;
mod failing;
mod operating;
mod placing;
mod shop;
