//! A whole mesh in a test: real PostgreSQL, the embedded event log, real tokens, a clock that turns.
//!
//! ```ignore
//! let mesh = testkit::Mesh::start(vec![crm::service()]).await;
//! let acme = mesh.sign_up("acme").await;
//! let mut accounts = acme.client(AccountServiceClient::new);
//! ```

mod clock;
mod mesh;
mod party;
mod process;

pub use clock::TestClock;
pub use mesh::{Mesh, Options};
pub use party::{Party, Transport};

use std::time::Duration;

/// How long a test waits for something that other tasks do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` finds something, and returns it. Panics, naming `what`, when it never does.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "in vain awaited: {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// A new id for a `request_id`.
pub fn request_id() -> String {
    use kit::IdSource as _;
    kit::UuidV7.new_id().to_string()
}
