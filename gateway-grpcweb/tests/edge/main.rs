//! Tokens, API keys, limits and kept answers at the edge, before real tonic services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod auth;
mod environment;
mod kept;
mod limits;
mod operations;
mod services;
