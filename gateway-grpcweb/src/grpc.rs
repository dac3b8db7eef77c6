//! gRPC: requests pass to their service and answers back, undecoded.

use http::header::TE;
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use tonic::Code;

use crate::Body;
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;

/// Sends a gRPC call on as it is, but for the headers of this connection.
pub(crate) async fn forward(inner: &Inner, request: Request<Body>) -> Result<Response<Body>, ApiError> {
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
    let snapshot = inner.snapshot();
    let streams = snapshot.index_of(&Method::POST, request.uri().path()).is_some_and(|index| {
        let method = &snapshot.methods()[index];
        method.client_streaming || method.server_streaming
    });
    let deadline = headers::deadline(&head.headers, &inner.options, streams);
    *request.headers_mut() = headers::pass_through(&head.headers, deadline);
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    let mut response = inner.backend.call(request).await?;
    *response.version_mut() = Version::default();
    Ok(response)
}
