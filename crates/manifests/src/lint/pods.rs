//! Pods: what they may do, how they start and end, and what they need to be there.

use serde_json::{Value, json};

use super::Report;
use super::world::{Template, World};
use crate::objects::{at, list, text};

/// How long a pod may take to end: five seconds of waiting, 25 for calls and 15 for what runs behind them.
const GRACE_SECONDS: i64 = 45;

pub fn check(world: &World<'_>, report: &mut Report) {
    for pod in world.templates() {
        account(world, &pod, report);
        restricted(&pod, report);
        for container in list(pod.spec, "/containers") {
            image(&pod, container, report);
            resources(&pod, container, report);
        }
        if pod.owner.kind() == "Deployment" {
            life(&pod, report);
        }
        if pod.in_mesh() {
            sidecar(&pod, report);
        }
    }
    for account in world.of_kind("ServiceAccount") {
        // One Job speaks with the API server; who else would, must be named here.
        let speaks = account.id() == "ServiceAccount tessera-data/restore-test";
        if !speaks && account.at("/automountServiceAccountToken") != false {
            report.add(account, "mounts its token");
        }
    }
}

fn account(world: &World<'_>, pod: &Template<'_>, report: &mut Report) {
    let name = text(pod.spec, "/serviceAccountName");
    if name.is_empty() {
        report.add(pod.owner, "names no ServiceAccount");
    } else if world.find("ServiceAccount", pod.owner.namespace(), name).is_none() {
        report.add(pod.owner, format!("the ServiceAccount `{name}` does not exist"));
    }
    if pod.owner.kind() == "Deployment" && name != pod.owner.name() {
        report.add(pod.owner, "shares its ServiceAccount");
    }
    if pod.owner.kind() != "CronJob" && at(pod.spec, "/automountServiceAccountToken") != false {
        report.add(pod.owner, "mounts a token of the API server");
    }
}

/// What Kubernetes' restricted standard asks for, and a root file system that nobody writes to.
fn restricted(pod: &Template<'_>, report: &mut Report) {
    let mut want = |holds: bool, what: &str| {
        if !holds {
            report.add(pod.owner, what);
        }
    };
    want(at(pod.spec, "/securityContext/runAsNonRoot") == true, "may run as root");
    want(
        text(pod.spec, "/securityContext/seccompProfile/type") == "RuntimeDefault",
        "has no seccomp profile",
    );
    for shared in ["hostNetwork", "hostPID", "hostIPC"] {
        want(pod.spec.get(shared).is_none_or(|value| value == false), "shares the node's own spaces");
    }
    for volume in list(pod.spec, "/volumes") {
        want(volume.get("hostPath").is_none(), "mounts the node's disk");
    }
    for container in list(pod.spec, "/containers").iter().chain(list(pod.spec, "/initContainers")) {
        let context = at(container, "/securityContext");
        want(context["allowPrivilegeEscalation"] == false, "allows privilege escalation");
        want(context["readOnlyRootFilesystem"] == true, "has a root file system that can be written to");
        want(context["capabilities"]["drop"] == json!(["ALL"]), "keeps capabilities");
        want(context["capabilities"]["add"].is_null(), "adds capabilities");
        want(context["privileged"] != true, "is privileged");
    }
}

fn image(pod: &Template<'_>, container: &Value, report: &mut Report) {
    let image = text(container, "/image");
    let last = image.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once('@').or_else(|| last.split_once(':')).map_or("", |(_, tag)| tag);
    if tag.is_empty() || tag == "latest" {
        report.add(pod.owner, format!("the image `{image}` may be another one tomorrow"));
    }
}

fn resources(pod: &Template<'_>, container: &Value, report: &mut Report) {
    for field in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"] {
        if at(container, field).is_null() {
            report.add(pod.owner, format!("lacks `{field}`"));
        }
    }
}

/// Probes of all three kinds, of which liveness asks the process alone, and an end that loses no call.
fn life(pod: &Template<'_>, report: &mut Report) {
    for container in list(pod.spec, "/containers") {
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            if container.get(probe).is_none() {
                report.add(pod.owner, format!("has no {probe}"));
            }
        }
        if !text(container, "/livenessProbe/grpc/service").is_empty()
            || text(container, "/livenessProbe/httpGet/path") == "/readyz"
        {
            report.add(pod.owner, "its liveness asks what it depends on");
        }
        if text(container, "/readinessProbe/grpc/service") != "readiness"
            && !at(container, "/readinessProbe/grpc").is_null()
        {
            report.add(pod.owner, "its readiness does not ask for `readiness`");
        }
        let serves = list(container, "/ports").iter().any(|port| text(port, "/name").starts_with("grpc-"));
        if serves && at(container, "/lifecycle/preStop/sleep/seconds").as_i64().unwrap_or(0) < 5 {
            report.add(pod.owner, "ends before its callers know");
        }
        let grace = at(pod.spec, "/terminationGracePeriodSeconds").as_i64().unwrap_or(30);
        if serves && grace < GRACE_SECONDS {
            report.add(pod.owner, format!("is killed after {grace} s, while it drains"));
        }
        if serves && list(pod.spec, "/topologySpreadConstraints").is_empty() {
            report.add(pod.owner, "may stand on one node altogether");
        }
    }
}

fn sidecar(pod: &Template<'_>, report: &mut Report) {
    let config = at(pod.metadata, "/annotations")["proxy.istio.io/config"].as_str().unwrap_or_default();
    let config: Value = serde_yaml_ng::from_str(config).unwrap_or_default();
    if config["runtimeValues"]["envoy.reloadable_features.grpc_timeout_returns_deadline_exceeded"] != "true" {
        report.add(pod.owner, "its sidecar answers a timeout with UNAVAILABLE, which callers repeat");
    }
    if config["terminationDrainDuration"] != "30s" {
        report.add(pod.owner, "its sidecar ends before the program has drained");
    }
}
