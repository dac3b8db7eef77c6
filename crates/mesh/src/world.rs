//! What the manifests say, read strictly: services and the pods behind them, and Istio's rules for both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use manifests::objects::{self, Object};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::certificates::Account;
use crate::istio::{
    AuthorizationPolicy, DestinationRule, HttpRoute, MutualTlsMode, PeerAuthentication, ProxyConfig,
    RequestAuthentication, Selector, Telemetry, Values, VirtualService,
};
use crate::left_out::{PROXY_CONFIG, VALUES, strip, strip_value};

/// The name that pods and their Services go by.
const NAME: &str = "app.kubernetes.io/name";
/// Annotations that mount the certificates of Kafka's users into sidecars; there is no Kafka here.
const KAFKA_VOLUMES: [&str; 2] = ["sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount"];

/// Everything that the translation needs to know.
#[derive(Debug, Clone)]
pub struct World {
    /// The services, by their hosts.
    pub services: Vec<Service>,
    /// What makes pods, by name.
    pub workloads: BTreeMap<String, Workload>,
    /// What Istio itself is told.
    pub values: Values,
    /// Where the edge sends calls.
    pub edge: Service,
    policies: Vec<Placed<AuthorizationPolicy>>,
    tokens: Vec<Placed<RequestAuthentication>>,
    telemetry: Vec<Placed<Telemetry>>,
    strict: BTreeSet<String>,
}

/// An object's rules with its name and namespace.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its rules.
    pub spec: T,
}

/// A Service with the rules for its callers.
#[derive(Debug, Clone)]
pub struct Service {
    /// `orders.tessera-core.svc.cluster.local`.
    pub host: String,
    /// Its namespace.
    pub namespace: String,
    /// The port that is called.
    pub port: u16,
    /// The labels of its pods.
    pub selector: BTreeMap<String, String>,
    /// How its pods are spoken to.
    pub rule: DestinationRule,
    /// How calls are routed; none: all of them to any pod.
    pub routes: Option<VirtualService>,
}

/// What makes pods.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Who its pods are.
    pub account: Account,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// The port that its program listens on.
    pub port: u16,
    /// How long a pod waits between being taken from its Service and the signal to stop, in seconds.
    pub wait_seconds: u64,
    /// What its sidecars are told.
    pub proxy: ProxyConfig,
    /// The variables of its program.
    pub environment: BTreeMap<String, String>,
}

impl World {
    /// What the project's folder says.
    pub fn read(root: &Path) -> Result<Self> {
        let istio = objects::collect(&root.join("istio"))?;
        let kubernetes = objects::collect(&root.join("k8s/services"))?;
        let path = root.join("istio/values.yaml");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let values = objects::parse(&text)?;
        let [values] = values.as_slice() else { bail!("{}: not one document", path.display()) };
        Self::of(&istio, &kubernetes, &values.0)
    }

