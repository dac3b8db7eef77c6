//! What a sidecar does with its own program's calls of a service.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{address, cluster_name, http_connection, retry, router};
use crate::istio::{Match, Route};
use crate::world::{Service, World};

/// Takes the program's calls of a service.
pub fn listener(world: &World, service: &Service, at: SocketAddr, namespace: &str) -> Result<Value> {
    let settings = json!({"use_remote_address": false});
    build(world, service, at, namespace, "OUTBOUND", settings)
}

/// Takes the world's calls of the service behind the edge.
pub fn edge(world: &World, service: &Service, at: SocketAddr, namespace: &str) -> Result<Value> {
    // What a caller says of its own address or certificate is not believed.
    let settings = json!({"use_remote_address": true, "forward_client_cert_details": "SANITIZE_SET"});
    build(world, service, at, namespace, "INBOUND", settings)
}

fn build(
    world: &World,
    service: &Service,
    at: SocketAddr,
    namespace: &str,
    direction: &str,
    mut settings: Value,
) -> Result<Value> {
    let routes = routes(world, service).with_context(|| format!("VirtualService of {}", service.host))?;
    settings["http_filters"] = json!([router()]);
    settings["route_config"] = json!({
        "name": service.host,
        "virtual_hosts": [{"name": service.host, "domains": ["*"], "routes": routes}],
    });
    let prefix = format!("outbound_{}", service.host.replace('.', "_"));
    Ok(json!({
        "name": format!("{}_{}", service.host, service.port),
        "traffic_direction": direction,
        "address": address(at),
        "filter_chains": [{"filters": [http_connection(world, namespace, &prefix, settings)?]}],
    }))
}

fn routes(world: &World, service: &Service) -> Result<Vec<Value>> {
    let Some(virtual_service) = &service.routes else {
        let retries = &world.values.mesh_config.default_http_retry_policy;
        let action = json!({"cluster": cluster_name(service, None)});
        let action = with_limits(action, "0s", retry::policy(retries)?);
        return Ok(vec![json!({"name": "default", "match": {"prefix": "/"}, "route": action})]);
    };
    let mut routes = Vec::new();
    for route in &virtual_service.http {
        let action = action(world, service, route).with_context(|| format!("the route `{}`", route.name))?;
        // Any of the matches will do, and Envoy's have no "or".
        let matches: Vec<Value> = match route.matches.as_slice() {
            [] => vec![json!({"prefix": "/"})],
            matches => matches.iter().map(condition).collect(),
        };
        routes.extend(
            matches
                .into_iter()
                .map(|condition| json!({"name": route.name, "match": condition, "route": action})),
        );
    }
    Ok(routes)
}

fn condition(wanted: &Match) -> Value {
    let headers: Vec<Value> = wanted
        .headers
        .iter()
        .map(|(name, text)| json!({"name": name, "string_match": {"exact": text.exact}}))
        .collect();
    let mut condition = match &wanted.uri {
        Some(path) => json!({"path": path.exact}),
        None => json!({"prefix": "/"}),
    };
    if !headers.is_empty() {
        condition["headers"] = headers.into();
    }
    condition["case_sensitive"] = true.into();
    condition
}

fn action(world: &World, service: &Service, route: &Route) -> Result<Value> {
    let name = |target: &crate::istio::Target| cluster_name(service, target.destination.subset.as_deref());
    let action = match route.route.as_slice() {
        [only] => json!({"cluster": name(only)}),
        targets => {
            // Whoever has no weight gets no calls.
            let weighted: Vec<Value> = targets
                .iter()
                .filter(|target| target.weight.unwrap_or(0) > 0)
                .map(|target| json!({"name": name(target), "weight": target.weight}))
                .collect();
            ensure!(!weighted.is_empty(), "no destination has a weight");
            json!({"weighted_clusters": {"clusters": weighted}})
        }
    };
    let timeout = route.timeout.map_or_else(|| "0s".to_owned(), |timeout| timeout.to_envoy());
    let retries = route.retries.as_ref().unwrap_or(&world.values.mesh_config.default_http_retry_policy);
    Ok(with_limits(action, &timeout, retry::policy(retries)?))
}

fn with_limits(mut action: Value, timeout: &str, retries: Option<Value>) -> Value {
    action["timeout"] = timeout.into();
    // The shorter of this and what the caller asks for counts; 0 lets the caller's count alone.
    action["max_grpc_timeout"] = timeout.into();
    if let Some(retries) = retries {
        action["retry_policy"] = retries;
    }
    action
}
