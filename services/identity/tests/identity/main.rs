//! Identity through its public API, on a real database.

mod keys;
mod logins;
mod roles;
mod sessions;
mod support;
mod users;