    /// What these objects say. Those of Istio are translated whole or refused.
    pub fn of(istio: &[Object], kubernetes: &[Object], values: &Value) -> Result<Self> {
        let values = strip_value(VALUES, "", values.clone()).unwrap_or_default();
        let values: Values = strict(VALUES, "", values)?;
        let mut rules = Rules::default();
        for object in istio {
            rules.add(object)?;
        }
        let services = kubernetes.iter().filter(|object| object.kind() == "Service");
        let mut services: Vec<Service> =
            services.map(|object| service(object, &mut rules)).collect::<Result<_>>()?;
        services.sort_by(|one, other| one.host.cmp(&other.host));
        if let Some(rule) = rules.destinations.keys().chain(rules.routes.keys()).next() {
            bail!("istio has rules for {rule}, which is no Service");
        }
        for service in &services {
            check_routes(service)?;
        }
        let deployments = kubernetes.iter().filter(|object| object.kind() == "Deployment");
        let workloads = deployments
            .map(|object| workload(object, kubernetes, &values).map(|one| (one.name.clone(), one)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        for workload in workloads.values() {
            // Without, Istio takes callers with and without a certificate, which is not translated.
            let namespace = &workload.account.namespace;
            ensure!(rules.strict.contains(namespace), "{namespace} has no PeerAuthentication that is STRICT");
        }
        let edge = edge(&rules.edges, &services)?;
        Ok(Self {
            services,
            workloads,
            values,
            edge,
            policies: rules.policies,
            tokens: rules.tokens,
            telemetry: rules.telemetry,
            strict: rules.strict,
        })
    }

    /// What makes pods of this name.
    pub fn workload(&self, name: &str) -> Result<&Workload> {
        self.workloads.get(name).with_context(|| format!("there is no Deployment `{name}`"))
    }

    /// The service that is called by this host.
    pub fn service(&self, host: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.host == host)
    }

    /// The policies for a workload's pods.
    pub fn policies(&self, workload: &Workload) -> impl Iterator<Item = &Placed<AuthorizationPolicy>> {
        let fits =
            move |one: &&Placed<AuthorizationPolicy>| applies(one, one.spec.selector.as_ref(), workload);
        self.policies.iter().filter(fits)
    }

    /// The tokens that count for a workload's pods.
    pub fn tokens(&self, workload: &Workload) -> impl Iterator<Item = &Placed<RequestAuthentication>> {
        let fits =
            move |one: &&Placed<RequestAuthentication>| applies(one, one.spec.selector.as_ref(), workload);
        self.tokens.iter().filter(fits)
    }

    /// What is told of calls in a namespace.
    pub fn telemetry(&self, namespace: &str) -> impl Iterator<Item = &Telemetry> {
        self.telemetry.iter().filter(move |one| one.namespace == namespace).map(|one| &one.spec)
    }

    /// Whether a namespace's pods take no caller without a certificate.
    pub fn is_strict(&self, namespace: &str) -> bool {
        self.strict.contains(namespace)
    }

    /// The accounts of the pods behind a service.
    pub fn accounts(&self, service: &Service) -> BTreeSet<&Account> {
        let behind = self.workloads.values().filter(|workload| {
            workload.account.namespace == service.namespace && fits(&service.selector, &workload.labels)
        });
        behind.map(|workload| &workload.account).collect()
    }
}

/// Whether all of `wanted` are among `labels`.
pub fn fits(wanted: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

fn applies<T>(placed: &Placed<T>, selector: Option<&Selector>, workload: &Workload) -> bool {
    placed.namespace == workload.account.namespace
        && selector.is_none_or(|selector| fits(&selector.match_labels, &workload.labels))
}

#[derive(Default)]
struct Rules {
    destinations: BTreeMap<String, DestinationRule>,
    routes: BTreeMap<String, VirtualService>,
    policies: Vec<Placed<AuthorizationPolicy>>,
    tokens: Vec<Placed<RequestAuthentication>>,
    telemetry: Vec<Placed<Telemetry>>,
    edges: Vec<Placed<HttpRoute>>,
    strict: BTreeSet<String>,
}

impl Rules {
    fn add(&mut self, object: &Object) -> Result<()> {
        let Some(value) = strip(object) else { return Ok(()) };
        match object.kind() {
            "DestinationRule" => {
                let rule: DestinationRule = spec(object, value)?;
                let host = rule.host.clone();
                ensure!(
                    self.destinations.insert(host.clone(), rule).is_none(),
                    "{host} has two DestinationRules"
                );
            }
            "VirtualService" => {
                let routes: VirtualService = spec(object, value)?;
                for host in &routes.hosts {
                    let former = self.routes.insert(host.clone(), routes.clone());
                    ensure!(former.is_none(), "{host} has two VirtualServices");
                }
            }
            "AuthorizationPolicy" => self.policies.push(placed(object, value)?),
            "RequestAuthentication" => self.tokens.push(placed(object, value)?),
            "Telemetry" => self.telemetry.push(placed(object, value)?),
            "HTTPRoute" => self.edges.push(placed(object, value)?),
            "PeerAuthentication" => {
                let authentication: PeerAuthentication = spec(object, value)?;
                let MutualTlsMode::Strict = authentication.mtls.mode;
                self.strict.insert(object.namespace().to_owned());
            }
            _ => bail!("{} ({}) is not translated", object.id(), object.api()),
        }
        Ok(())
    }
}

fn placed<T: DeserializeOwned>(object: &Object, value: Value) -> Result<Placed<T>> {
    Ok(Placed {
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
        spec: spec(object, value)?,
    })
}

/// The rules of an object. Beside them it has a name and a namespace, and nothing that could change their meaning.
fn spec<T: DeserializeOwned>(object: &Object, mut value: Value) -> Result<T> {
    let id = object.id();
    let fields = value.as_object_mut().with_context(|| format!("{id} is no object"))?;
    let spec = fields.remove("spec").unwrap_or_default();
    for known in ["apiVersion", "kind"] {
        fields.remove(known);
    }
    let metadata = fields.remove("metadata").unwrap_or_default();
    if let Some(field) = fields.keys().next() {
        bail!("{id}: {field}: is not translated");
    }
    let named = |field: &str| ["name", "namespace", "labels"].contains(&field);
    if let Some(field) =
        metadata.as_object().into_iter().flat_map(|all| all.keys()).find(|field| !named(field))
    {
        bail!("{id}: metadata.{field}: is not translated");
    }
    strict(&id, "spec.", spec)
}

/// Reads a value whose every field must be known, and names the one that is not by its path.
fn strict<T: DeserializeOwned>(id: &str, prefix: &str, value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| anyhow!("{id}: {prefix}{}: is not translated: {}", error.path(), error.inner()))
}

fn service(object: &Object, rules: &mut Rules) -> Result<Service> {
    let id = object.id();
    let host = format!("{}.{}.svc.cluster.local", object.name(), object.namespace());
    let [port] = object.list("/spec/ports") else {
        bail!("{id} has not one port, and only one is translated")
    };
    // The name says what is spoken; without it Istio would look at the first bytes.
    let name = port["name"].as_str().unwrap_or_default();
    ensure!(name.starts_with("grpc-"), "{id}: the port `{name}` does not say that it speaks gRPC");
    Ok(Service {
        namespace: object.namespace().to_owned(),
        port: number(&port["port"]).with_context(|| format!("{id}: spec.ports[0].port"))?,
        selector: texts(object.at("/spec/selector")),
        rule: rules.destinations.remove(&host).with_context(|| format!("{id} has no DestinationRule"))?,
        routes: rules.routes.remove(&host),
        host,
    })
}

/// Every route must lead to pods of the service that was called: others are not asked for anywhere.
fn check_routes(service: &Service) -> Result<()> {
    let routes = service.routes.iter().flat_map(|routes| &routes.http);
    for destination in routes.flat_map(|route| &route.route).map(|target| &target.destination) {
        let host = &destination.host;
        ensure!(*host == service.host, "calls of {} go to {host}, which is not translated", service.host);
        if let Some(subset) = &destination.subset {
            let known = service.rule.subsets.iter().any(|one| one.name == *subset);
            ensure!(
                known,
                "calls of {host} go to its subset `{subset}`, which its DestinationRule does not have"
            );
        }
    }
    Ok(())
}

fn workload(object: &Object, all: &[Object], values: &Values) -> Result<Workload> {
    let id = object.id();
    let labels = texts(object.at("/spec/template/metadata/labels"));
    ensure!(labels.contains_key(NAME), "{id}: its pods have no label {NAME}");
    let container = object.at("/spec/template/spec/containers/0");
    let port = container["ports"].as_array().into_iter().flatten();
    let mut port = port.filter(|port| port["name"].as_str().is_some_and(|name| name.starts_with("grpc-")));
    let port = port.next().with_context(|| format!("{id}: no port of its container speaks gRPC"))?;
    let mut environment = BTreeMap::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let name = source["configMapRef"]["name"].as_str().unwrap_or_default();
        let map = all.iter().find(|one| {
            one.kind() == "ConfigMap" && one.namespace() == object.namespace() && one.name() == name
        });
        environment
            .extend(texts(map.with_context(|| format!("{id}: there is no ConfigMap `{name}`"))?.at("/data")));
    }
    Ok(Workload {
        name: object.name().to_owned(),
        account: Account {
            namespace: object.namespace().to_owned(),
            name: object.text("/spec/template/spec/serviceAccountName").to_owned(),
        },
        labels,
        port: number(&port["containerPort"]).with_context(|| format!("{id}: containerPort"))?,
        wait_seconds: container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap_or(0),
        proxy: proxy(&id, object.at("/spec/template/metadata/annotations"), values)?,
        environment,
    })
}

