//! Lines of calls.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::extension;
use crate::istio::AccessLogging;
use crate::world::World;

/// The logs of a namespace's sidecars.
pub fn access(world: &World, namespace: &str) -> Result<Vec<Value>> {
    let mut logs = Vec::new();
    for logging in world.telemetry(namespace).flat_map(|telemetry| &telemetry.access_logging) {
        for provider in &logging.providers {
            logs.push(log(world, logging, &provider.name)?);
        }
    }
    Ok(logs)
}

fn log(world: &World, logging: &AccessLogging, name: &str) -> Result<Value> {
    let providers = &world.values.mesh_config.extension_providers;
    let provider = providers.iter().find(|provider| provider.name == name);
    let provider = provider.with_context(|| format!("Telemetry: there is no provider `{name}`"))?;
    let file = provider.envoy_file_access_log.as_ref();
    let file = file.with_context(|| format!("Telemetry: the provider `{name}` is no file"))?;
    let settings = json!({"path": file.path, "log_format": {"json_format": file.log_format.labels}});
    let mut log = extension(
        "envoy.access_loggers.file",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        settings,
    );
    if let Some(filter) = &logging.filter {
        let settings = json!({"expression": filter.expression});
        log["filter"] = json!({"extension_filter": extension(
            "envoy.access_loggers.extension_filters.cel",
            "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            settings,
        )});
    }
    Ok(log)
}
