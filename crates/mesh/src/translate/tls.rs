//! Mutual TLS, with certificates from files.

use serde_json::{Value, json};

use super::extension;
use crate::certificates::{Account, Identity, TRUST_DOMAIN};

/// What Istio's sidecars agree to; TLS 1.3 has its own.
const CIPHERS: [&str; 6] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
];

/// Takes callers with a certificate of this mesh, and no others.
pub fn server(identity: &Identity) -> Value {
    let any = json!({"prefix": format!("spiffe://{TRUST_DOMAIN}/")});
    let mut common = certificates(identity, vec![any]);
    common["alpn_protocols"] = json!(["h2", "http/1.1"]);
    common["tls_params"] = json!({
        "tls_minimum_protocol_version": "TLSv1_2",
        "tls_maximum_protocol_version": "TLSv1_3",
        "cipher_suites": CIPHERS,
    });
    socket("DownstreamTlsContext", json!({"require_client_certificate": true, "common_tls_context": common}))
}

/// Speaks to these accounts, and to nobody else.
pub fn client<'a>(identity: &Identity, accounts: impl IntoIterator<Item = &'a Account>, sni: &str) -> Value {
    let names = accounts.into_iter().map(|account| json!({"exact": account.spiffe(TRUST_DOMAIN)})).collect();
    let mut common = certificates(identity, names);
    common["alpn_protocols"] = json!(["istio-peer-exchange", "istio", "h2"]);
    socket("UpstreamTlsContext", json!({"sni": sni, "common_tls_context": common}))
}

fn certificates(identity: &Identity, names: Vec<Value>) -> Value {
    let names: Vec<Value> =
        names.into_iter().map(|matcher| json!({"san_type": "URI", "matcher": matcher})).collect();
    json!({
        "tls_certificates": [{
            "certificate_chain": {"filename": identity.certificate},
            "private_key": {"filename": identity.key},
        }],
        "validation_context": {
            "trusted_ca": {"filename": identity.authority},
            "match_typed_subject_alt_names": names,
        },
    })
}

fn socket(kind: &str, settings: Value) -> Value {
    let kind = format!("envoy.extensions.transport_sockets.tls.v3.{kind}");
    extension("envoy.transport_sockets.tls", &kind, settings)
}
