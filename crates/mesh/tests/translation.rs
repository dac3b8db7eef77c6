//! What becomes of the manifests, and what is refused. Needs no Envoy.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use manifests::objects::{self, Object};
use mesh::certificates::Identity;
use mesh::left_out::{LEFT_OUT, PROXY_CONFIG, VALUES, strip, strip_value};
use mesh::network::Network;
use mesh::translate::{self, Pod, Surroundings};
use mesh::world::World;
use serde_json::{Value, json};

/// The manifests of the project, to be changed. They are read once: it is the changes that are many.
#[derive(Clone)]
struct Manifests {
    istio: Vec<Object>,
    kubernetes: Vec<Object>,
    values: Value,
}

impl Manifests {
    fn read() -> Self {
        static READ: OnceLock<Manifests> = OnceLock::new();
        READ.get_or_init(Self::from_files).clone()
    }

    fn from_files() -> Self {
        let root = root();
        let text =
            std::fs::read_to_string(root.join("istio/values.yaml")).expect("istio's values can be read");
        Self {
            istio: objects::collect(&root.join("istio")).expect("istio's manifests can be read"),
            kubernetes: objects::collect(&root.join("k8s/services"))
                .expect("the services' manifests can be read"),
            values: objects::parse(&text).expect("istio's values are YAML").remove(0).0,
        }
    }

    fn world(&self) -> anyhow::Result<World> {
        World::of(&self.istio, &self.kubernetes, &self.values)
    }

    /// The object `KIND NAME` of Istio, or of Kubernetes.
    fn object(&mut self, id: &str) -> &mut Value {
        let (kind, name) = id.split_once(' ').expect("a kind and a name");
        let all = self.istio.iter_mut().chain(&mut self.kubernetes);
        let mut found = all.filter(|one| one.kind() == kind && one.name() == name);
        &mut found.next().unwrap_or_else(|| panic!("there is no {id}")).0
    }
}

fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = own.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    found.expect("this crate lies in a workspace").to_owned()
}

/// The configuration of a workload's sidecar.
fn sidecar(world: &World, name: &str) -> anyhow::Result<Value> {
    let workload = world.workload(name)?.clone();
    let pod = Pod {
        name: format!("{name}-0"),
        addresses: Network::claim()?.pod(0)?,
        labels: workload.labels.clone(),
        workload,
    };
    let identity =
        Identity { certificate: "own.crt".into(), key: "own.key".into(), authority: "authority.crt".into() };
    let around = Surroundings {
        world,
        identity: &identity,
        discovery: ([127, 0, 0, 1], 15_010).into(),
        keys: r#"{"keys":[]}"#,
    };
    translate::sidecar(&around, &pod)
}

/// All values of this field, wherever they stand.
fn all<'a>(value: &'a Value, field: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get(field));
                pending.extend(fields.values());
            }
            Value::Array(elements) => pending.extend(elements),
            _ => {}
        }
    }
    found
}

