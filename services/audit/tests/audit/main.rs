//! The audit through its public API, on a real database, with the events of real services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod entries;
mod histories;
mod operations;
mod world;
