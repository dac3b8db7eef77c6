//! Inventory through its public API, on a real PostgreSQL and a real event log.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod concurrency;
mod costs;
mod low;
mod reactions;
mod reservations;
mod warehouses;
mod world;
