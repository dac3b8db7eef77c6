//! Commits of a consumer: many batches at once when it is busy.

use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use crate::{Consumer, LogError, Position};

/// Finished batches on their way to a commit.
pub(crate) struct Commits {
    finished: Vec<Position>,
    pace: Duration,
    next: Instant,
}

impl Commits {
    /// None yet; commits will be at least `pace` apart.
    pub(crate) fn new(pace: Duration) -> Self {
        Commits { finished: Vec::new(), pace, next: Instant::now() }
    }

    /// Takes note of a batch that a worker has ended.
    pub(crate) fn add(&mut self, done: Result<Position, JoinError>) -> Result<(), LogError> {
        self.finished.push(done.map_err(|error| LogError::Fatal(format!("a worker broke: {error}")))?);
        Ok(())
    }

    /// Ends when there is something to commit and it is time to.
    pub(crate) async fn due(&self) {
        if self.finished.is_empty() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.next).await;
    }

    /// Commits what is finished, if anything is.
    pub(crate) async fn send(&mut self, consumer: &dyn Consumer, group: &str) {
        let done = std::mem::take(&mut self.finished);
        if done.is_empty() {
            return;
        }
        self.next = Instant::now() + self.pace;
        if let Err(error) = consumer.commit(&done).await {
            // The effects stand; the events come again and the inbox drops them.
            tracing::info!(group, %error, "not committed");
        }
    }
}
