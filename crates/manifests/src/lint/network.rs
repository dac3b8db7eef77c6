//! NetworkPolicies: every namespace denies by default, every edge leads from pods that are there to pods that are there.

use serde_json::Value;

use super::Report;
use super::wiring::has_port;
use super::world::{IN_MESH, OUTSIDE_MESH, World};
use crate::objects::{Object, at, list, text};

const GATEWAY_LABEL: &str = "gateway.networking.k8s.io/gateway-name";

pub fn check(world: &World<'_>, report: &mut Report) {
    for namespace in IN_MESH.iter().chain(&OUTSIDE_MESH) {
        if !world
            .of_kind("NetworkPolicy")
            .any(|policy| policy.namespace() == *namespace && denies_all(policy))
        {
            report.missing(&format!("Namespace {namespace}"), "has no NetworkPolicy that denies by default");
        }
    }
    for policy in world.of_kind("NetworkPolicy") {
        let (namespace, own) = (policy.namespace(), policy.at("/spec/podSelector"));
        if !is_known(world, namespace, own) {
            report.add(policy, "selects no pods");
        }
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in policy.list(&format!("/spec/{direction}")) {
                open(policy, rule, direction, peers, report);
                for peer in list(rule, &format!("/{peers}")) {
                    peer_is_there(world, policy, peer, report);
                }
                if direction == "ingress" {
                    ports(world, policy, rule, report);
                }
            }
        }
    }
    for pod in world.templates().filter(super::wiring::serves) {
        let guarded = world.of_kind("NetworkPolicy").any(|policy| {
            policy.namespace() == pod.owner.namespace()
                && pod.fits(policy.at("/spec/podSelector/matchLabels"))
        });
        if !guarded {
            report.add(pod.owner, "has no NetworkPolicy of its own");
        }
    }
}

fn denies_all(policy: &Object) -> bool {
    let types = crate::objects::texts(policy.at("/spec"), "/policyTypes");
    policy.at("/spec/podSelector").as_object().is_some_and(serde_json::Map::is_empty)
        && types.contains(&"Ingress")
        && types.contains(&"Egress")
        && policy.list("/spec/ingress").is_empty()
        && policy.list("/spec/egress").is_empty()
}

/// A rule without peers or without ports is a door for everybody or to everything.
fn open(policy: &Object, rule: &Value, direction: &str, peers: &str, report: &mut Report) {
    let nobody_named = list(rule, &format!("/{peers}")).is_empty();
    let no_port = list(rule, "/ports").is_empty();
    // The edge is there for everybody; operators' pods ask the API server, which no selector names.
    let meant = match direction {
        "ingress" => !policy.at("/spec/podSelector/matchLabels")[GATEWAY_LABEL].is_null(),
        _ => OUTSIDE_MESH.contains(&policy.namespace()),
    };
    if nobody_named && (no_port || !meant) {
        report.add(policy, format!("{direction}: names nobody, so that it is open for everybody"));
    }
    if no_port && IN_MESH.contains(&policy.namespace()) {
        report.add(policy, format!("{direction}: names no port"));
    }
}

fn peer_is_there(world: &World<'_>, policy: &Object, peer: &Value, report: &mut Report) {
    let cidr = text(peer, "/ipBlock/cidr");
    if cidr == "0.0.0.0/0" && list(peer, "/ipBlock/except").is_empty() {
        report.add(policy, "reaches every address, also those of the cluster");
    }
    if !cidr.is_empty() {
        return;
    }
    let named = at(peer, "/namespaceSelector/matchLabels")["kubernetes.io/metadata.name"].as_str();
    let namespace = match (named, peer.get("namespaceSelector")) {
        (Some(name), _) => name,
        (None, None) => policy.namespace(),
        // All namespaces of the suite, by their tier.
        (None, Some(_)) => return,
    };
    let ours = IN_MESH.contains(&namespace) || OUTSIDE_MESH.contains(&namespace);
    if ours && world.find("Namespace", "", namespace).is_none() {
        report.add(policy, format!("the namespace `{namespace}` does not exist"));
    }
    match peer.get("podSelector") {
        Some(selector) if !is_known(world, namespace, selector) => {
            report.add(policy, format!("no pods of {namespace} are like {selector}"));
        }
        // Operators' own namespaces hold their pods alone.
        None if ours => report.add(policy, format!("opens to every pod of {namespace}")),
        _ => {}
    }
}

/// Whether there are pods that the selector means, as far as it can be known here.
fn is_known(world: &World<'_>, namespace: &str, selector: &Value) -> bool {
    let labels = at(selector, "/matchLabels");
    if !IN_MESH.contains(&namespace) || labels.is_null() {
        return true;
    }
    if let Some(gateway) = labels[GATEWAY_LABEL].as_str() {
        return world.find("Gateway", namespace, gateway).is_some();
    }
    !world.selected(namespace, labels).is_empty()
}

/// Whether the pods have the ports that are opened.
fn ports(world: &World<'_>, policy: &Object, rule: &Value, report: &mut Report) {
    let pods = world.selected(policy.namespace(), policy.at("/spec/podSelector/matchLabels"));
    for port in list(rule, "/ports").iter().map(|port| at(port, "/port")) {
        if pods.iter().any(|pod| !has_port(pod, port)) {
            report.add(policy, format!("its pods have no port {port}"));
        }
    }
}
