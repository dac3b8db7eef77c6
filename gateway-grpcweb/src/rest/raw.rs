//! Bodies that are no JSON: `google.api.HttpBody`, alone or as the body's field.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;

use crate::Body;
use crate::call::{Answer, Messages};
use crate::codec::wire::find_bytes;
use crate::error::ApiError;
use crate::headers;

/// Numbers in `google.api.HttpBody`.
const TYPE: u32 = 1;
const DATA: u32 = 2;

/// The content type of a request as it stands.
pub(super) fn content_type(head: &HeaderMap) -> Vec<u8> {
    head.get(CONTENT_TYPE).map(|value| value.as_bytes().to_vec()).unwrap_or_default()
}

/// The bytes of one message as the answer.
pub(super) fn unary(path: &[u32], metadata: HeaderMap, message: &Bytes) -> Response<Body> {
    let mut response = Response::new(crate::body(part(message, path, DATA)));
    *response.headers_mut() = answer_headers(metadata, &part(message, path, TYPE));
    response
}

/// The bytes of a stream's messages behind each other; the first one tells the type.
pub(super) async fn stream(path: &[u32], mut answer: Answer) -> Result<Response<Body>, ApiError> {
    let first = answer.messages.next().await?.unwrap_or_default();
    let headers = answer_headers(answer.headers, &part(&first, path, TYPE));
    let first = Some(part(&first, path, DATA));
    let body = RawStream { first, messages: answer.messages, path: path.into(), done: false };
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = headers;
    Ok(response)
}

fn answer_headers(metadata: HeaderMap, content_type: &[u8]) -> HeaderMap {
    let mut headers = headers::answer_headers(metadata);
    let content_type = HeaderValue::from_bytes(content_type).ok().filter(|one| !one.is_empty());
    let unknown = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, content_type.unwrap_or(unknown));
    // What people upload must not be taken for a page or a script.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
}

fn part(message: &Bytes, path: &[u32], number: u32) -> Bytes {
    let found = find_bytes(message, path).and_then(|body| find_bytes(body, &[number]));
    found.map_or_else(Bytes::new, |found| message.slice_ref(found))
}

/// A call that fails under way breaks the answer off, for bytes have no place for an error.
struct RawStream {
    first: Option<Bytes>,
    messages: Messages,
    path: Box<[u32]>,
    done: bool,
}

impl http_body::Body for RawStream {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        while !self.done {
            let data = match self.first.take() {
                Some(first) => first,
                None => match ready!(self.messages.poll_next(context)) {
                    Ok(Some(message)) => part(&message, &self.path, DATA),
                    Ok(None) => {
                        self.done = true;
                        Bytes::new()
                    }
                    Err(error) => {
                        self.done = true;
                        return Poll::Ready(Some(Err(tonic::Status::new(error.code, error.message))));
                    }
                },
            };
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
        Poll::Ready(None)
    }
}
