//! API keys, exchanged for tokens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use kit::{Clock, SystemClock};
use moka::Expiry;
use moka::future::Cache;
use prost_types::Timestamp;
use sha2::{Digest, Sha256};
use tonic::Code;

use super::{keys, refused};
use crate::backend::Backend;
use crate::error::ApiError;

/// How many keys are remembered.
const CACHE_MAX: u64 = 10_000;
/// How long the token of a key is used: no longer than this may a key go on that was taken back.
const TOKEN_MAX: Duration = Duration::from_secs(60);
/// A token this close to its end is not used any more.
const TOKEN_LEFT: Duration = Duration::from_secs(10);
/// How long a key that was refused stays so without being asked for again.
const REFUSED: Duration = Duration::from_secs(5);
/// The same when nobody could be asked.
const AWAY: Duration = Duration::from_secs(1);
/// The longest key.
const KEY_MAX: usize = 200;

#[derive(Clone, PartialEq, prost::Message)]
struct ExchangeRequest {
    #[prost(string, tag = "1")]
    api_key: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ExchangeAnswer {
    #[prost(string, tag = "1")]
    access_token: String,
    #[prost(message, optional, tag = "2")]
    access_expire_time: Option<Timestamp>,
}

/// What came of a key.
#[derive(Clone)]
enum Outcome {
    Token { authorization: HeaderValue, lives: Duration },
    Refused,
    Away,
}

/// Exchanges keys; each once at a time, however many calls come with it.
pub(crate) struct Exchange {
    method: Arc<str>,
    backend: Backend,
    known: Cache<[u8; 32], Outcome>,
}

impl Exchange {
    pub(crate) fn new(method: &str, backend: Backend) -> Self {
        let known = Cache::builder().max_capacity(CACHE_MAX).expire_after(Lives).build();
        Self { method: method.into(), backend, known }
    }

    /// The token of a key as `authorization` has it, and the key's hash.
    pub(crate) async fn token_of(&self, key: &HeaderValue) -> Result<(HeaderValue, [u8; 32]), ApiError> {
        let invalid = || refused("the API key is not valid");
        let key = key.to_str().ok().filter(|key| (1..=KEY_MAX).contains(&key.len())).ok_or_else(invalid)?;
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        match self.known.get_with(hash, self.exchange(key)).await {
            Outcome::Token { authorization, .. } => Ok((authorization, hash)),
            Outcome::Refused => Err(invalid()),
            Outcome::Away => Err(ApiError::unavailable(&"API keys cannot be exchanged")),
        }
    }

    async fn exchange(&self, key: &str) -> Outcome {
        let request = ExchangeRequest { api_key: key.to_owned() };
        let answer: ExchangeAnswer = match keys::ask(&self.backend, &self.method, &request).await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.code {
                    Code::Unauthenticated
                    | Code::NotFound
                    | Code::PermissionDenied
                    | Code::InvalidArgument
                    | Code::FailedPrecondition => Outcome::Refused,
                    code => {
                        tracing::warn!(?code, "API keys cannot be exchanged");
                        Outcome::Away
                    }
                };
            }
        };
        let expires = answer.access_expire_time.unwrap_or_default().seconds;
        let left = expires.saturating_sub(SystemClock.now().unix_timestamp());
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0)).saturating_sub(TOKEN_LEFT);
        match HeaderValue::try_from(format!("Bearer {}", answer.access_token)) {
            Ok(mut authorization) => {
                authorization.set_sensitive(true);
                Outcome::Token { authorization, lives: left.min(TOKEN_MAX) }
            }
            Err(_) => Outcome::Away,
        }
    }
}

/// How long an outcome is kept.
struct Lives;

impl Expiry<[u8; 32], Outcome> for Lives {
    fn expire_after_create(&self, _: &[u8; 32], outcome: &Outcome, _: Instant) -> Option<Duration> {
        Some(match outcome {
            Outcome::Token { lives, .. } => *lives,
            Outcome::Refused => REFUSED,
            Outcome::Away => AWAY,
        })
    }
}
