//! What pilot makes of the manifests for one sidecar, as Envoy reads it from a file.
//!
//! The differences to a cluster stand in `docs/mesh.md`. Those of the form: all but the endpoints is a file where pilot
//! speaks xDS, and there is a listener for each peer where pilot has one that iptables lead to.

mod cluster;
mod inbound;
mod log;
mod outbound;
mod rbac;
mod retry;
mod tls;
mod token;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::certificates::Identity;
use crate::network::Addresses;
use crate::world::{Service, Workload, World, fits};

/// Where Istio's sidecars call their programs from, so that a program knows a call of its sidecar.
const SIDECAR: &str = "127.0.0.6";
/// Istio's limit where none is said: as good as none.
const NO_LIMIT: u32 = u32::MAX;

/// What istiod's cluster is called.
const DISCOVERY: &str = "xds-grpc";

/// A pod on this machine.
#[derive(Debug, Clone)]
pub struct Pod {
    /// `orders-0`.
    pub name: String,
    /// What made it.
    pub workload: Workload,
    /// Its labels: those of the workload, and what Argo Rollouts would add.
    pub labels: BTreeMap<String, String>,
    /// Where it is.
    pub addresses: Addresses,
}

impl Pod {
    /// Whether it is one of a service's pods, and of a subset of these.
    pub fn is_behind(&self, service: &Service, subset: Option<&BTreeMap<String, String>>) -> bool {
        self.workload.account.namespace == service.namespace
            && fits(&service.selector, &self.labels)
            && subset.is_none_or(|labels| fits(labels, &self.labels))
    }
}

/// What a sidecar is given beside the manifests.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// What the manifests say.
    pub world: &'a World,
    /// Who the sidecar is.
    pub identity: &'a Identity,
    /// Where it is told which pods are there.
    pub discovery: SocketAddr,
    /// The keys of tokens, as a JSON Web Key Set.
    pub keys: &'a str,
}

/// The whole configuration of a pod's sidecar.
pub fn sidecar(around: &Surroundings<'_>, pod: &Pod) -> Result<Value> {
    let world = around.world;
    let namespace = &pod.workload.account.namespace;
    ensure!(world.is_strict(namespace), "{namespace} takes callers without a certificate");
    let mut listeners = vec![inbound::listener(around, pod)?];
    let mut clusters = vec![inbound::cluster(pod)];
    for (number, service) in world.services.iter().enumerate() {
        let address = pod.addresses.peer(number);
        listeners.push(outbound::listener(world, service, address, namespace)?);
        clusters.extend(cluster::all(around, service)?);
    }
    Ok(bootstrap(around, pod, listeners, clusters))
}

/// The whole configuration of the edge, which takes calls of the world at `listen`.
pub fn edge(around: &Surroundings<'_>, pod: &Pod, listen: SocketAddr) -> Result<Value> {
    let service = &around.world.edge;
    let listener = outbound::edge(around.world, service, listen, &pod.workload.account.namespace)?;
    Ok(bootstrap(around, pod, vec![listener], cluster::all(around, service)?))
}

/// The clusters of a service, and the labels of the pods in them.
pub fn clusters(service: &Service) -> Vec<(String, Option<&BTreeMap<String, String>>)> {
    let subsets = service.rule.subsets.iter();
    let subsets = subsets.map(|subset| (cluster_name(service, Some(&subset.name)), Some(&subset.labels)));
    std::iter::once((cluster_name(service, None), None)).chain(subsets).collect()
}

/// `outbound|50051|stable|orders.tessera-core.svc.cluster.local`, as pilot calls it.
fn cluster_name(service: &Service, subset: Option<&str>) -> String {
    format!("outbound|{}|{}|{}", service.port, subset.unwrap_or_default(), service.host)
}

fn bootstrap(around: &Surroundings<'_>, pod: &Pod, listeners: Vec<Value>, mut clusters: Vec<Value>) -> Value {
    let namespace = &pod.workload.account.namespace;
    clusters.push(discovery(around.discovery));
    json!({
        "node": {
            "id": format!("sidecar~{}~{}.{namespace}~{namespace}.svc.cluster.local", pod.addresses.outside, pod.name),
            "cluster": format!("{}.{namespace}", pod.workload.name),
        },
        "admin": {"address": address(pod.addresses.admin())},
        "layered_runtime": {"layers": [
            {"name": "mesh", "static_layer": runtime(&pod.workload.proxy.runtime_values)},
            {"name": "admin", "admin_layer": {}},
        ]},
        "dynamic_resources": {"ads_config": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": DISCOVERY}}],
        }},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// Who tells which pods are there. It is on this machine, and tells nothing that is secret.
fn discovery(at: SocketAddr) -> Value {
    json!({
        "name": DISCOVERY,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": http2(None),
        "load_assignment": {
            "cluster_name": DISCOVERY,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(at)}}]}],
        },
    })
}

/// Envoy's switches. They are texts in the manifests, and Envoy passes over a switch whose value is one.
fn runtime(values: &BTreeMap<String, String>) -> Value {
    let value = |text: &str| match text {
        "true" => json!(true),
        "false" => json!(false),
        _ => json!(text),
    };
    values.iter().map(|(name, text)| (name.clone(), value(text))).collect()
}

fn address(at: SocketAddr) -> Value {
    json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}})
}

/// An extension of Envoy: its name, its type and its settings, which must be an object.
fn extension(name: &str, kind: &str, mut settings: Value) -> Value {
    settings["@type"] = format!("type.googleapis.com/{kind}").into();
    json!({"name": name, "typed_config": settings})
}

fn router() -> Value {
    extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", json!({}))
}

/// HTTP/2 to a cluster's endpoints, whatever a connection begins with.
fn http2(idle_timeout: Option<String>) -> Value {
    let mut options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    });
    if let Some(idle_timeout) = idle_timeout {
        options["common_http_protocol_options"] = json!({"idle_timeout": idle_timeout});
    }
    json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options})
}

/// The settings that all of Istio's HTTP listeners have in common.
fn http_connection(world: &World, namespace: &str, prefix: &str, settings: Value) -> Result<Value> {
    let mut all = json!({
        "stat_prefix": prefix,
        "stream_idle_timeout": "0s",
        "normalize_path": true,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "server_name": "istio-envoy",
        "access_log": log::access(world, namespace)?,
    });
    let settings = settings.as_object().context("settings of a listener are an object")?;
    for (name, value) in settings {
        all[name] = value.clone();
    }
    Ok(extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        all,
    ))
}
