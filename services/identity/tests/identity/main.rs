//! Identity through its public API, on a real database.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop the test, as its own lines do")]

mod api_keys;
mod keys;
mod logins;
mod own_sessions;
mod roles;
mod sessions;
mod support;
mod users;
