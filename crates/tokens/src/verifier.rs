//! The checks, and the keys they need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{AUDIENCE, Claims, ISSUER, Token};

/// How far the clocks of two machines may be apart, in seconds.
const LEEWAY: i64 = 5;
/// How many checked tokens are remembered.
const CACHE_MAX: usize = 10_000;
/// Longer tokens are refused unread.
const TOKEN_MAX: usize = 16 * 1024;
/// The shortest time between two looks for an unknown key.
const REFETCH_MIN: Duration = Duration::from_secs(5);
/// The same after a look that failed.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The age at which keys are fetched again, so that one taken back does not live on.
const KEYS_MAX_AGE: Duration = Duration::from_secs(300);

/// A public key as RFC 7517 and RFC 8037 write it.
#[derive(Debug, Clone, Deserialize)]
pub struct Jwk {
    /// Names the key.
    pub kid: String,
    /// The Ed25519 key, base64url without padding.
    #[serde(default)]
    pub x: String,
}

/// Where the keys come from.
pub trait KeySource: Send + Sync + 'static {
    /// Fetches all keys. The error is for the log.
    fn fetch(&self) -> impl Future<Output = Result<Vec<Jwk>, String>> + Send;
}

/// Why a token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is at fault; the text may be told to whoever sent it.
    #[error("{0}")]
    Refused(&'static str),
    /// The keys cannot be fetched, so that nobody knows; the text is for the log.
    #[error("the keys of tokens cannot be fetched: {0}")]
    NoKeys(String),
}

/// Checks tokens against keys that it fetches when it meets an unknown one, at most once in a
/// while: a flood of forged tokens must not become one of calls. The last good keys stay while
/// their source is away.
pub struct Verifier<S> {
    source: S,
    clock: Arc<dyn kit::Clock>,
    rules: Validation,
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    checked: Mutex<HashMap<String, Arc<Token>>>,
    fetched: tokio::sync::Mutex<Fetched>,
    /// When the keys that are there are fetched again.
    refresh: Mutex<Option<Instant>>,
}

/// The last look for keys.
#[derive(Default)]
struct Fetched {
    next: Option<Instant>,
    failed: Option<String>,
}

impl<S: KeySource> Verifier<S> {
    /// Takes tokens of Tessera's own issuer and audience.
    pub fn new(source: S, clock: Arc<dyn kit::Clock>) -> Self {
        Self::of(source, clock, ISSUER, AUDIENCE)
    }

    /// Takes tokens of this issuer for this audience.
    pub fn of(source: S, clock: Arc<dyn kit::Clock>, issuer: &str, audience: &str) -> Self {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are checked by our own clock.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        Self {
            source,
            clock,
            rules,
            keys: ArcSwap::default(),
            checked: Mutex::default(),
            fetched: tokio::sync::Mutex::default(),
            refresh: Mutex::default(),
        }
    }

    /// What a valid token says.
    ///
    /// # Errors
    /// When the token is malformed, forged, of another kind, issuer or audience, out of its time,
    /// or when its key cannot be looked up.
    pub async fn check(self: &Arc<Self>, token: &str) -> Result<Arc<Token>, TokenError> {
        let now = self.clock.now().unix_timestamp();
        self.keep_fresh();
        if let Some(known) = self.checked().get(token)
            && known.claims.exp > now
        {
            return Ok(known.clone());
        }
        if token.len() > TOKEN_MAX {
            return Err(TokenError::Refused("the token is malformed"));
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|_| TokenError::Refused("the token is malformed"))?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") {
            return Err(TokenError::Refused("the token is of another kind"));
        }
        let kid = header.kid.ok_or(TokenError::Refused("the token names no key"))?;
        if !self.keys.load().contains_key(&kid) {
            self.look_for(&kid).await?;
        }
        let keys = self.keys.load();
        let key = keys.get(&kid).ok_or(TokenError::Refused("the token's key is unknown"))?;
        let decoded = jsonwebtoken::decode::<Token>(token, key, &self.rules)
            .map_err(|_| TokenError::Refused("the token's signature, issuer or audience is wrong"))?;
        check_times(&decoded.claims.claims, now)?;
        let checked = Arc::new(decoded.claims);
        let mut all = self.checked();
        if all.len() >= CACHE_MAX {
            all.clear();
        }
        all.insert(token.to_owned(), checked.clone());
        Ok(checked)
    }

    /// Fetches the keys for one that is unknown. One caller does, the others wait for what it finds.
    async fn look_for(&self, kid: &str) -> Result<(), TokenError> {
        let mut fetched = self.fetched.lock().await;
        if !self.keys.load().contains_key(kid) && fetched.next.is_none_or(|next| Instant::now() >= next) {
            self.fetch(&mut fetched).await;
        }
        match &fetched.failed {
            Some(why) if !self.keys.load().contains_key(kid) => Err(TokenError::NoKeys(why.clone())),
            _ => Ok(()),
        }
    }

    async fn fetch(&self, fetched: &mut Fetched) {
        let answer = self.source.fetch().await;
        let wait = if answer.is_ok() { REFETCH_MIN } else { RETRY_MIN };
        fetched.next = Some(Instant::now() + wait);
        match answer {
            Ok(found) => {
                fetched.failed = None;
                let keys: HashMap<_, _> = found
                    .into_iter()
                    .filter_map(|key| Some((key.kid, DecodingKey::from_ed_components(&key.x).ok()?)))
                    .collect();
                let before = self.keys.swap(Arc::new(keys));
                if before.keys().any(|kid| !self.keys.load().contains_key(kid)) {
                    // What a key signed that was taken back counts no more.
                    self.checked().clear();
                }
                *self.refresh() = Some(Instant::now() + KEYS_MAX_AGE);
            }
            Err(why) => {
                tracing::warn!(why, "the keys of tokens cannot be fetched; those there are stay");
                fetched.failed = Some(why);
            }
        }
    }

    /// Fetches keys that have grown old, beside the calls that go on with them.
    fn keep_fresh(self: &Arc<Self>) {
        let mut refresh = self.refresh();
        let now = Instant::now();
        if refresh.is_none_or(|at| now < at) {
            return;
        }
        *refresh = Some(now + KEYS_MAX_AGE);
        let this = self.clone();
        tokio::spawn(async move {
            let mut fetched = this.fetched.lock().await;
            this.fetch(&mut fetched).await;
        });
    }

    fn checked(&self) -> MutexGuard<'_, HashMap<String, Arc<Token>>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refresh(&self) -> MutexGuard<'_, Option<Instant>> {
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_times(claims: &Claims, now: i64) -> Result<(), TokenError> {
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(TokenError::Refused("the token has expired"));
    }
    if claims.nbf > now.saturating_add(LEEWAY) {
        return Err(TokenError::Refused("the token is not valid yet"));
    }
    Ok(())
}
