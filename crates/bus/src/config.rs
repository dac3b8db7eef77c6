//! Which log it is.

use std::sync::Arc;

use crate::{EventLog, LogError, PgLog, PgLogConfig};
#[cfg(feature = "kafka")]
use crate::{KafkaConfig, KafkaLog};

/// The log to use, as the configuration says.
#[derive(Debug, Clone)]
pub enum LogConfig {
    /// The embedded default.
    Postgres(PgLogConfig),
    /// Real brokers.
    #[cfg(feature = "kafka")]
    Kafka(KafkaConfig),
}

/// Connects to the log.
pub async fn connect(config: LogConfig) -> Result<Arc<dyn EventLog>, LogError> {
    match config {
        LogConfig::Postgres(config) => Ok(Arc::new(PgLog::connect(config).await?)),
        #[cfg(feature = "kafka")]
        LogConfig::Kafka(config) => Ok(Arc::new(KafkaLog::connect(config).await?)),
    }
}
