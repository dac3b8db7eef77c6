//! Finance through its API and its events, on a real database. One binary, because linking is what takes time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod chart;
mod database;
mod orders;
mod reports;
mod world;
