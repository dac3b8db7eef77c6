//! The answer of a method as JSON.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};

use super::form::{EVENTS, JSON};
use super::{Call, etag};
use crate::Body;
use crate::call::Answer;
use crate::codec::Printer;
use crate::error::ApiError;
use crate::headers;
use crate::heavy;
use crate::stream::{JsonStream, Layout, Shown};

/// How long an answer of events waits for the first of them.
const FIRST_EVENT: Duration = Duration::from_secs(1);

/// Prints one message, under the conditions of the request.
pub(super) async fn unary(
    call: &Call<'_>,
    metadata: HeaderMap,
    message: &[u8],
) -> Result<Response<Body>, ApiError> {
    let Call { snapshot, route, .. } = *call;
    let out = Vec::with_capacity(message.len() * 3 + 16);
    let mut printer = Printer::new(&snapshot.plans, call.form.json, out);
    let output = snapshot.method(route).output;
    let print = || match route.response_body {
        Some(field) => printer.field_of(output, field, message),
        None => printer.message(output, message),
    };
    heavy::in_turn(message.len(), print).await.map_err(|error| ApiError::internal(&error))?;
    let mut response = Response::new(crate::body(printer.out));
    *response.headers_mut() = headers::answer_headers(metadata);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    let etag = route.etag_out.as_deref().and_then(|path| crate::codec::wire::find_bytes(message, path));
    let tag = etag.and_then(|etag| etag::tag(response.headers_mut(), etag, call.form.variant()));
    call.conditions.apply(tag.as_ref(), response)
}

/// A server's stream as JSON.
pub(super) async fn stream(call: &Call<'_>, mut answer: Answer) -> Result<Response<Body>, ApiError> {
    // A call that fails before its first message still gets its own HTTP status, but a caller does
    // not wait for long to hear that its stream has begun.
    let wait = if call.form.media == EVENTS { FIRST_EVENT } else { call.inner.options.keep_alive };
    let first = match tokio::time::timeout(wait, answer.messages.next()).await {
        Ok(first) => first?,
        Err(_) => None,
    };
    let layout = match call.form.media {
        JSON => Layout::Array,
        EVENTS => Layout::Events { id: call.route.cursor.map(|cursor| cursor.number) },
        _ => Layout::Lines,
    };
    let shown = Shown {
        snapshot: call.snapshot.clone(),
        output: call.snapshot.method(call.route).output,
        options: call.form.json,
        layout,
    };
    let body = JsonStream::new(shown, first, answer.messages).keep_alive(call.inner.options.keep_alive);
    let outcome = body.outcome();
    let mut response = Response::new(Body::new(body));
    response.extensions_mut().insert(outcome);
    *response.headers_mut() = headers::answer_headers(answer.headers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(call.form.media));
    if let Layout::Events { .. } = layout {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    Ok(response)
}
