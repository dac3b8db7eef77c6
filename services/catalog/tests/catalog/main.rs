//! Categories and products through their public API, on a real database.

mod categories;
mod products;
mod support;
