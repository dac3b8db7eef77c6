//! Tokens: one that is there must be good. Whether one must be there is the policies' to say.

use serde_json::{Map, Value, json};

use super::{Surroundings, extension};
use crate::world::Workload;

/// The filter that checks tokens, and where it leaves what they say.
pub const FILTER: &str = "envoy.filters.http.jwt_authn";
/// Under this key.
pub const PAYLOAD: &str = "payload";

/// Checks tokens; none where no object asks for it.
pub fn filter(around: &Surroundings<'_>, workload: &Workload) -> Option<Value> {
    let mut providers = Map::new();
    for rule in around.world.tokens(workload).flat_map(|tokens| &tokens.spec.jwt_rules) {
        let provider = json!({
            "issuer": rule.issuer,
            "audiences": rule.audiences,
            "local_jwks": {"inline_string": around.keys},
            "forward": rule.forward_original_token,
            "payload_in_metadata": PAYLOAD,
        });
        providers.insert(format!("origins-{}", providers.len()), provider);
    }
    if providers.is_empty() {
        return None;
    }
    let mut any: Vec<Value> = providers.keys().map(|name| json!({"provider_name": name})).collect();
    any.push(json!({"allow_missing": {}}));
    let settings = json!({
        "providers": providers,
        "rules": [{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": any}}}],
        "bypass_cors_preflight": true,
    });
    Some(extension(FILTER, "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", settings))
}
