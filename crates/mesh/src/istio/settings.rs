//! What is told of calls, where the edge sends them, and what Istio itself is told.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Retries, Span};

/// What is told of calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Telemetry {
    /// Lines, one a call.
    pub access_logging: Vec<AccessLogging>,
}

/// Lines, one a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessLogging {
    /// Where they go.
    pub providers: Vec<ProviderName>,
    /// Which calls; none: all.
    pub filter: Option<Expression>,
}

/// A provider in the mesh's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderName {
    /// Its name there.
    pub name: String,
}

/// A condition in CEL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expression {
    /// Its text.
    pub expression: String,
}

/// Where the edge sends calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRoute {
    /// One rule, for every call.
    pub rules: Vec<HttpRule>,
}

/// Where the edge sends every call.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRule {
    /// One service.
    pub backend_refs: Vec<BackendRef>,
}

/// A service of the route's own namespace.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendRef {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// What Istio itself is told: the file `values.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Values {
    /// The mesh's settings.
    pub mesh_config: MeshConfig,
}

/// The mesh's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeshConfig {
    /// What every sidecar is told.
    pub default_config: ProxyConfig,
    /// What is repeated by routes that do not say.
    pub default_http_retry_policy: Retries,
    /// Where traces and lines go.
    pub extension_providers: Vec<Provider>,
}

/// What a sidecar is told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyConfig {
    /// How long it goes on after the signal to stop.
    pub termination_drain_duration: Span,
    /// Switches of Envoy.
    #[serde(default)]
    pub runtime_values: BTreeMap<String, String>,
}

/// Where lines go.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// To a file; none: it is one that is left out here.
    pub envoy_file_access_log: Option<FileAccessLog>,
}

/// Lines in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileAccessLog {
    /// The file.
    pub path: String,
    /// What stands in a line.
    pub log_format: LogFormat,
}

/// What stands in a line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFormat {
    /// Names, and Envoy's commands for their values.
    pub labels: BTreeMap<String, String>,
}
