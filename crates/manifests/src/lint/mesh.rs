//! Certificates and how calls are sent: mutual TLS everywhere, and rules for every service.

use super::Report;
use super::wiring::serves;
use super::world::{IN_MESH, World};
use crate::objects::{Object, at, list, text};

pub fn check(world: &World<'_>, report: &mut Report) {
    for authentication in world.of_kind("PeerAuthentication") {
        let modes = [authentication.at("/spec/mtls/mode")];
        let ports = authentication.at("/spec/portLevelMtls").as_object().into_iter().flatten();
        let modes = modes.into_iter().chain(ports.map(|(_, port)| at(port, "/mode")));
        if modes.into_iter().any(|mode| mode != "STRICT") {
            report.add(authentication, "lets callers in without a certificate");
        }
    }
    for namespace in IN_MESH {
        let strict = |one: &Object| one.namespace() == namespace && one.at("/spec/selector").is_null();
        if !world.of_kind("PeerAuthentication").any(strict) {
            report.missing(&format!("Namespace {namespace}"), "has no PeerAuthentication");
        }
    }
    for rule in world.of_kind("DestinationRule") {
        destination(world, rule, report);
    }
    for pod in world.templates().filter(|pod| pod.in_mesh() && serves(pod)) {
        let host = format!("{}.{}.svc.cluster.local", pod.owner.name(), pod.owner.namespace());
        if !world.of_kind("DestinationRule").any(|rule| rule.text("/spec/host") == host) {
            report.add(pod.owner, "has no DestinationRule");
        }
    }
    for object in world.objects.iter().filter(|object| object.kind() == "EnvoyFilter") {
        report.add(object, "reaches past what Istio promises to keep");
    }
}

fn destination(world: &World<'_>, rule: &Object, report: &mut Report) {
    let host = rule.text("/spec/host");
    let policies = std::iter::once(rule.at("/spec/trafficPolicy"))
        .chain(rule.list("/spec/subsets").iter().map(|subset| at(subset, "/trafficPolicy")))
        .chain(rule.list("/spec/trafficPolicy/portLevelSettings"));
    let modes: Vec<&str> =
        policies.map(|policy| text(policy, "/tls/mode")).filter(|mode| !mode.is_empty()).collect();
    match world.service(host) {
        Some(service) => {
            if modes.is_empty() || modes.iter().any(|mode| *mode != "ISTIO_MUTUAL") {
                report.add(rule, "calls without a certificate of the mesh");
            }
            for subset in rule.list("/spec/subsets") {
                let pods = world.selected(service.namespace(), at(subset, "/labels"));
                if pods.is_empty() {
                    report.add(rule, format!("the subset `{}` selects no pods", text(subset, "/name")));
                }
            }
            let grpc =
                service.list("/spec/ports").iter().any(|port| text(port, "/name").starts_with("grpc-"));
            if grpc {
                outliers(rule, report);
            }
        }
        None if world.is_made_by_operators(host) => {
            if modes.is_empty() || modes.iter().any(|mode| *mode != "MUTUAL") {
                report.add(rule, "calls without a certificate");
            }
        }
        None => report.add(rule, format!("the host `{host}` does not exist")),
    }
}

/// What was measured to work; see docs/adr/0008-one-retry-layer.md.
fn outliers(rule: &Object, report: &mut Report) {
    let policy = rule.at("/spec/trafficPolicy");
    let outlier = at(policy, "/outlierDetection");
    if !at(outlier, "/consecutiveErrors").is_null() {
        report.add(rule, "`consecutiveErrors` is passed over by Istio");
    }
    let number = |field: &str| at(outlier, field).as_i64();
    if number("/consecutiveGatewayErrors") != Some(5) {
        report.add(rule, "must leave a pod out after five errors of the way to it");
    }
    if number("/consecutive5xxErrors") != Some(0) {
        report.add(rule, "leaves a healthy pod out for errors that it answers with");
    }
    if number("/maxEjectionPercent").is_none_or(|percent| percent > 50) {
        report.add(rule, "may leave out more than half of the pods");
    }
    let budget = at(policy, "/retryBudget");
    if at(budget, "/percent").as_f64().is_none_or(|percent| percent > 20.0) {
        report.add(rule, "lets a storm of retries through: no budget of a fifth at most");
    }
    if !at(policy, "/connectionPool/http/maxRetries").is_null() {
        report.add(rule, "`maxRetries` and the budget both claim to bound retries");
    }
    let bounded = ["/connectionPool/http/http2MaxRequests", "/connectionPool/tcp/maxConnections"];
    for field in bounded.iter().filter(|field| at(policy, field).is_null()) {
        report.add(rule, format!("lacks `{field}`"));
    }
    if list(policy, "/portLevelSettings").iter().any(|one| !at(one, "/outlierDetection").is_null()) {
        report.add(rule, "has other rules for a port");
    }
}
