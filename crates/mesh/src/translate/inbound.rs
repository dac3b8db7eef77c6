//! What a sidecar does with calls of others: certificate, token, policy, and then its own program.

use anyhow::Result;
use serde_json::{Value, json};

use super::{
    NO_LIMIT, Pod, SIDECAR, Surroundings, address, http_connection, http2, rbac, router, tls, token,
};

/// Takes calls of others.
pub fn listener(around: &Surroundings<'_>, pod: &Pod) -> Result<Value> {
    let port = pod.workload.port;
    let mut filters = Vec::new();
    filters.extend(token::filter(around, &pod.workload));
    filters.extend(rbac::filters(around.world, &pod.workload)?);
    filters.push(router());
    // The caller's deadline counts and no other: streams and long calls are bounded where they are sent.
    let no_limit = json!({"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"});
    let route = json!({
        "name": "default",
        "match": {"prefix": "/"},
        "route": {"cluster": name(pod), "timeout": "0s", "max_stream_duration": no_limit},
    });
    let settings = json!({
        "use_remote_address": false,
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": {"subject": true, "dns": true, "uri": true},
        "route_config": {
            "name": name(pod),
            "validate_clusters": false,
            "virtual_hosts": [{
                "name": format!("inbound|http|{port}"), "domains": ["*"], "routes": [route],
            }],
        },
        "http_filters": filters,
    });
    let namespace = &pod.workload.account.namespace;
    Ok(json!({
        "name": "virtualInbound",
        "traffic_direction": "INBOUND",
        "address": address(pod.addresses.sidecar(port)),
        "filter_chains": [{
            "transport_socket": tls::server(around.identity),
            "filters": [http_connection(around.world, namespace, &format!("inbound_{port}"), settings)?],
        }],
    }))
}

/// The pod's own program.
pub fn cluster(pod: &Pod) -> Value {
    json!({
        "name": name(pod),
        "type": "STATIC",
        "connect_timeout": "10s",
        "upstream_bind_config": {"source_address": {"address": SIDECAR, "port_value": 0}},
        "circuit_breakers": {"thresholds": [{
            "max_connections": NO_LIMIT, "max_pending_requests": NO_LIMIT,
            "max_requests": NO_LIMIT, "max_retries": NO_LIMIT,
        }]},
        "typed_extension_protocol_options": http2(None),
        "load_assignment": {
            "cluster_name": name(pod),
            "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": address(pod.addresses.program(pod.workload.port))}},
            ]}],
        },
    })
}

fn name(pod: &Pod) -> String {
    format!("inbound|{}||", pod.workload.port)
}
