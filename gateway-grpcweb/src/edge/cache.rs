//! Answers that are kept for methods that declare `(erp.v1.cache)`.
//!
//! Kept are whole answers with status 200 to GET (and HEAD), for the caller they were given to:
//! its tenant, its user, its API key. Shared ones are kept once for all. However many ask at the
//! same time, one call answers them. A caller who says `cache-control: no-cache` gets a new answer,
//! which is kept; one who says `no-store` gets one that is not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use moka::Expiry;
use moka::future::Cache as Store;
use sha2::{Digest, Sha256};

use crate::edge::auth::Caller;
use crate::edge::declared::Cache as Declared;
use crate::edge::record::Record;
use crate::error::ApiError;
use crate::rest::Conditions;
use crate::{Body, Gateway};

/// Longer answers are not kept.
const LONGEST: usize = 1024 * 1024;
/// What an answer takes beside its body.
const OVERHEAD: usize = 1024;

/// Headers by which one call may be answered otherwise than another of the same path. The last two
/// choose services, here or in a mesh behind the gateway.
const TELLING: [HeaderName; 5] = [
    ACCEPT,
    ACCEPT_LANGUAGE,
    CONTENT_TYPE,
    HeaderName::from_static("x-service-version"),
    HeaderName::from_static("x-tenant-type"),
];

type Key = [u8; 32];

/// Whether an answer was at hand; it is among the answer's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Hit,
    Miss,
}

impl Kept {
    /// As logs and metrics call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }

    fn count(self) {
        metrics::counter!("gateway_cache_total", "outcome" => self.name()).increment(1);
    }
}

struct Stored {
    headers: HeaderMap,
    body: Bytes,
    since: Instant,
    lives: Duration,
}

/// An answer that cannot be kept; whoever asked for it gets it.
struct Passed(Mutex<Option<Result<Response<Body>, ApiError>>>);

/// The kept answers.
pub(crate) struct Cache {
    store: Store<Key, Arc<Stored>>,
}

struct Lives;

impl Expiry<Key, Arc<Stored>> for Lives {
    fn expire_after_create(&self, _: &Key, kept: &Arc<Stored>, _: Instant) -> Option<Duration> {
        Some(kept.lives)
    }
}

impl Cache {
    /// Keeps answers of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let weight =
            |_: &Key, kept: &Arc<Stored>| u32::try_from(kept.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self { store: Store::builder().max_capacity(bytes).weigher(weight).expire_after(Lives).build() }
    }

    /// Answers from what is kept, or by the call and keeps its answer.
    pub(crate) async fn answer(
        &self,
        gateway: &Gateway,
        record: &Record,
        declared: Declared,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, ApiError> {
        let asked = request.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or("");
        let (no_store, no_cache) = (asked.contains("no-store"), asked.contains("no-cache"));
        let choosing = gateway.inner().backend.choosing();
        let key = key(declared, record.caller.as_ref(), choosing, &request).filter(|_| !no_store);
        let Some(key) = key else { return gateway.call(record, request).await };
        if no_cache {
            self.store.invalidate(&key).await;
        }
        // The call gives the whole answer, which is compared with the caller's here.
        let conditions = conditions(record, &mut request)?;
        let mut own = Some(request);
        let init = async {
            let request = own.take().expect("taken once, here");
            Kept::Miss.count();
            keep(declared, gateway.call(record, request).await).await
        };
        let answer = match Box::pin(self.store.try_get_with(key, init)).await {
            Ok(kept) => {
                let outcome = if own.is_none() { Kept::Miss } else { Kept::Hit };
                if outcome == Kept::Hit {
                    outcome.count();
                }
                let mut response = show(&kept, declared);
                response.extensions_mut().insert(outcome);
                Ok(response)
            }
            Err(passed) => match own {
                // Somebody else's call had an answer that is nobody else's.
                Some(request) => gateway.call(record, request).await,
                None => {
                    let answer = passed.0.lock().unwrap_or_else(PoisonError::into_inner).take();
                    answer.unwrap_or_else(|| Err(ApiError::internal(&"an answer was given twice")))
                }
            },
        };
        let answer = answer?;
        let tag = answer.headers().get(ETAG).cloned();
        conditions.apply(tag.as_ref(), answer)
    }
}

/// Takes the conditions off a request: they are the caller's own, and the answer is for all.
fn conditions(record: &Record, request: &mut Request<Body>) -> Result<Conditions, ApiError> {
    let shows_tags = record.matched.as_ref().is_some_and(|matched| {
        let route = record.snapshot.route(matched);
        route.raw_out.is_none()
    });
    let conditions = match shows_tags {
        true => Conditions::of(request.method(), request.headers(), false)?,
        // Connect's answers and raw bytes have no tag to be compared.
        false => Conditions::default(),
    };
    request.headers_mut().remove(IF_MATCH);
    request.headers_mut().remove(IF_NONE_MATCH);
    Ok(conditions)
}

/// What tells answers apart. None: they are not kept.
fn key(
    declared: Declared,
    caller: Option<&Caller>,
    choosing: &[HeaderName],
    request: &Request<Body>,
) -> Option<Key> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(request.uri().path_and_query()?.as_str().as_bytes());
    for name in TELLING.iter().chain(choosing) {
        for value in request.headers().get_all(name) {
            add(value.as_bytes());
        }
        add(b"");
    }
    if !declared.shared {
        let caller = caller?;
        let claims = &caller.token.claims;
        add(claims.tenant_id?.as_bytes());
        add(claims.sub.as_bytes());
        add(caller.api_key.as_ref().map_or(&[], |key| key));
        // What a caller may do decides what it is shown.
        claims.perms.iter().for_each(|permission| add(permission.as_bytes()));
    }
    Some(hash.finalize().into())
}

async fn keep(
    declared: Declared,
    answer: Result<Response<Body>, ApiError>,
) -> Result<Arc<Stored>, Box<Passed>> {
    let pass = |answer| Err(Box::new(Passed(Mutex::new(Some(answer)))));
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return pass(Err(error)),
    };
    let size = http_body::Body::size_hint(answer.body()).exact();
    if answer.status() != StatusCode::OK || size.is_none_or(|size| size > LONGEST as u64) {
        return pass(Ok(answer));
    }
    let (head, body) = answer.into_parts();
    match Limited::new(body, LONGEST).collect().await {
        Ok(body) => {
            let lives = Duration::from_secs(declared.max_age_seconds.into());
            Ok(Arc::new(Stored {
                headers: head.headers,
                body: body.to_bytes(),
                since: Instant::now(),
                lives,
            }))
        }
        Err(error) => pass(Err(ApiError::internal(&error))),
    }
}

fn show(kept: &Stored, declared: Declared) -> Response<Body> {
    let age = kept.since.elapsed();
    let mut response = Response::new(crate::body(kept.body.clone()));
    *response.headers_mut() = kept.headers.clone();
    let headers = response.headers_mut();
    headers.insert(AGE, HeaderValue::from(age.as_secs()));
    let who = if declared.shared { "public" } else { "private" };
    if let Ok(value) = HeaderValue::try_from(format!("{who}, max-age={}", declared.max_age_seconds)) {
        headers.insert(CACHE_CONTROL, value);
    }
    headers.append(VARY, HeaderValue::from_static("x-service-version, x-tenant-type"));
    if !declared.shared {
        headers.append(VARY, HeaderValue::from_static("authorization, x-api-key"));
    }
    response
}
