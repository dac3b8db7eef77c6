//! The pods of a service and of its subsets, as a caller's sidecar speaks to them.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{NO_LIMIT, Surroundings, cluster_name, http2, tls};
use crate::istio::{Balance, OutlierDetection, RetryBudget, TlsMode, TrafficPolicy};
use crate::world::Service;

/// What the mesh waits for a connection where nothing is said.
const CONNECT_TIMEOUT: &str = "10s";

/// One cluster for all pods, and one for each subset: each has its own limits, and its own account of errors.
pub fn all(around: &Surroundings<'_>, service: &Service) -> Result<Vec<Value>> {
    let subsets = service.rule.subsets.iter().map(|subset| Some(subset.name.as_str()));
    std::iter::once(None).chain(subsets).map(|subset| one(around, service, subset)).collect()
}

fn one(around: &Surroundings<'_>, service: &Service, subset: Option<&str>) -> Result<Value> {
    let name = cluster_name(service, subset);
    let policy = &service.rule.traffic_policy;
    let TlsMode::IstioMutual = policy.tls.mode;
    let Balance::LeastRequest = policy.load_balancer.as_ref().map(|one| one.simple).unwrap_or_default();
    let accounts = around.world.accounts(service);
    // Without a name to look for, any certificate of the mesh would do.
    ensure!(
        !accounts.is_empty(),
        "{}: no pod is behind it, so that nobody can be expected there",
        service.host
    );
    let sni = format!("outbound_.{}_.{}_.{}", service.port, subset.unwrap_or_default(), service.host);
    let pool = policy.connection_pool.clone().unwrap_or_default();
    let connect_timeout =
        pool.tcp.connect_timeout.map_or_else(|| CONNECT_TIMEOUT.to_owned(), |one| one.to_envoy());
    let mut cluster = json!({
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": {"ads": {}, "resource_api_version": "V3"}},
        "connect_timeout": connect_timeout,
        "lb_policy": "LEAST_REQUEST",
        // When too many pods are left out the others are not called all the same.
        "common_lb_config": {"healthy_panic_threshold": {}},
        "circuit_breakers": {"thresholds": [threshold(policy)]},
        "typed_extension_protocol_options": http2(pool.http.idle_timeout.map(|one| one.to_envoy())),
        "transport_socket": tls::client(around.identity, accounts, &sni),
    });
    if let Some(outliers) = &policy.outlier_detection {
        cluster["outlier_detection"] = outlier_detection(outliers);
    }
    Ok(cluster)
}

fn threshold(policy: &TrafficPolicy) -> Value {
    let pool = policy.connection_pool.clone().unwrap_or_default();
    let mut threshold = json!({
        "max_connections": pool.tcp.max_connections.unwrap_or(NO_LIMIT),
        "max_pending_requests": pool.http.http1_max_pending_requests.unwrap_or(NO_LIMIT),
        "max_requests": pool.http.http2_max_requests.unwrap_or(NO_LIMIT),
        "max_retries": NO_LIMIT,
        "track_remaining": true,
    });
    if let Some(RetryBudget { percent, min_retry_concurrency }) = &policy.retry_budget {
        threshold["retry_budget"] = json!({
            "budget_percent": {"value": percent.unwrap_or(20.0)},
            "min_retry_concurrency": min_retry_concurrency.unwrap_or(3),
        });
    }
    threshold
}

/// A number of errors is written with whether it counts: 0 switches off, and what is absent is left to Envoy.
fn outlier_detection(outliers: &OutlierDetection) -> Value {
    let mut detection = json!({"enforcing_success_rate": 0});
    let enforced = |number: u32| if number > 0 { 100 } else { 0 };
    if let Some(number) = outliers.consecutive_gateway_errors {
        detection["consecutive_gateway_failure"] = number.into();
        detection["enforcing_consecutive_gateway_failure"] = enforced(number).into();
    }
    if let Some(number) = outliers.consecutive_5xx_errors {
        detection["consecutive_5xx"] = number.into();
        detection["enforcing_consecutive_5xx"] = enforced(number).into();
    }
    if let Some(interval) = outliers.interval {
        detection["interval"] = interval.to_envoy().into();
    }
    if let Some(time) = outliers.base_ejection_time {
        detection["base_ejection_time"] = time.to_envoy().into();
    }
    if let Some(percent) = outliers.max_ejection_percent {
        detection["max_ejection_percent"] = percent.into();
    }
    detection
}