#[test]
fn every_manifest_is_translated() {
    // What a cluster gets must be what runs here, for every pod.
    let world = Manifests::read().world().unwrap();
    assert!(world.workloads.len() >= 9);
    for name in world.workloads.keys() {
        let sidecar = sidecar(&world, name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let guard = "/layered_runtime/layers/0/static_layer/envoy.reloadable_features.grpc_timeout_returns_deadline_exceeded";
        assert_eq!(sidecar.pointer(guard), Some(&json!(true)), "{name}");
        assert_eq!(all(&sidecar, "require_client_certificate"), [&json!(true)], "{name}");
    }
}

#[test]
fn what_is_not_translated_is_refused_by_its_path() {
    // A rule that is passed over in silence is a wall that is not there.
    let wrong = [
        (
            "DestinationRule orders",
            "/spec/trafficPolicy/connectionPool/http/maxRetries",
            json!(3),
            "maxRetries",
        ),
        (
            "DestinationRule orders",
            "/spec/trafficPolicy/outlierDetection/consecutiveErrors",
            json!(5),
            "consecutiveErrors",
        ),
        ("DestinationRule orders", "/spec/trafficPolicy/portLevelSettings", json!([]), "portLevelSettings"),
        (
            "DestinationRule orders",
            "/spec/trafficPolicy/tls/mode",
            json!("DISABLE"),
            "spec.trafficPolicy.tls.mode",
        ),
        (
            "DestinationRule orders",
            "/spec/trafficPolicy/loadBalancer/simple",
            json!("RANDOM"),
            "loadBalancer.simple",
        ),
        ("DestinationRule orders", "/spec/subsets/0/trafficPolicy", json!({}), "spec.subsets[0]"),
        ("DestinationRule orders", "/spec/exportTo", json!(["."]), "exportTo"),
        ("VirtualService orders", "/spec/http/0/fault", json!({}), "spec.http[0]"),
        ("VirtualService orders", "/spec/http/1/match/0/uri/prefix", json!("/"), "spec.http[1].match[0].uri"),
        ("VirtualService orders", "/spec/http/1/retries/perTryTimeout", json!("2s"), "spec.http[1].retries"),
        ("VirtualService orders", "/spec/http/0/timeout", json!("soon"), "spec.http[0].timeout"),
        ("VirtualService orders", "/spec/gateways", json!(["mesh"]), "gateways"),
        ("AuthorizationPolicy orders", "/spec/action", json!("CUSTOM"), "spec.action"),
        ("AuthorizationPolicy orders", "/spec/rules/0/when", json!([]), "spec.rules[0]"),
        (
            "AuthorizationPolicy orders",
            "/spec/rules/0/from/0/source/namespaces",
            json!(["a"]),
            "spec.rules[0].from[0].source",
        ),
        ("RequestAuthentication orders", "/spec/jwtRules/0/fromHeaders", json!([]), "spec.jwtRules[0]"),
        ("PeerAuthentication strict", "/spec/mtls/mode", json!("PERMISSIVE"), "spec.mtls.mode"),
        ("PeerAuthentication strict", "/spec/portLevelMtls", json!({}), "portLevelMtls"),
        ("Telemetry default", "/spec/accessLogging/0/disabled", json!(true), "spec.accessLogging[0]"),
        ("HTTPRoute api", "/spec/rules/0/timeouts", json!({}), "spec.rules[0]"),
        ("DestinationRule orders", "/metadata/annotations", json!({"a": "b"}), "metadata.annotations"),
        ("DestinationRule orders", "/status", json!({}), "status"),
    ];
    for (id, pointer, value, named) in wrong {
        let mut manifests = Manifests::read();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent =
            manifests.object(id).pointer_mut(parent).unwrap_or_else(|| panic!("{id} has no {parent}"));
        parent[field] = value;
        let error =
            format!("{:#}", manifests.world().err().unwrap_or_else(|| panic!("{id}: {pointer} passed")));
        assert!(error.contains(named) && error.contains("not translated"), "{id} {pointer}: {error}");
        assert!(error.contains(id.split_once(' ').unwrap().1), "{error} does not name {id}");
    }
}

#[test]
fn objects_of_other_kinds_are_refused() {
    // An EnvoyFilter or a Sidecar would change what everything else here means.
    for kind in ["EnvoyFilter", "Sidecar", "ServiceEntry", "WasmPlugin", "Gateway", "Certificate"] {
        let mut manifests = Manifests::read();
        let other = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "other", "namespace": "tessera-core"}});
        manifests.istio.push(Object(other));
        let error = manifests.world().unwrap_err().to_string();
        assert!(error.contains(kind) && error.contains("tessera-core/other"), "{error}");
    }
}

#[test]
fn settings_of_the_mesh_and_of_pods_are_read_as_strictly() {
    // They stand in no object, and change every sidecar.
    let mut manifests = Manifests::read();
    manifests.values["meshConfig"]["outboundTrafficPolicy"] = json!({"mode": "ALLOW_ANY"});
    assert!(format!("{:#}", manifests.world().unwrap_err()).contains("outboundTrafficPolicy"));
    let annotate = |name: &str, value: &str| {
        let mut manifests = Manifests::read();
        manifests.object("Deployment orders")["spec"]["template"]["metadata"]["annotations"][name] =
            json!(value);
        format!("{:#}", manifests.world().unwrap_err())
    };
    let error = annotate(PROXY_CONFIG, "terminationDrainDuration: 30s\nconcurrency: 2\n");
    assert!(error.contains("concurrency") && error.contains("orders"), "{error}");
    let error = annotate("traffic.sidecar.istio.io/excludeInboundPorts", "50051");
    assert!(error.contains("excludeInboundPorts"), "{error}");
}

#[test]
fn names_that_mean_more_than_they_spell_are_refused() {
    // A star in a policy opens what nobody has listed.
    let wrong = [
        ("/spec/rules/0/from/0/source/principals/0", json!("*"), "principals"),
        ("/spec/rules/0/to/0/operation/paths/0", json!("/erp.orders.v1.*"), "paths"),
        ("/spec/rules/0/to/0/operation/ports/0", json!("http"), "ports"),
    ];
    for (pointer, value, named) in wrong {
        let mut manifests = Manifests::read();
        *manifests.object("AuthorizationPolicy orders").pointer_mut(pointer).unwrap() = value;
        let error = format!("{:#}", sidecar(&manifests.world().unwrap(), "orders").unwrap_err());
        assert!(error.contains(named) && error.contains("tessera-core/orders"), "{error}");
    }
    let mut manifests = Manifests::read();
    *manifests.object("VirtualService orders").pointer_mut("/spec/http/1/retries/retryOn").unwrap() =
        json!("whenever");
    let error = format!("{:#}", sidecar(&manifests.world().unwrap(), "crm").unwrap_err());
    assert!(error.contains("retries.retryOn") && error.contains("whenever"), "{error}");
}

