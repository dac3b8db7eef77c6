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
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;
use crate::snapshot::Snapshot;

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
    ApiError::cleanse(response.headers_mut());
    Ok(response.map(|body| Body::new(Cleansed(body))))
}

/// An answer whose trailers say nothing of a service's insides.
struct Cleansed(Body);

impl http_body::Body for Cleansed {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let mut frame = ready!(Pin::new(&mut self.0).poll_frame(context));
        if let Some(trailers) = frame.as_mut().and_then(|frame| frame.as_mut().ok()?.trailers_mut()) {
            ApiError::cleanse(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
