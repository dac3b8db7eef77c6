//! gRPC: requests pass to their service and answers back, undecoded but for what errors say of a
//! service's insides.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use http::header::TE;
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use http_body::{Frame, SizeHint};
use tonic::Code;

use crate::Body;
use crate::call::GRPC_STATUS;
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;
use crate::snapshot::Snapshot;

/// What every server has beside its methods, and what tools ask for first.
const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: [&str; 2] =
    ["/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/// Lets in a call of what the descriptor set does not know: nothing declares who may call it, so it
/// would pass without a token and without a limit. Reflection tells what `/openapi.json` tells.
///
/// # Errors
/// UNIMPLEMENTED for everything but health, and reflection where the contracts are told.
pub(crate) fn admit_stranger(path: &str, docs: bool) -> Result<(), ApiError> {
    if path.starts_with(HEALTH) || docs && REFLECTION.iter().any(|service| path.starts_with(service)) {
        return Ok(());
    }
    Err(ApiError::new(Code::Unimplemented, "no such method").reason("NO_SUCH_PATH"))
}

/// Sends a gRPC call on as it is, but for the headers of this connection.
pub(crate) async fn forward(
    inner: &Inner,
    snapshot: &Snapshot,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    if request.method() != Method::POST {
        return Err(ApiError::new(Code::Unimplemented, "gRPC calls are POST requests"));
    }
    let (head, body) = request.into_parts();
    let path = head.uri.into_parts().path_and_query;
    let path = path.ok_or_else(|| ApiError::new(Code::Unimplemented, "the request has no path"))?;
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_2;
    let method = snapshot.method_at(request.uri().path());
    let streams = method.is_some_and(|method| method.client_streaming || method.server_streaming);
    let deadline = headers::deadline(&head.headers, &inner.options, streams);
    *request.headers_mut() = headers::pass_through(&head.headers, deadline);
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    let mut response = inner.backend.call(request).await?;
    *response.version_mut() = Version::default();
    let told = response.headers().contains_key(GRPC_STATUS);
    if !told && !response.status().is_success() {
        return Err(ApiError::from_http(response.status()));
    }
    ApiError::cleanse(response.headers_mut());
    Ok(response.map(|body| Body::new(Cleansed { body, told })))
}

/// An answer whose trailers say nothing of a service's insides, and that does not end without a
/// status.
struct Cleansed {
    body: Body,
    /// The status was told.
    told: bool,
}

impl http_body::Body for Cleansed {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let mut frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(trailers) = frame.as_mut().and_then(|frame| frame.as_mut().ok()?.trailers_mut()) {
            if !std::mem::replace(&mut self.told, true) && !trailers.contains_key(GRPC_STATUS) {
                trailers.extend(ApiError::cut_off().metadata());
            }
            ApiError::cleanse(trailers);
        }
        // A caller could take what has come for all that there is.
        if frame.is_none() && !std::mem::replace(&mut self.told, true) {
            frame = Some(Ok(Frame::trailers(ApiError::cut_off().metadata())));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.told && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // An answer whose length is known is not asked for its end.
        if self.told { self.body.size_hint() } else { SizeHint::default() }
    }
}
