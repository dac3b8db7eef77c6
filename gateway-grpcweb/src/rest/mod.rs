//! A REST call: path, query and body in; JSON, a stream of it, or bytes out.

mod answer;
mod elements;
mod etag;
mod form;
mod raw;
mod request;
mod upload;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::VARY;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use crate::Body;
use crate::call::{self, Fault};
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;
use crate::heavy;
use crate::routing::Found;
use crate::snapshot::{Matched, Route, Snapshot};
#[cfg(test)]
pub(crate) use elements::Elements;
pub(crate) use etag::Conditions;
use form::{EVENTS, Form, JSON, JSONL, NDJSON};
use request::Content;

/// One REST call, as far as it is known before its body is read.
struct Call<'a> {
    inner: &'a Inner,
    snapshot: &'a Arc<Snapshot>,
    route: &'a Route,
    /// The text of the path's variables.
    variables: &'a [String],
    form: Form,
    conditions: Conditions,
    /// The id of the last event that a caller saw of the stream that it asks for again.
    last_event: Option<String>,
    deadline: Option<Duration>,
}

/// Serves one REST request, which fits a rule or none.
pub(crate) async fn serve(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    matched: Option<&Matched>,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    let Some(matched) = matched else { return Err(no_route(snapshot, &head)) };
    let route = snapshot.route(matched);
    let method = snapshot.method(route);
    let form = match (&route.raw_out, method.server_streaming) {
        (Some(_), _) => Form::of(&inner.options),
        (None, true) => Form::choose(&head.headers, &inner.options, &[JSON, NDJSON, JSONL, EVENTS])?,
        (None, false) => Form::choose(&head.headers, &inner.options, &[JSON])?,
    };
    let streams = method.server_streaming || method.client_streaming;
    let rest = Call {
        inner,
        snapshot,
        route,
        variables: &matched.variables,
        form,
        conditions: Conditions::of(&head.method, &head.headers, route.etag_in.is_some())?,
        last_event: last_event(&head.headers).filter(|_| form.media == EVENTS),
        deadline: headers::deadline(&head.headers, &inner.options, streams),
    };
    let mut response = call::within(rest.deadline, pin!(rest.run(&head, body))).await?;
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

impl Call<'_> {
    async fn run(&self, head: &Parts, body: Body) -> Result<Response<Body>, ApiError> {
        let metadata = headers::metadata(&head.headers, self.deadline);
        let etags = self.conditions.expected()?;
        if self.snapshot.method(self.route).client_streaming {
            let fault = Fault::default();
            let frames = upload::body(self, head, body, fault.clone())?;
            return self.send(metadata, frames, fault).await;
        }
        let raw = self.route.raw_in.is_some();
        let body = request::read_body(&head.headers, body, raw, self.inner.options.max_request).await?;
        let content_type = if raw { raw::content_type(&head.headers) } else { Vec::new() };
        let content = if raw { Content::Raw(&content_type, &body) } else { Content::Json(&body) };
        let (length, query) = (body.len(), head.uri.query().unwrap_or_default());
        let ask = |metadata, etag| async move {
            let work = || request::encode(self, query, content, etag);
            let frame = heavy::in_turn(length, work).await?;
            self.send(metadata, crate::body(frame), Fault::default()).await
        };
        if etags.is_empty() {
            return ask(metadata, None).await;
        }
        let mut stale = None;
        for etag in &etags {
            match ask(metadata.clone(), Some(etag.as_str())).await {
                Err(error) if etag::stale(&error) => stale = Some(error),
                answer => return answer,
            }
        }
        let error = stale.unwrap_or_else(|| ApiError::internal(&"no etag was tried"));
        Err(error.status(StatusCode::PRECONDITION_FAILED))
    }

    async fn send(
        &self,
        metadata: HeaderMap,
        frames: Body,
        fault: Fault,
    ) -> Result<Response<Body>, ApiError> {
        let method = self.snapshot.method(self.route);
        let limit = self.inner.options.max_response;
        let mut answer =
            call::send(&self.inner.backend, &method.path, metadata, frames, fault, limit).await?;
        match (&self.route.raw_out, method.server_streaming) {
            (Some(path), true) => Box::pin(raw::stream(path, answer)).await,
            (None, true) => Box::pin(answer::stream(self, answer)).await,
            (raw, false) => {
                let message = answer.messages.only().await?;
                match raw {
                    Some(path) => Ok(raw::unary(path, answer.headers, &message)),
                    None => answer::unary(self, answer.headers, &message).await,
                }
            }
        }
    }
}

fn last_event(headers: &HeaderMap) -> Option<String> {
    let id = std::str::from_utf8(headers.get("last-event-id")?.as_bytes()).ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// Why a request that fits no rule is refused.
fn no_route(snapshot: &Snapshot, head: &Parts) -> ApiError {
    match snapshot.find(head.method.as_str(), head.uri.path()) {
        Found::OtherMethods(methods) => ApiError::method_not_allowed(&methods),
        Found::Malformed => ApiError::malformed("the path has a broken percent escape"),
        Found::Nothing | Found::Route(..) => ApiError::not_found(),
    }
}
