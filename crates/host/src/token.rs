//! Access tokens in every service: checked against identity's keys, by the rules of the crate `tokens`.

use std::time::Duration;

use contracts::identity::v1::GetJwksRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use kit::{Code, Error, Result, Uuid};
use store::{Actor, Caller, Channel};
pub use tokens::{AUDIENCE, Claims, ISSUER};
use tokens::{Jwk, KeySource, TokenError};

/// How long identity may take to tell its keys.
const FETCH_MAX: Duration = Duration::from_secs(5);

/// Checks tokens.
pub(crate) type Verifier = tokens::Verifier<Identity>;

/// The keys that identity publishes, fetched through its channel.
pub(crate) struct Identity(pub Channel);

impl KeySource for Identity {
    async fn fetch(&self) -> std::result::Result<Vec<Jwk>, String> {
        let mut request = tonic::Request::new(GetJwksRequest::default());
        request.set_timeout(FETCH_MAX);
        let answer = AuthServiceClient::new(self.0.clone()).get_jwks(request).await;
        let keys = answer.map_err(|status| status.message().to_owned())?.into_inner().keys;
        Ok(keys.into_iter().map(|key| Jwk { kid: key.kid, x: key.x }).collect())
    }
}

/// Why a token does not count, as a caller is told.
pub(crate) fn error(error: TokenError) -> Error {
    match error {
        TokenError::Refused(message) => refused(message),
        TokenError::NoKeys(why) => Error::unavailable("identity", why),
    }
}

/// The caller that a token speaks of. A service may name the tenant for which it acts, a user may not.
pub(crate) fn caller(claims: &Claims, tenant_header: Option<&str>) -> Result<Caller> {
    let permissions = claims.perms.clone().into();
    if let Some(name) = claims.sub.strip_prefix("service:") {
        let tenant = tenant_header.map(Uuid::parse_str).transpose();
        let named = tenant.map_err(|_| refused("the tenant named is no UUID"))?;
        if claims.tenant_id.is_some() && named.is_some() && named != claims.tenant_id {
            return Err(other_tenant());
        }
        let tenant = claims.tenant_id.or(named);
        return Ok(Caller { tenant, actor: Actor::Service(name.to_owned()), permissions });
    }
    let id = Uuid::parse_str(&claims.sub).map_err(|_| refused("the token's subject is no user"))?;
    let tenant = claims.tenant_id.ok_or_else(|| refused("the token names no tenant"))?;
    if tenant_header.is_some_and(|named| named != tenant.to_string()) {
        return Err(other_tenant());
    }
    let session = claims.sid.unwrap_or_default();
    Ok(Caller { tenant: Some(tenant), actor: Actor::User { id, session }, permissions })
}

fn other_tenant() -> Error {
    let text = "the token is of another tenant than the one named";
    Error::new(Code::PermissionDenied, "PERMISSION_MISSING", "erp", text)
}

pub(crate) fn refused(message: &str) -> Error {
    Error::new(Code::Unauthenticated, "UNAUTHENTICATED", "erp", message)
}
