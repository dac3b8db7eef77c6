//! Answers that are kept for methods that declare `(erp.v1.cache)`.
//!
//! Kept are whole answers that went well, in every protocol (over REST to GET and HEAD), for the
//! caller they were given to: its tenant, its user, its API key. Shared ones are kept once for all.
//! However many ask at the same time, one call answers them. A caller who says
//! `cache-control: no-cache` gets a new answer, which is kept; one who says `no-store` gets one that
//! is not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_MATCH,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use moka::Expiry;
use moka::future::Cache as Store;
use sha2::{Digest, Sha256};
use tokio_stream::StreamExt;
use tonic::Code;

use crate::call::{self, GRPC_STATUS};
use crate::edge::auth::Caller;
use crate::edge::declared::Cache as Declared;
use crate::edge::record::{Outcome, Record};
use crate::error::ApiError;
use crate::headers;
use crate::protocol::Protocol;
use crate::rest::Conditions;
use crate::{Body, Gateway};

/// Longer answers are not kept.
const LONGEST: usize = 1024 * 1024;
/// What an answer takes beside its body.
const OVERHEAD: usize = 1024;

/// Headers by which one call may be answered otherwise than another of the same path. The last two
/// choose services, here or in a mesh behind the gateway.
const TELLING: [HeaderName; 8] = [
    ACCEPT,
    ACCEPT_LANGUAGE,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
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
    /// Those of gRPC.
    trailers: Option<HeaderMap>,
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
        request: Request<Body>,
    ) -> Result<Response<Body>, ApiError> {
        let asked = request.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or("");
        let (no_store, no_cache) = (asked.contains("no-store"), asked.contains("no-cache"));
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if no_store || matches!(record.protocol, Protocol::Rest { .. }) && !reads {
            return gateway.call(record, request).await;
        }
        let (mut request, message) = read(gateway, request).await?;
        let choosing = gateway.inner().backend.choosing();
        let Some(key) = key(declared, record.caller.as_ref(), choosing, &request, &message) else {
            return gateway.call(record, request).await;
        };
        if no_cache {
            self.store.invalidate(&key).await;
        }
        // The call gives the whole answer, which is compared with the caller's here.
        let conditions = conditions(record, &mut request)?;
        let mut own = Some(request);
        let init = async {
            let request = own.take().expect("taken once, here");
            Kept::Miss.count();
            keep(declared, &record.protocol, gateway.call(record, request).await).await
        };
        let answer = match Box::pin(self.store.try_get_with(key, init)).await {
            Ok(kept) => {
                let outcome = if own.is_none() { Kept::Miss } else { Kept::Hit };
                if outcome == Kept::Hit {
                    outcome.count();
                }
                let mut response = show(&kept, declared, &record.protocol);
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

/// Reads the message of a call, by which its answer is found; it is that of a unary method.
async fn read(gateway: &Gateway, request: Request<Body>) -> Result<(Request<Body>, Bytes), ApiError> {
    if request.body().is_end_stream() {
        return Ok((request, Bytes::new()));
    }
    let options = gateway.options();
    let (head, body) = request.into_parts();
    let whole = call::read_whole(&head.headers, body, options.max_request);
    let message = call::within(headers::deadline(&head.headers, options, false), whole).await?;
    Ok((Request::from_parts(head, crate::body(message.clone())), message))
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
    message: &[u8],
) -> Option<Key> {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(request.uri().path_and_query()?.as_str().as_bytes());
    add(if *request.method() == Method::POST { b"POST" } else { b"GET" });
    add(message);
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
    protocol: &Protocol,
    answer: Result<Response<Body>, ApiError>,
) -> Result<Arc<Stored>, Box<Passed>> {
    let pass = |answer| Err(Box::new(Passed(Mutex::new(Some(answer)))));
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return pass(Err(error)),
    };
    let size = answer.body().size_hint().lower();
    if answer.status() != StatusCode::OK || size > LONGEST as u64 {
        return pass(Ok(answer));
    }
    let (head, body) = answer.into_parts();
    let (body, trailers) = match gather(body).await {
        Ok(Gathered::Whole(body, trailers)) => (body, trailers),
        Ok(Gathered::Longer(body)) => return pass(Ok(Response::from_parts(head, body))),
        Err(error) => return pass(Err(ApiError::unavailable(&error))),
    };
    // In these protocols an answer with status 200 may be that of a call that failed.
    let told = trailers.as_ref().and_then(|trailers| trailers.get(GRPC_STATUS));
    let told =
        told.or_else(|| head.headers.get(GRPC_STATUS)).map(|status| Code::from_bytes(status.as_bytes()));
    let told = told.or_else(|| head.extensions.get::<Outcome>()?.code());
    if protocol.passes_through() && told != Some(Code::Ok) {
        return pass(Ok(Response::from_parts(head, whole(body, trailers))));
    }
    let lives = Duration::from_secs(declared.max_age_seconds.into());
    Ok(Arc::new(Stored { headers: head.headers, body, trailers, since: Instant::now(), lives }))
}

enum Gathered {
    Whole(Bytes, Option<HeaderMap>),
    /// More than is kept; nothing of it is lost.
    Longer(Body),
}

/// Reads a body to its end, or until it is longer than what is kept.
async fn gather(mut body: Body) -> Result<Gathered, tonic::Status> {
    let (mut parts, mut length, mut trailers) = (Vec::new(), 0, None);
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                length += data.len();
                parts.push(data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if length > LONGEST {
            let front = tokio_stream::iter(parts.into_iter().map(|data| Ok(Frame::data(data))));
            return Ok(Gathered::Longer(Body::new(StreamBody::new(front.chain(BodyStream::new(body))))));
        }
    }
    let whole = if parts.len() == 1 { parts.pop().unwrap_or_default() } else { parts.concat().into() };
    Ok(Gathered::Whole(whole, trailers))
}

/// A body whose bytes and trailers are all there.
fn whole(body: Bytes, trailers: Option<HeaderMap>) -> Body {
    match trailers {
        None => crate::body(body),
        Some(trailers) => {
            let frames = [Ok::<_, tonic::Status>(Frame::data(body)), Ok(Frame::trailers(trailers))];
            Body::new(StreamBody::new(tokio_stream::iter(frames)))
        }
    }
}

fn show(kept: &Stored, declared: Declared, protocol: &Protocol) -> Response<Body> {
    let age = kept.since.elapsed();
    let mut response = Response::new(whole(kept.body.clone(), kept.trailers.clone()));
    if protocol.passes_through() {
        let outcome = Outcome::new();
        outcome.note_code(Code::Ok);
        response.extensions_mut().insert(outcome);
    }
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
