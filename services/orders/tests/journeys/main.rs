//! Orders through the public API with all their peers, on real databases.

mod cancelling;
mod failing;
mod operating;
mod placing;
mod shop;
