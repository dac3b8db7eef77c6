//! Calls from web pages of other origins.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::Body;
use crate::options::Origins;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// What pages may send: the protocols' own headers, tokens, correlation and preconditions.
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "accept, accept-language, authorization, baggage, connect-accept-encoding, \
     connect-content-encoding, connect-protocol-version, connect-timeout-ms, content-type, \
     grpc-timeout, if-match, if-none-match, last-event-id, traceparent, tracestate, x-api-key, x-grpc-web, \
     x-request-id, x-request-timeout, x-user-agent, x-correlation-id, x-service-version, x-tenant-type",
);

/// What pages may read. Without the first three every error that comes as headers alone looks to a
/// browser like an answer without trailers.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "grpc-status, grpc-message, grpc-status-details-bin, etag, location, ratelimit-limit, ratelimit-policy, \
     ratelimit-remaining, ratelimit-reset, retry-after, x-request-id, x-correlation-id, age, www-authenticate",
);

/// How long a browser may keep the answer to a preflight, in seconds; browsers cut it to theirs.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origin that asks, when it may.
pub(crate) fn allowed_origin(origins: &Origins, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    origins.allow(origin.to_str().ok()?).then(|| origin.clone())
}

/// Answers a preflight. None: the request is none.
pub(crate) fn preflight(request: &Request<Body>, allowed: Option<&HeaderValue>) -> Option<Response<Body>> {
    let asks = request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if allowed.is_some() {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    Some(response)
}

/// Lets the page read the answer.
pub(crate) fn apply(origins: &Origins, allowed: Option<HeaderValue>, headers: &mut HeaderMap) {
    if *origins == Origins::None {
        return;
    }
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
