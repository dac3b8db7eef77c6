//! Selectors, ports and targets: what one object says of another.

use serde_json::Value;

use super::world::{IN_MESH, Template, World};
use super::{Report, Size};
use crate::objects::{Object, at, list, text};

pub fn check(world: &World<'_>, report: &mut Report) {
    for service in world.of_kind("Service") {
        service_leads_to_pods(world, service, report);
    }
    for scaler in world.of_kind("HorizontalPodAutoscaler") {
        target(world, scaler, "/spec/scaleTargetRef", report);
        bounds(world, scaler, report);
    }
    for adviser in world.of_kind("VerticalPodAutoscaler") {
        target(world, adviser, "/spec/targetRef", report);
        if adviser.text("/spec/updatePolicy/updateMode") != "Off" {
            report.add(adviser, "changes pods that the horizontal autoscaler counts");
        }
    }
    for budget in world.of_kind("PodDisruptionBudget") {
        let labels = budget.at("/spec/selector/matchLabels");
        if world.selected(budget.namespace(), labels).is_empty() {
            report.add(budget, "selects no pods");
        }
    }
    for rollout in world.of_kind("Rollout") {
        target(world, rollout, "/spec/workloadRef", report);
        rollout_names_what_is_there(world, rollout, report);
    }
    for pod in world.templates().filter(|pod| pod.owner.kind() == "Deployment") {
        if !pod.fits(pod.owner.at("/spec/selector/matchLabels")) {
            report.add(pod.owner, "does not select its own pods");
        }
        if serves(&pod) {
            complete(world, &pod, report);
        }
    }
    for http in world.of_kind("HTTPRoute") {
        for reference in http.list("/spec/rules").iter().flat_map(|rule| list(rule, "/backendRefs")) {
            let name = text(reference, "/name");
            let service = world.find("Service", http.namespace(), name);
            let port = at(reference, "/port");
            if !service
                .is_some_and(|service| service.list("/spec/ports").iter().any(|one| at(one, "/port") == port))
            {
                report.add(http, format!("the Service `{name}` has no port {port}"));
            }
        }
    }
}

/// Whether it is one of the program's own servers.
pub fn serves(pod: &Template<'_>) -> bool {
    list(pod.spec, "/containers")
        .iter()
        .flat_map(|container| list(container, "/ports"))
        .any(|port| text(port, "/name").starts_with("grpc-"))
}

fn service_leads_to_pods(world: &World<'_>, service: &Object, report: &mut Report) {
    let pods = world.selected(service.namespace(), service.at("/spec/selector"));
    if pods.is_empty() {
        report.add(service, "selects no pods");
    }
    for port in service.list("/spec/ports") {
        let name = text(port, "/name");
        // Istio takes the protocol from the name, and without one guesses.
        if !["grpc-", "http-", "tcp-"].iter().any(|protocol| name.starts_with(protocol)) {
            report.add(service, format!("the port `{name}` does not begin with its protocol"));
        }
        let target = at(port, "/targetPort");
        if !pods.iter().all(|pod| has_port(pod, target)) {
            report.add(service, format!("its pods have no port {target}"));
        }
    }
}

/// Whether pods have this port, by name or number.
pub fn has_port(pod: &Template<'_>, wanted: &Value) -> bool {
    list(pod.spec, "/containers")
        .iter()
        .flat_map(|container| list(container, "/ports"))
        .any(|port| at(port, "/name") == wanted || at(port, "/containerPort") == wanted)
}

fn target(world: &World<'_>, object: &Object, place: &str, report: &mut Report) {
    let reference = object.at(place);
    let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
    if world.find(kind, object.namespace(), name).is_none() {
        report.add(object, format!("the {kind} `{name}` does not exist"));
    }
}

fn bounds(world: &World<'_>, scaler: &Object, report: &mut Report) {
    let (least, most) = (scaler.at("/spec/minReplicas").as_i64(), scaler.at("/spec/maxReplicas").as_i64());
    // Of two pods one may be left out as faulty, of one none.
    let wanted = if world.size == Size::Full { 3 } else { 1 };
    if least.unwrap_or(1) < wanted || most.unwrap_or(0) > 20 || most < least {
        report.add(scaler, format!("must keep from {wanted} to 20 replicas"));
    }
}

fn rollout_names_what_is_there(world: &World<'_>, rollout: &Object, report: &mut Report) {
    let namespace = rollout.namespace();
    let istio = rollout.at("/spec/strategy/canary/trafficRouting/istio");
    if !istio.is_null() {
        let routes = crate::objects::texts(istio, "/virtualService/routes");
        let service = world.find("VirtualService", namespace, text(istio, "/virtualService/name"));
        let named: Vec<&str> = service.map_or(Vec::new(), |one| {
            one.list("/spec/http").iter().map(|route| text(route, "/name")).collect()
        });
        for route in routes.iter().filter(|route| !named.contains(route)) {
            report.add(rollout, format!("the VirtualService has no route `{route}`"));
        }
        let rule = world.find("DestinationRule", namespace, text(istio, "/destinationRule/name"));
        for field in ["/destinationRule/stableSubsetName", "/destinationRule/canarySubsetName"] {
            let wanted = text(istio, field);
            let has = rule.is_some_and(|rule| {
                rule.list("/spec/subsets").iter().any(|subset| text(subset, "/name") == wanted)
            });
            if !has {
                report.add(rollout, format!("the DestinationRule has no subset `{wanted}`"));
            }
        }
    }
    for field in ["activeService", "previewService"] {
        let name = text(rollout.at("/spec/strategy/blueGreen"), &format!("/{field}"));
        if !name.is_empty() && world.find("Service", namespace, name).is_none() {
            report.add(rollout, format!("the Service `{name}` does not exist"));
        }
    }
}

/// What every server has.
fn complete(world: &World<'_>, pod: &Template<'_>, report: &mut Report) {
    let (name, namespace) = (pod.owner.name(), pod.owner.namespace());
    for kind in ["Service", "HorizontalPodAutoscaler", "VerticalPodAutoscaler", "PodDisruptionBudget"] {
        if world.find(kind, namespace, name).is_none() {
            report.add(pod.owner, format!("has no {kind}"));
        }
    }
    let service = world.find("Service", namespace, name);
    let ports = service.map_or(&[][..], |service| service.list("/spec/ports"));
    if IN_MESH.contains(&namespace) && ports.iter().any(|port| !text(port, "/name").starts_with("grpc-")) {
        report.add(pod.owner, "its Service has a port that is not called grpc-");
    }
}
