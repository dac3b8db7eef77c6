//! A REST call: path, query and JSON body in; JSON out.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tonic::Code;

use crate::Body;
use crate::accept::Accept;
use crate::call::{self, Answer, FRAME_HEAD};
use crate::codec::{Encoder, FieldPath, Printer};
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;
use crate::query::{self, Bound};
use crate::routing::Found;
use crate::snapshot::{Body as Binding, MethodPlan, Route, Snapshot};
use crate::stream::{JsonStream, Layout};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const JSONL: &str = "application/jsonl";

/// A path's variables, decoded.
type Variables<'a> = Vec<Cow<'a, str>>;

/// Serves one REST request.
pub(crate) async fn serve(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    let (route, variables) = route(snapshot, &head.method, head.uri.path())?;
    let method = snapshot.method(route);
    let form = negotiate(&head.headers, method)?;
    if method.client_streaming {
        let message = "a client's stream is only taken over gRPC";
        return Err(ApiError::new(Code::Unimplemented, message));
    }
    let deadline = headers::deadline(&head.headers, &inner.options, method.server_streaming);
    let work = async {
        let body = read_body(&head.headers, body, inner.options.max_request).await?;
        let query = head.uri.query().unwrap_or_default();
        let frame = encode(inner, snapshot, route, &variables, query, &body)?;
        let metadata = headers::metadata(&head.headers, deadline);
        let answer =
            call::send(&inner.backend, &method.path, metadata, frame, inner.options.max_response).await?;
        if method.server_streaming {
            return stream(inner, snapshot, method, answer, form).await;
        }
        unary(inner, snapshot, route, answer).await
    };
    within(deadline, work).await
}

/// The media type of the answer, chosen before anything is done.
fn negotiate(head: &HeaderMap, method: &MethodPlan) -> Result<&'static str, ApiError> {
    let offers: &[_] = if method.server_streaming { &[JSON, NDJSON, JSONL] } else { &[JSON] };
    if !head.contains_key(ACCEPT) {
        return Ok(JSON);
    }
    let accept = Accept::of(head);
    if let Some(chosen) = accept.choose(offers) {
        return Ok(chosen);
    }
    // Who only names the form of errors takes JSON where there is none.
    if accept.quality("application/problem+json") > 0 {
        return Ok(JSON);
    }
    Err(ApiError::not_acceptable(offers))
}

/// Finds the route of a request; HEAD is answered like GET, without the body.
fn route<'s, 'q>(
    snapshot: &'s Snapshot,
    method: &Method,
    path: &'q str,
) -> Result<(&'s Route, Variables<'q>), ApiError> {
    let mut found = snapshot.find(method.as_str(), path);
    if *method == Method::HEAD && !matches!(found, Found::Route(..)) {
        found = snapshot.find("GET", path);
    }
    match found {
        Found::Route(route, bound) => Ok((route, bound.into_iter().map(|(_, text)| text).collect())),
        Found::OtherMethods(methods) => Err(ApiError::method_not_allowed(&methods)),
        Found::Nothing => Err(ApiError::not_found()),
        Found::Malformed => Err(ApiError::malformed("the path has a broken percent escape")),
    }
}

async fn within<T>(
    deadline: Option<Duration>,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    match deadline {
        Some(deadline) => {
            tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| Err(ApiError::deadline()))
        }
        None => work.await,
    }
}

async fn read_body(head: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let told = head.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > limit as u64) {
        return Err(ApiError::too_large(limit));
    }
    let read = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ApiError::too_large(limit)
        } else {
            ApiError::new(Code::Cancelled, "the body could not be read to its end")
        }
    })?;
    let read = read.to_bytes();
    let json = headers::media_type(head).is_none_or(|(media, utf8)| {
        utf8 && (media == "application/json"
            || (media.starts_with("application/") && media.ends_with("+json")))
    });
    if !read.is_empty() && !json {
        return Err(ApiError::unsupported_media_type(JSON));
    }
    Ok(read)
}

