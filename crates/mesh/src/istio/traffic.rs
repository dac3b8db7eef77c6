//! How calls are sent: what is repeated, how long it may take, which pods are left out.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Span;

/// How calls of hosts are sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualService {
    /// The hosts that are called.
    pub hosts: Vec<String>,
    /// Its routes; the first that matches counts.
    pub http: Vec<Route>,
}

/// What happens to calls that match.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Its name in Envoy's own words.
    pub name: String,
    /// Any of these; none: every call.
    #[serde(default, rename = "match")]
    pub matches: Vec<Match>,
    /// Where the calls go, by weight.
    pub route: Vec<Target>,
    /// How long a call may take with all its repetitions; none: as long as it likes.
    pub timeout: Option<Span>,
    /// What is repeated; none: what the mesh's settings say.
    pub retries: Option<Retries>,
}

/// A call that has all of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Match {
    /// The path.
    pub uri: Option<Exact>,
    /// Headers by name.
    #[serde(default)]
    pub headers: BTreeMap<String, Exact>,
}

/// Exactly this text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exact {
    /// The text.
    pub exact: String,
}

/// A share of the calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Where it goes.
    pub destination: Destination,
    /// Its weight among the others.
    pub weight: Option<u32>,
}

/// Pods of a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The service's host.
    pub host: String,
    /// A subset of its pods; none: all of them.
    pub subset: Option<String>,
}

/// What is repeated.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retries {
    /// How many times at the most, after the first.
    pub attempts: u32,
    /// On which outcomes, parted by commas.
    pub retry_on: Option<String>,
}

/// How a host is spoken to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestinationRule {
    /// The service's host.
    pub host: String,
    /// How its pods are spoken to.
    pub traffic_policy: TrafficPolicy,
    /// Names for some of its pods.
    #[serde(default)]
    pub subsets: Vec<Subset>,
}

/// A name for some pods.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subset {
    /// The name.
    pub name: String,
    /// The labels that such pods have.
    pub labels: BTreeMap<String, String>,
}

/// How pods are spoken to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficPolicy {
    /// How the connection is secured.
    pub tls: Tls,
    /// Which pod gets the next call.
    pub load_balancer: Option<LoadBalancer>,
    /// How much is under way at a time.
    pub connection_pool: Option<ConnectionPool>,
    /// How many of the calls under way may be repetitions.
    pub retry_budget: Option<RetryBudget>,
    /// Which pods are left out.
    pub outlier_detection: Option<OutlierDetection>,
}

/// How a connection is secured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// With which certificates.
    pub mode: TlsMode,
}

/// With which certificates a connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TlsMode {
    /// With those of the mesh, on both sides.
    #[serde(rename = "ISTIO_MUTUAL")]
    IstioMutual,
}

/// Which pod gets the next call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// By which rule.
    pub simple: Balance,
}

/// A rule of balancing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Balance {
    /// Of two pods the one with fewer calls under way.
    #[default]
    #[serde(rename = "LEAST_REQUEST")]
    LeastRequest,
}

/// How much is under way at a time, counted by each caller.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionPool {
    /// Of connections.
    #[serde(default)]
    pub tcp: TcpPool,
    /// Of calls.
    #[serde(default)]
    pub http: HttpPool,
}

/// Limits of connections.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpPool {
    /// How many.
    pub max_connections: Option<u32>,
    /// How long one may take to be made.
    pub connect_timeout: Option<Span>,
}

/// Limits of calls.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpPool {
    /// How many are under way.
    pub http2_max_requests: Option<u32>,
    /// How many wait for a connection.
    pub http1_max_pending_requests: Option<u32>,
    /// How long a connection without calls stays open.
    pub idle_timeout: Option<Span>,
}

/// How many of the calls under way may be repetitions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryBudget {
    /// How many in a hundred.
    pub percent: Option<f64>,
    /// So many in any case.
    pub min_retry_concurrency: Option<u32>,
}

/// Which pods are left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutlierDetection {
    /// After how many errors of the way in a row; 0: whatever happens.
    pub consecutive_gateway_errors: Option<u32>,
    /// After how many errors of any kind in a row; 0: whatever happens, and none: five, as Envoy has it.
    #[serde(rename = "consecutive5xxErrors")]
    pub consecutive_5xx_errors: Option<u32>,
    /// How often it is looked whose time is over.
    pub interval: Option<Span>,
    /// How long, multiplied by how often it was left out.
    pub base_ejection_time: Option<Span>,
    /// How many in a hundred at the most.
    pub max_ejection_percent: Option<u32>,
}
