//! Access tokens: what they say and how they are checked, in every service, against identity's keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use contracts::identity::v1::GetJwksRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kit::{Code, Error, Result, Uuid};
use serde::{Deserialize, Serialize};
use store::{Actor, Caller, Channel};
use tokio::time::Instant;

/// Who issues tokens.
pub const ISSUER: &str = "tessera";
/// For whom they are.
pub const AUDIENCE: &str = "tessera";

/// How far the clocks of two machines may be apart.
const LEEWAY_SECONDS: u64 = 5;
/// How many checked tokens are remembered.
const CACHE_MAX: usize = 10_000;
/// The shortest time between two looks for an unknown key.
const REFETCH_MIN: Duration = Duration::from_secs(5);

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
    /// The permissions held, some with a trailing `*`.
    pub perms: Vec<String>,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
}

/// Checks tokens.
pub(crate) struct Verifier {
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    identity: Channel,
    checked: Mutex<HashMap<String, (Arc<Claims>, i64)>>,
    fetched: tokio::sync::Mutex<Option<Instant>>,
    clock: Arc<dyn kit::Clock>,
}

impl Verifier {
    /// Checks against the keys that identity publishes, which it fetches through this channel.
    pub fn new(identity: Channel, clock: Arc<dyn kit::Clock>) -> Self {
        Self {
            keys: ArcSwap::default(),
            identity,
            checked: Mutex::default(),
            fetched: tokio::sync::Mutex::default(),
            clock,
        }
    }

    /// What a valid token says.
    pub async fn check(&self, token: &str) -> Result<Arc<Claims>> {
        let now = self.clock.now().unix_timestamp();
        if let Some((claims, expiry)) = self.lock().get(token)
            && *expiry > now
        {
            return Ok(claims.clone());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused("the token is malformed"))?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") {
            return Err(refused("the token is of another kind"));
        }
        let kid = header.kid.ok_or_else(|| refused("the token names no key"))?;
        if !self.keys.load().contains_key(&kid) {
            self.fetch_keys().await?;
        }
        let keys = self.keys.load();
        let key = keys.get(&kid).ok_or_else(|| refused("the token's key is unknown"))?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &rules())
            .map_err(|_| refused("the token's signature, issuer or audience is wrong"))?
            .claims;
        check_times(&claims, now)?;
        let claims = Arc::new(claims);
        let mut checked = self.lock();
        if checked.len() >= CACHE_MAX {
            checked.clear();
        }
        checked.insert(token.to_owned(), (claims.clone(), claims.exp));
        Ok(claims)
    }

    /// Fetches identity's keys, at most once in a while: a flood of forged tokens must not become one of calls.
    async fn fetch_keys(&self) -> Result<()> {
        let mut fetched = self.fetched.lock().await;
        if fetched.is_some_and(|at| at.elapsed() < REFETCH_MIN) {
            return Ok(());
        }
        let mut request = tonic::Request::new(GetJwksRequest::default());
        request.set_timeout(Duration::from_secs(5));
        let answer = AuthServiceClient::new(self.identity.clone()).get_jwks(request).await;
        let answer = answer.map_err(|status| Error::unavailable("identity", status.message()))?.into_inner();
        let mut keys = HashMap::with_capacity(answer.keys.len());
        for key in answer.keys {
            let Ok(decoding) = DecodingKey::from_ed_components(&key.x) else { continue };
            keys.insert(key.kid, decoding);
        }
        self.keys.store(Arc::new(keys));
        *fetched = Some(Instant::now());
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Arc<Claims>, i64)>> {
        self.checked.lock().expect("nothing panics while holding it")
    }
}

/// Times are checked by our own clock, see [`check_times`].
fn rules() -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules
}

fn check_times(claims: &Claims, now: i64) -> Result<()> {
    let leeway = i64::try_from(LEEWAY_SECONDS).expect("a small constant");
    if claims.exp + leeway <= now {
        return Err(refused("the token has expired"));
    }
    if claims.nbf > now + leeway {
        return Err(refused("the token is not valid yet"));
    }
    Ok(())
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
