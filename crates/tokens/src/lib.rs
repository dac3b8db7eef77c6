//! Access tokens: what they say, and how services and the gateway check them, by the same rules.

mod verifier;

use kit::Uuid;
use serde::{Deserialize, Serialize};

pub use verifier::{Jwk, KeySource, TokenError, Verifier};

/// Who issues tokens.
pub const ISSUER: &str = "tessera";
/// For whom they are.
pub const AUDIENCE: &str = "tessera";

/// What an access token says. Header `typ` is `at+jwt`, `alg` is EdDSA.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The user's id, or `service:<name>`.
    pub sub: String,
    /// The tenant; absent for services, which name theirs with each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The session; absent for services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// The token's own id: two tokens of one session in one second are two. Absent in those issued before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<Uuid>,
    /// The permissions held, some with a trailing `*`.
    pub perms: Vec<String>,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
}

/// A token that was checked.
#[derive(Debug, Clone, Deserialize)]
pub struct Token {
    /// What it says of the caller.
    #[serde(flatten)]
    pub claims: Claims,
    /// The tenant's plan, where the issuer tells it.
    #[serde(default)]
    pub plan: Option<String>,
}
