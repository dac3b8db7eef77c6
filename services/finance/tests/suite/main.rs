//! Finance through its API and its events, on a real database. One binary, because linking is what takes time.

mod api;
mod database;
mod orders;
mod world;
