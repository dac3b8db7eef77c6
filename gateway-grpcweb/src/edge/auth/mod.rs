//! Who calls: tokens and API keys, checked before a call takes anybody's time.
//!
//! - Methods whose `(erp.v1.access)` is public are never asked for a token, and one that comes
//!   along is not looked at, as the services do: an application may send its expired token when it
//!   renews it. All others need one; so do methods that declare nothing.
//! - `authorization: Bearer <token>` is checked as the services check it, who do it again.
//! - `x-api-key: <key>` is exchanged for a token, which goes on in its place. The key itself stays
//!   here, and is kept as a hash only.

mod api_key;
mod keys;

use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};
use kit::SystemClock;
use tokens::{Token, TokenError, Verifier};
use tonic::Code;

use crate::backend::Backend;
use crate::edge::auth::api_key::Exchange;
use crate::edge::auth::keys::Source;
use crate::error::ApiError;

/// As the services say it: clients renew their tokens by it.
const DOMAIN: &str = "erp";
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How callers are known. The default is Tessera's own identity service.
#[derive(Debug, Clone)]
pub struct AuthOptions {
    /// Where the keys of tokens come from.
    pub keys: KeySet,
    /// The `iss` of tokens.
    pub issuer: String,
    /// The `aud` of tokens.
    pub audience: String,
    /// The method that exchanges API keys, as `package.Service/Method`; none: there are no API
    /// keys. Its request has the key as field 1, its answer the token as field 1 and the
    /// `google.protobuf.Timestamp` at which that runs out as field 2.
    pub api_keys: Option<String>,
}

/// Where a JSON Web Key Set comes from.
#[derive(Debug, Clone)]
pub enum KeySet {
    /// A method, as `package.Service/Method`, whose request is empty and whose answer has keys as
    /// its field 1, each with `kid` as field 1 and `x` as field 4.
    Method(String),
    /// A document of RFC 7517 behind `http://` or `https://`.
    Url(http::Uri),
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            keys: KeySet::Method("erp.identity.v1.AuthService/GetJwks".to_owned()),
            issuer: tokens::ISSUER.to_owned(),
            audience: tokens::AUDIENCE.to_owned(),
            api_keys: Some("erp.identity.v1.AuthService/ExchangeApiKey".to_owned()),
        }
    }
}

/// Somebody who is known.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) token: Arc<Token>,
    /// Hash of the API key that was exchanged for the token.
    pub(crate) api_key: Option<[u8; 32]>,
}

/// Checks callers.
pub(crate) struct Auth {
    verifier: Arc<Verifier<Source>>,
    exchange: Option<Exchange>,
}

impl Auth {
    pub(crate) fn new(options: &AuthOptions, backend: &Backend) -> Self {
        let source = Source::new(&options.keys, backend.clone());
        let clock = Arc::new(SystemClock);
        Self {
            verifier: Arc::new(Verifier::of(source, clock, &options.issuer, &options.audience)),
            exchange: options.api_keys.as_ref().map(|method| Exchange::new(method, backend.clone())),
        }
    }

    /// Who calls; none for public methods. Leaves in the headers what the services shall see.
    ///
    /// # Errors
    /// UNAUTHENTICATED for callers who are not known, UNAVAILABLE when that cannot be found out.
    pub(crate) async fn admit(
        &self,
        headers: &mut HeaderMap,
        public: bool,
    ) -> Result<Option<Caller>, ApiError> {
        let api_key = self.exchange.as_ref().and_then(|exchange| Some((exchange, headers.remove(API_KEY)?)));
        if public {
            return Ok(None);
        }
        if let Some((exchange, key)) = api_key {
            if headers.contains_key(AUTHORIZATION) {
                let message = "send either the header authorization or x-api-key, not both";
                return Err(ApiError::malformed(message));
            }
            let (authorization, hash) = Box::pin(exchange.token_of(&key)).await?;
            let token = self.check(&authorization).await?;
            headers.insert(AUTHORIZATION, authorization);
            return Ok(Some(Caller { token, api_key: Some(hash) }));
        }
        let authorization = headers.get(AUTHORIZATION).ok_or_else(|| refused("sign in first"))?;
        Ok(Some(Caller { token: self.check(authorization).await?, api_key: None }))
    }

    async fn check(&self, authorization: &HeaderValue) -> Result<Arc<Token>, ApiError> {
        let bearer = authorization.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token)
        });
        let bearer = bearer.ok_or_else(|| refused("the header authorization must be a Bearer token"))?;
        self.verifier.check(bearer).await.map_err(|error| match error {
            TokenError::Refused(why) => refused(why),
            TokenError::NoKeys(why) => ApiError::unavailable(&why),
        })
    }
}

/// Whether somebody says who they are.
pub(crate) fn has_credentials(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || headers.contains_key(API_KEY)
}

/// The error of a caller who is not known.
pub(crate) fn refused(why: &str) -> ApiError {
    ApiError::new(Code::Unauthenticated, why)
        .reason_of(DOMAIN, "UNAUTHENTICATED")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}