#[test]
fn what_leads_nowhere_is_refused() {
    // In a cluster such a rule is accepted, and calls fail.
    let mut manifests = Manifests::read();
    manifests.object("VirtualService orders")["spec"]["http"][0]["route"][0]["destination"]["subset"] =
        json!("blue");
    assert!(manifests.world().unwrap_err().to_string().contains("`blue`"));
    let mut manifests = Manifests::read();
    manifests.object("DestinationRule orders")["spec"]["host"] =
        json!("order.tessera-core.svc.cluster.local");
    assert!(manifests.world().is_err());
    let mut manifests = Manifests::read();
    manifests.istio.retain(|one| one.kind() != "PeerAuthentication" || one.namespace() != "tessera-core");
    assert!(manifests.world().unwrap_err().to_string().contains("STRICT"));
    let mut manifests = Manifests::read();
    manifests.istio.retain(|one| one.kind() != "AuthorizationPolicy" || one.namespace() != "tessera-core");
    let error = sidecar(&manifests.world().unwrap(), "orders").unwrap_err().to_string();
    assert!(error.contains("who may call"), "{error}");
}

#[test]
fn rules_become_what_pilot_makes_of_them() {
    // The measurements that the manifests rest on were taken with these very settings.
    let mut manifests = Manifests::read();
    manifests.istio.retain(|one| one.kind() != "Telemetry");
    let world = manifests.world().unwrap();
    let sidecar = sidecar(&world, "crm").unwrap();
    let clusters = sidecar["static_resources"]["clusters"].as_array().unwrap();
    let name = "outbound|50051|stable|orders.tessera-core.svc.cluster.local";
    let orders = clusters.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(
        orders["outlier_detection"],
        json!({
            "enforcing_success_rate": 0, "consecutive_gateway_failure": 5, "enforcing_consecutive_gateway_failure": 100,
            "consecutive_5xx": 0, "enforcing_consecutive_5xx": 0, "interval": "10s", "base_ejection_time": "30s",
            "max_ejection_percent": 50,
        })
    );
    let threshold = &orders["circuit_breakers"]["thresholds"][0];
    assert_eq!(threshold["max_requests"], 1000);
    assert_eq!(
        threshold["retry_budget"],
        json!({"budget_percent": {"value": 20.0}, "min_retry_concurrency": 3})
    );
    let tls = &orders["transport_socket"]["typed_config"];
    assert_eq!(tls["sni"], "outbound_.50051_.stable_.orders.tessera-core.svc.cluster.local");
    let names = &tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"];
    assert_eq!(
        *names,
        json!([{"san_type": "URI", "matcher": {"exact": "spiffe://cluster.local/ns/tessera-core/sa/orders"}}])
    );

    let listeners = sidecar["static_resources"]["listeners"].as_array().unwrap();
    let listener =
        listeners.iter().find(|one| one["name"] == "orders.tessera-core.svc.cluster.local_50051").unwrap();
    let routes = all(listener, "routes");
    let route = |name: &str| routes[0].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    let read = &route("reads")["route"];
    assert_eq!((&read["timeout"], &read["max_grpc_timeout"]), (&json!("10s"), &json!("10s")));
    assert_eq!(read["retry_policy"]["num_retries"], 2);
    assert_eq!(
        read["retry_policy"]["retry_on"],
        "connect-failure,refused-stream,unavailable,reset-before-request"
    );
    assert_eq!(route("writes")["route"]["retry_policy"]["retry_on"], "connect-failure,refused-stream");
    assert!(route("canary")["route"].get("retry_policy").is_none());
    assert_eq!(route("writes")["match"], json!({"prefix": "/"}));
    assert!(
        routes[0].as_array().unwrap().last().unwrap()["name"] == "writes",
        "the first that matches counts"
    );
}

#[test]
fn what_is_left_out_is_there() {
    // A line about a field that is gone hides the field that took its place.
    let manifests = Manifests::read();
    let mut proxies = Vec::new();
    for object in manifests.kubernetes.iter().filter(|one| one.kind() == "Deployment") {
        let text = object.at("/spec/template/metadata/annotations")[PROXY_CONFIG].as_str().unwrap();
        proxies.push(objects::parse(text).unwrap().remove(0).0);
    }
    for entry in LEFT_OUT {
        assert!(entry.why.len() > 15, "{} {} has no reason", entry.kind, entry.field);
        let there = match entry.kind {
            VALUES => has(&manifests.values, entry.field),
            PROXY_CONFIG => proxies.iter().any(|proxy| has(proxy, entry.field)),
            kind => manifests.istio.iter().filter(|one| one.kind() == kind).any(|one| {
                let id = format!("{}/{}", one.namespace(), one.name());
                entry.object.is_none_or(|object| object == id) && has(&one.0, entry.field)
            }),
        };
        assert!(there, "{} {:?} {} is nowhere", entry.kind, entry.object, entry.field);
    }
    assert!(manifests.istio.iter().any(|one| strip(one).is_none()));
    assert!(strip_value(VALUES, "", manifests.values).unwrap().get("pilot").is_none());
}

fn has(value: &Value, field: &str) -> bool {
    let mut found = vec![value];
    for part in field.split('/').skip(1) {
        found = match part {
            "*" => found.into_iter().filter_map(Value::as_array).flatten().collect(),
            part => found.into_iter().filter_map(|value| value.get(part)).collect(),
        };
    }
    !found.is_empty()
}