/// What the annotations of pods tell their sidecars, over what the mesh tells all of them.
fn proxy(id: &str, annotations: &Value, values: &Values) -> Result<ProxyConfig> {
    let mut proxy = values.mesh_config.default_config.clone();
    for (name, value) in texts(annotations) {
        if name == PROXY_CONFIG {
            let parsed = objects::parse(&value).with_context(|| format!("{id}: {name}"))?;
            let parsed = parsed.into_iter().next().map(|one| one.0).unwrap_or_default();
            let parsed = strip_value(PROXY_CONFIG, "", parsed).unwrap_or_default();
            proxy = strict(&format!("{id}: {name}"), "", parsed)?;
        } else if name.contains("istio.io/") && !KAFKA_VOLUMES.contains(&name.as_str()) {
            bail!("{id}: metadata.annotations.{name}: is not translated");
        }
    }
    Ok(proxy)
}

fn edge(routes: &[Placed<HttpRoute>], services: &[Service]) -> Result<Service> {
    let [route] = routes else { bail!("there is not one HTTPRoute, and only one is translated") };
    let [rule] = route.spec.rules.as_slice() else { bail!("HTTPRoute {}: not one rule", route.name) };
    let [backend] = rule.backend_refs.as_slice() else { bail!("HTTPRoute {}: not one backend", route.name) };
    let host = format!("{}.{}.svc.cluster.local", backend.name, route.namespace);
    let service = services.iter().find(|service| service.host == host && service.port == backend.port);
    service.cloned().with_context(|| format!("HTTPRoute {}: there is no {host}:{}", route.name, backend.port))
}

fn number(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok())
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
