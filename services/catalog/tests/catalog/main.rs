//! Categories and products through their public API, on a real database.

mod batched;
mod categories;
mod group_commit;
mod outboxes;
mod products;
mod support;
mod watching;
