//! Tessera from Rust: a session that the generated clients are built on. `README.md` shows it at work.

mod session;

pub use contracts;
pub use kit::{Code, Error, Result, Violation};
pub use session::Session;
