//! What is not translated, with the reason: fields that mean nothing outside a cluster. Whatever is neither translated
//! nor in this list is refused.

use manifests::objects::Object;
use serde_json::Value;

/// Something that is not translated.
#[derive(Debug, Clone, Copy)]
pub struct LeftOut {
    /// The kind of object.
    pub kind: &'static str,
    /// One object by its id, such as `tessera-gateway/edge`; none: all of the kind.
    pub object: Option<&'static str>,
    /// The field, where `*` stands for every element of a list; empty: the whole object.
    pub field: &'static str,
    /// Why it means nothing here.
    pub why: &'static str,
}

/// The kind that `istio/values.yaml` goes by, which is no object of its own.
pub const VALUES: &str = "values.yaml";
/// The kind that `proxy.istio.io/config` goes by.
pub const PROXY_CONFIG: &str = "proxy.istio.io/config";

/// Everything that is not translated.
pub const LEFT_OUT: [LeftOut; 14] = [
    whole(
        "Gateway",
        "tessera-gateway/edge",
        "it names the public host and its certificate; the edge of one machine speaks plainly, to that machine alone",
    ),
    whole(
        "Certificate",
        "tessera-gateway/edge",
        "cert-manager makes the public certificate that the edge here lacks",
    ),
    whole(
        "AuthorizationPolicy",
        "tessera-gateway/edge",
        "it opens port 443 of the edge, which has another one here",
    ),
    whole("DestinationRule", "tessera-messaging/kafka-bootstrap", KAFKA),
    whole("DestinationRule", "tessera-messaging/kafka-brokers", KAFKA),
    field("HTTPRoute", "/spec/parentRefs", "there is one edge"),
    field("HTTPRoute", "/spec/hostnames", "the edge of one machine is called by its address"),
    field("Telemetry", "/spec/tracing", "no collector runs here"),
    field(
        "Telemetry",
        "/spec/metrics",
        "the filter that counts for Istio is in its own build of Envoy; Envoy's counters are at each sidecar's admin address",
    ),
    field(
        "RequestAuthentication",
        "/spec/jwtRules/*/jwksUri",
        "istiod fetches the keys from the public address; here they come from identity itself, before the sidecars start",
    ),
    field(VALUES, "/pilot", "it tells istiod, of which there is none, how to run"),
    field(VALUES, "/meshConfig/defaultConfig/holdApplicationUntilProxyStarts", ORDER),
    field(VALUES, "/meshConfig/extensionProviders/*/opentelemetry", "no collector runs here"),
    field(PROXY_CONFIG, "/holdApplicationUntilProxyStarts", ORDER),
];

const KAFKA: &str = "the event log is in PostgreSQL here, which programs speak to directly";
const ORDER: &str =
    "there is no pod whose containers could start in the wrong order: `mesh` starts sidecars first";

const fn whole(kind: &'static str, object: &'static str, why: &'static str) -> LeftOut {
    LeftOut { kind, object: Some(object), field: "", why }
}

const fn field(kind: &'static str, field: &'static str, why: &'static str) -> LeftOut {
    LeftOut { kind, object: None, field, why }
}

/// What is left of an object for the translation; none: nothing.
pub fn strip(object: &Object) -> Option<Value> {
    let id = format!("{}/{}", object.namespace(), object.name());
    strip_value(object.kind(), &id, object.0.clone())
}

/// The same for a value that is no object.
pub fn strip_value(kind: &str, id: &str, mut value: Value) -> Option<Value> {
    for entry in LEFT_OUT.iter().filter(|one| one.kind == kind) {
        if entry.object.is_some_and(|object| object != id) {
            continue;
        }
        if entry.field.is_empty() {
            return None;
        }
        let path: Vec<&str> = entry.field.split('/').skip(1).collect();
        remove(&mut value, &path);
    }
    Some(value)
}

fn remove(value: &mut Value, path: &[&str]) {
    match (path, value) {
        ([last], Value::Object(fields)) => {
            fields.remove(*last);
        }
        (["*", rest @ ..], Value::Array(elements)) => {
            elements.iter_mut().for_each(|element| remove(element, rest));
        }
        ([first, rest @ ..], Value::Object(fields)) => {
            if let Some(inner) = fields.get_mut(*first) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_left_out() {
        // A list that took more than it says would hide a rule that is not in force.
        let telemetry = serde_json::json!({"kind": "Telemetry", "metadata": {"name": "a", "namespace": "b"},
            "spec": {"tracing": [], "metrics": [], "accessLogging": [{"providers": []}]}});
        let left = strip(&Object(telemetry)).unwrap();
        assert_eq!(left["spec"], serde_json::json!({"accessLogging": [{"providers": []}]}));
        let rule = serde_json::json!({"kind": "RequestAuthentication", "metadata": {"name": "a", "namespace": "b"},
            "spec": {"jwtRules": [{"issuer": "x", "jwksUri": "y"}, {"issuer": "z", "jwksUri": "y"}]}});
        let left = strip(&Object(rule)).unwrap();
        assert_eq!(left["spec"], serde_json::json!({"jwtRules": [{"issuer": "x"}, {"issuer": "z"}]}));
    }

    #[test]
    fn objects_are_left_out_by_their_names() {
        // Another Certificate or DestinationRule must not slip through by its kind.
        let named = |name: &str| {
            let value = serde_json::json!({"kind": "DestinationRule",
                "metadata": {"name": name, "namespace": "tessera-messaging"}});
            strip(&Object(value))
        };
        assert!(named("kafka-brokers").is_none());
        assert!(named("others").is_some());
    }
}
