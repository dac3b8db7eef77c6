//! Who may call, and how they show who they are.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How callers must show who they are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerAuthentication {
    /// By certificates.
    pub mtls: MutualTls,
}

/// By certificates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MutualTls {
    /// Whether they may lack one.
    pub mode: MutualTlsMode,
}

/// Whether callers may lack a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MutualTlsMode {
    /// None may.
    #[serde(rename = "STRICT")]
    Strict,
}

/// Who may call what.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationPolicy {
    /// The pods that are called; none: all of the namespace.
    pub selector: Option<Selector>,
    /// What happens to calls that match.
    #[serde(default)]
    pub action: Action,
    /// Any of these; none: no call matches.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Pods by their labels.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// All of them.
    pub match_labels: BTreeMap<String, String>,
}

/// What happens to calls that match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Action {
    /// They pass, and others do not, unless another policy lets them.
    #[default]
    #[serde(rename = "ALLOW")]
    Allow,
    /// They do not pass, whatever other policies say.
    #[serde(rename = "DENY")]
    Deny,
}

/// A caller that is one of `from`, and a call that is one of `to`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Who calls; none: anybody.
    #[serde(default)]
    pub from: Vec<From>,
    /// What is called; none: anything.
    #[serde(default)]
    pub to: Vec<To>,
}

/// Who calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// All of it.
    pub source: Source,
}

/// Who calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// With one of these identities: `cluster.local/ns/NAMESPACE/sa/ACCOUNT`.
    #[serde(default)]
    pub principals: Vec<String>,
    /// With none of these tokens; only `*`, any token, is translated.
    #[serde(default)]
    pub not_request_principals: Vec<String>,
}

/// What is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct To {
    /// All of it.
    pub operation: Operation,
}

/// What is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// With one of these methods of HTTP.
    #[serde(default)]
    pub methods: Vec<String>,
    /// At one of these ports.
    #[serde(default)]
    pub ports: Vec<String>,
    /// At one of these paths.
    #[serde(default)]
    pub paths: Vec<String>,
    /// At none of these paths.
    #[serde(default)]
    pub not_paths: Vec<String>,
}

/// Which tokens count.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestAuthentication {
    /// The pods that are called; none: all of the namespace.
    pub selector: Option<Selector>,
    /// Any of these.
    pub jwt_rules: Vec<JwtRule>,
}

/// Tokens of one issuer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtRule {
    /// Who gave them.
    pub issuer: String,
    /// For whom they were given.
    pub audiences: Vec<String>,
    /// Whether the service gets them as well.
    #[serde(default)]
    pub forward_original_token: bool,
}
