//! What a caller may do, as the service of users tells it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use moka::future::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tonic::Code;

use super::Handler;
use super::tools::Need;
use crate::error::ApiError;

/// How long an answer is kept: a permission that was just given shows after this.
const KEPT: Duration = Duration::from_secs(30);
/// How many callers are kept.
const MOST: u64 = 1000;

/// What callers may do, by the digest of their token.
#[derive(Clone)]
pub(crate) struct GrantCache(Cache<[u8; 32], Grants>);

impl Default for GrantCache {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT).build())
    }
}

/// What a caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grants {
    /// There is no token.
    Nobody,
    /// Signed in, with these permissions; a trailing `*` stands for any rest.
    Known(Arc<[String]>),
}

impl Grants {
    /// Whether the caller has what a tool needs.
    pub(crate) fn cover(&self, need: &Need) -> bool {
        match (self, need) {
            (_, Need::Nothing) => true,
            (Self::Known(_), Need::Token) => true,
            (Self::Known(held), Need::Permission(wanted)) => held.iter().any(|held| covers(held, wanted)),
            (Self::Nobody, Need::Token | Need::Permission(_)) => false,
        }
    }
}

/// Whether a held permission covers a wanted one: `crm.*` covers `crm.contacts.read`.
fn covers(held: &str, wanted: &str) -> bool {
    match held.strip_suffix('*') {
        Some(prefix) => wanted.starts_with(prefix) && (prefix.is_empty() || prefix.ends_with('.')),
        None => held == wanted,
    }
}

/// Asks for the permissions of the caller whose headers these are.
///
/// # Errors
/// When the token is not valid, or the service does not answer.
pub(super) async fn of(handler: &Handler, headers: &HeaderMap) -> Result<Grants, ApiError> {
    let Some(token) = headers.get(AUTHORIZATION) else { return Ok(Grants::Nobody) };
    let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let GrantCache(cache) = &handler.gateway.inner().grants;
    if let Some(kept) = cache.get(&key).await {
        return Ok(kept);
    }
    // Without the service of users, only what needs no permission can be told apart.
    let method = &handler.options.permissions;
    if handler.snapshot.method_at(method).is_none() {
        return Ok(Grants::Known(Arc::new([])));
    }
    let grants = match handler.call(method, headers.clone(), b"{}".to_vec()).await {
        Ok(json) => Grants::Known(permissions(&json).into()),
        // A token that is no user's: a service's own. Nobody tells what it may do.
        Err(error) if error.code == Code::FailedPrecondition => Grants::Known(Arc::new([])),
        Err(error) => return Err(error),
    };
    cache.insert(key, grants.clone()).await;
    Ok(grants)
}

/// The texts of the answer's `permissions`.
fn permissions(json: &[u8]) -> Vec<String> {
    let answer: Value = serde_json::from_slice(json).unwrap_or_default();
    let list = answer.get("permissions").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cover_whole_words() {
        let held = Grants::Known(Arc::new(["crm.*".to_owned(), "orders.orders.read".to_owned()]));
        let may = |wanted: &str| held.cover(&Need::Permission(wanted.to_owned()));
        assert!(may("crm.contacts.read") && may("orders.orders.read"));
        assert!(!may("crmx.contacts.read") && !may("orders.orders.write"));
        assert!(held.cover(&Need::Token) && !Grants::Nobody.cover(&Need::Token));
        assert!(Grants::Nobody.cover(&Need::Nothing));
        assert!(Grants::Known(Arc::new(["*".to_owned()])).cover(&Need::Permission("a.b.c".to_owned())));
    }
}
