//! The objects of an environment, and what can be asked of all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Report, Size};
use crate::objects::{Object, at};

/// The namespaces whose pods have a sidecar.
pub const IN_MESH: [&str; 4] = ["tessera-gateway", "tessera-core", "tessera-platform", "tessera-advanced"];
/// The others of ours.
pub const OUTSIDE_MESH: [&str; 3] = ["tessera-data", "tessera-messaging", "tessera-monitoring"];
/// The kinds that belong to no namespace.
const CLUSTER_WIDE: [&str; 3] = ["Namespace", "ClusterSecretStore", "ClusterAnalysisTemplate"];

/// The objects of an environment.
pub struct World<'a> {
    pub objects: &'a [Object],
    pub size: Size,
    made: BTreeSet<String>,
    by_kind: BTreeMap<&'a str, Vec<&'a Object>>,
}

/// The pods that an object makes.
pub struct Template<'a> {
    pub owner: &'a Object,
    pub metadata: &'a Value,
    pub spec: &'a Value,
}

impl Template<'_> {
    pub fn label(&self, name: &str) -> &str {
        at(self.metadata, "/labels")[name].as_str().unwrap_or_default()
    }

    /// Whether a selector's `matchLabels` fit.
    pub fn fits(&self, labels: &Value) -> bool {
        let labels = labels.as_object().filter(|labels| !labels.is_empty());
        labels
            .is_some_and(|labels| labels.iter().all(|(name, value)| Some(self.label(name)) == value.as_str()))
    }

    /// Whether its pods have a sidecar.
    pub fn in_mesh(&self) -> bool {
        IN_MESH.contains(&self.owner.namespace()) && self.label("sidecar.istio.io/inject") != "false"
    }
}

impl<'a> World<'a> {
    pub fn new(objects: &'a [Object], size: Size) -> Self {
        let mut by_kind: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for object in objects {
            by_kind.entry(object.kind()).or_default().push(object);
        }
        Self { objects, size, made: objects.iter().flat_map(made).collect(), by_kind }
    }

    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &'a Object> + use<'a, '_> {
        self.by_kind.get(kind).into_iter().flatten().copied()
    }

    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a Object> {
        self.of_kind(kind).find(|object| object.namespace() == namespace && object.name() == name)
    }

    /// What makes pods.
    pub fn templates(&self) -> impl Iterator<Item = Template<'a>> {
        self.objects.iter().filter_map(|owner| {
            let pod = match owner.kind() {
                "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => owner.at("/spec/template"),
                "CronJob" => owner.at("/spec/jobTemplate/spec/template"),
                _ => return None,
            };
            Some(Template { owner, metadata: at(pod, "/metadata"), spec: at(pod, "/spec") })
        })
    }

    /// The pods of a namespace that a selector's `matchLabels` choose.
    pub fn selected(&self, namespace: &str, labels: &Value) -> Vec<Template<'a>> {
        self.templates().filter(|pod| pod.owner.namespace() == namespace && pod.fits(labels)).collect()
    }

    /// The Service behind `crm.tessera-core.svc.cluster.local`.
    pub fn service(&self, host: &str) -> Option<&'a Object> {
        let mut parts = host.split('.');
        let (name, namespace) = (parts.next()?, parts.next()?);
        (parts.collect::<Vec<_>>() == ["svc", "cluster", "local"]).then_some(())?;
        self.find("Service", namespace, name)
    }

    /// Whether operators make a Service of this host: `tessera-pooler-rw.tessera-data.svc.cluster.local`.
    pub fn is_made_by_operators(&self, host: &str) -> bool {
        self.made.contains(host)
    }

    /// Whether an identity of the mesh stands for a ServiceAccount that is there.
    pub fn has_account(&self, namespace: &str, name: &str) -> bool {
        // Istio makes the account of a Gateway's pods.
        let gateway =
            name.strip_suffix("-istio").and_then(|gateway| self.find("Gateway", namespace, gateway));
        gateway.is_some() || self.find("ServiceAccount", namespace, name).is_some()
    }
}

/// The hosts of Services that an operator makes for an object.
fn made(object: &Object) -> Vec<String> {
    let (name, namespace) = (object.name(), object.namespace());
    let services = match object.kind() {
        "Pooler" => vec![name.to_owned()],
        "Cluster" => vec![format!("{name}-rw"), format!("{name}-ro"), format!("{name}-r")],
        "Kafka" => vec![format!("{name}-kafka-bootstrap"), format!("{name}-kafka-brokers")],
        "OpenTelemetryCollector" => vec![format!("{name}-collector")],
        _ => Vec::new(),
    };
    services.into_iter().map(|service| format!("{service}.{namespace}.svc.cluster.local")).collect()
}

/// Names, namespaces and doubles.
pub fn check(world: &World<'_>, report: &mut Report) {
    let mut seen: BTreeMap<(&str, String), u32> = BTreeMap::new();
    for object in world.objects {
        *seen.entry((object.api(), object.id())).or_default() += 1;
        let plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
        if object.name().is_empty() || object.name().len() > 253 || !object.name().chars().all(plain) {
            report.add(object, "has a name that Kubernetes does not take");
        }
        let namespace = object.namespace();
        match CLUSTER_WIDE.contains(&object.kind()) {
            true if !namespace.is_empty() => report.add(object, "belongs to no namespace"),
            false if world.find("Namespace", "", namespace).is_none() => {
                report.add(object, format!("the namespace `{namespace}` does not exist"));
            }
            _ => {}
        }
    }
    for ((_, id), count) in seen.into_iter().filter(|(_, count)| *count > 1) {
        report.missing(&id, format!("stands {count} times"));
    }
    namespaces(world, report);
}

fn namespaces(world: &World<'_>, report: &mut Report) {
    for name in IN_MESH.iter().chain(&OUTSIDE_MESH) {
        let Some(namespace) = world.find("Namespace", "", name) else {
            report.missing(&format!("Namespace {name}"), "is missing");
            continue;
        };
        let labels = namespace.at("/metadata/labels");
        if labels["pod-security.kubernetes.io/enforce"] != "restricted" {
            report.add(namespace, "does not enforce the restricted standard for pods");
        }
        let injected = if IN_MESH.contains(name) { "enabled" } else { "disabled" };
        if labels["istio-injection"] != injected {
            report.add(namespace, format!("istio-injection must be `{injected}`"));
        }
        for kind in ["ResourceQuota", "LimitRange"] {
            if !world.of_kind(kind).any(|one| one.namespace() == *name) {
                report.add(namespace, format!("has no {kind}"));
            }
        }
    }
}