/// Writes the framed request message: first the body, then the query, then the path, so that the
/// path wins by protobuf's own merge.
fn encode(
    inner: &Inner,
    snapshot: &Snapshot,
    route: &Route,
    variables: &[Cow<'_, str>],
    query: &str,
    body: &[u8],
) -> Result<Vec<u8>, ApiError> {
    let input = snapshot.method(route).input;
    let mut frame = Vec::with_capacity(FRAME_HEAD + body.len() + query.len() + 64);
    frame.resize(FRAME_HEAD, 0);
    let mut encoder = Encoder::new(&snapshot.plans, frame);
    encoder.ignore_unknown = inner.options.ignore_unknown_fields;
    let refuse = |error| ApiError::bad_request(&error);
    let pairs = query::parse(query).map_err(refuse)?;
    encode_body(&mut encoder, route, input, &pairs, body).map_err(refuse)?;
    if route.body == Binding::Message && !pairs.is_empty() {
        let name = &pairs[0].0;
        let message = format!("`{name}`: the method takes everything in its body, and no query parameters");
        return Err(ApiError::malformed(message));
    }
    let mut taken: Vec<&FieldPath> = route.variables.iter().collect();
    if let Binding::Field(path) = &route.body {
        taken.push(path);
    }
    query::bind(&mut encoder, input, &pairs, &taken, Bound::Refuse).map_err(refuse)?;
    for (path, text) in route.variables.iter().zip(variables) {
        query::bind_variable(&mut encoder, path, text).map_err(refuse)?;
    }
    let mut frame = encoder.out;
    call::close_frame(&mut frame)?;
    Ok(frame)
}

fn encode_body(
    encoder: &mut Encoder<'_>,
    route: &Route,
    input: crate::codec::plan::MessageId,
    pairs: &[query::Pair<'_>],
    body: &[u8],
) -> Result<(), crate::JsonError> {
    match &route.body {
        _ if body.is_empty() => Ok(()),
        Binding::Message => encoder.message(input, body),
        Binding::Field(path) => {
            let mask = route.mask.filter(|mask| !query::has_field(encoder, input, pairs, *mask));
            if mask.is_some() {
                encoder.start_mask();
            }
            encoder.field(path, body)?;
            if let Some(mask) = mask {
                let plans = encoder.plans;
                // Fields that the path binds, and the etag that guards the change, are not changed.
                let bound: Vec<String> = route
                    .variables
                    .iter()
                    .filter_map(|variable| variable.strip_prefix(&**path))
                    .map(|rest| query::dotted(plans, rest))
                    .collect();
                encoder.finish_mask(mask, |name| name == "etag" || bound.iter().any(|bound| bound == name));
            }
            Ok(())
        }
        Binding::None if body == b"{}" => Ok(()),
        Binding::None => {
            Err(crate::JsonError { field: String::new(), message: "the method takes no body".to_owned() })
        }
    }
}

async fn unary(
    inner: &Inner,
    snapshot: &Snapshot,
    route: &Route,
    mut answer: Answer,
) -> Result<Response<Body>, ApiError> {
    let message = answer.messages.next().await?;
    let message = message.ok_or_else(|| ApiError::internal(&"a service answered OK without a message"))?;
    // The status comes behind the message.
    if answer.messages.next().await?.is_some() {
        return Err(ApiError::internal(&"a service answered a unary call twice"));
    }
    let out = Vec::with_capacity(message.len() * 3 + 16);
    let mut printer = Printer::new(&snapshot.plans, inner.options.json, out);
    let output = snapshot.method(route).output;
    let printed = match route.response_body {
        Some(field) => printer.field_of(output, field, &message),
        None => printer.message(output, &message),
    };
    printed.map_err(|error| ApiError::internal(&error))?;
    let mut response = Response::new(crate::body(printer.out));
    *response.headers_mut() = headers::answer_headers(answer.headers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(response)
}

/// A server's stream as JSON: an array, or lines when the caller asks for them.
async fn stream(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    method: &MethodPlan,
    mut answer: Answer,
    form: &'static str,
) -> Result<Response<Body>, ApiError> {
    // A call that fails before its first message still gets its own HTTP status.
    let first = answer.messages.next().await?;
    let layout = if form == JSON { Layout::Array } else { Layout::Lines };
    let body =
        JsonStream::new(snapshot.clone(), method.output, inner.options.json, layout, first, answer.messages);
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = headers::answer_headers(answer.headers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form));
    Ok(response)
}
