//! A REST call: path, query and JSON body in; JSON out.

mod answer;
mod etag;
mod form;
mod request;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::header::VARY;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tonic::Code;

use crate::Body;
use crate::call;
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;
use crate::routing::Found;
use crate::snapshot::{MethodPlan, Route, Snapshot};
use etag::Conditions;
use form::{Form, JSON, JSONL, NDJSON};

/// A path's variables, decoded.
type Variables<'a> = Vec<Cow<'a, str>>;

/// One REST call, as far as it is known before its body is read.
struct Call<'a> {
    inner: &'a Inner,
    snapshot: &'a Arc<Snapshot>,
    route: &'a Route,
    form: Form,
    conditions: Conditions,
    deadline: Option<Duration>,
}

/// Serves one REST request.
pub(crate) async fn serve(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    let (route, variables) = route(snapshot, &head.method, head.uri.path())?;
    let method = snapshot.method(route);
    if method.client_streaming {
        let message = "a client's stream is only taken over gRPC";
        return Err(ApiError::new(Code::Unimplemented, message));
    }
    let call = Call {
        inner,
        snapshot,
        route,
        form: Form::choose(&head.headers, &inner.options, offers(method))?,
        conditions: Conditions::of(&head.method, &head.headers, route.etag_in.is_some())?,
        deadline: headers::deadline(&head.headers, &inner.options, method.server_streaming),
    };
    let mut response = within(call.deadline, call.run(&head, &variables, body)).await?;
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

impl Call<'_> {
    async fn run(
        &self,
        head: &Parts,
        variables: &Variables<'_>,
        body: Body,
    ) -> Result<Response<Body>, ApiError> {
        let body = request::read_body(&head.headers, body, self.inner.options.max_request).await?;
        let query = head.uri.query().unwrap_or_default();
        let metadata = headers::metadata(&head.headers, self.deadline);
        let etags = self.conditions.expected()?;
        if etags.is_empty() {
            return self.send(metadata, request::encode(self, variables, query, &body, None)?).await;
        }
        let mut stale = None;
        for etag in &etags {
            let frame = request::encode(self, variables, query, &body, Some(etag))?;
            match self.send(metadata.clone(), frame).await {
                Err(error) if etag::stale(&error) => stale = Some(error),
                answer => return answer,
            }
        }
        let error = stale.unwrap_or_else(|| ApiError::internal(&"no etag was tried"));
        Err(error.status(StatusCode::PRECONDITION_FAILED))
    }

    async fn send(&self, metadata: http::HeaderMap, frame: Vec<u8>) -> Result<Response<Body>, ApiError> {
        let method = self.snapshot.method(self.route);
        let limit = self.inner.options.max_response;
        let mut answer = call::send(&self.inner.backend, &method.path, metadata, frame, limit).await?;
        if method.server_streaming {
            return answer::stream(self, answer).await;
        }
        let message = answer::one(&mut answer.messages).await?;
        answer::unary(self, answer.headers, &message)
    }
}

/// The media types that a method can answer with, the default first.
fn offers(method: &MethodPlan) -> &'static [&'static str] {
    if method.server_streaming { &[JSON, NDJSON, JSONL] } else { &[JSON] }
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
