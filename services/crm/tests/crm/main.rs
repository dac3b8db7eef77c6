//! Accounts and contacts through their public API, on a real database.

mod accounts;
mod contacts;
mod jobs;
mod migrate;
