//! What is repeated.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::istio::Retries;

/// The conditions that Envoy knows, of those that Istio hands on.
const CONDITIONS: [&str; 14] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-headers",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Envoy's policy; none where nothing is repeated.
pub fn policy(retries: &Retries) -> Result<Option<Value>> {
    if retries.attempts == 0 {
        return Ok(None);
    }
    // Absent, Istio would fill in its own, which repeat calls that a service had taken up.
    let on = retries.retry_on.as_deref().context("retries.retryOn: must be written out")?;
    for condition in on.split(',') {
        ensure!(CONDITIONS.contains(&condition), "retries.retryOn: `{condition}` is not translated");
    }
    Ok(Some(json!({
        "num_retries": retries.attempts,
        "retry_on": on,
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            },
        }],
        "host_selection_retry_max_attempts": 5,
    })))
}
