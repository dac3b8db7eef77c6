//! Payments through their public API, on a real PostgreSQL and a real event log.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod authorizing;
mod doubt;
mod settling;
mod world;
