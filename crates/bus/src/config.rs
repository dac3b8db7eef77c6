//! Which log it is.

use std::sync::Arc;

use crate::{EventLog, LogError, PgLog, PgLogConfig};

/// The log to use, as the configuration says.
#[derive(Debug, Clone)]
pub enum LogConfig {
    /// The embedded default.
    Postgres(PgLogConfig),
}

/// Connects to the log.
pub async fn connect(config: LogConfig) -> Result<Arc<dyn EventLog>, LogError> {
    match config {
        LogConfig::Postgres(config) => Ok(Arc::new(PgLog::connect(config).await?)),
    }
}
