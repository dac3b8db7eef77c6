//! gRPC-Web: the frames of gRPC with the trailers in a frame of their own, binary or in base64.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;

use crate::Body;
use crate::call::Fault;
use crate::edge::record::Outcome;
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::snapshot::Snapshot;

/// The flag of the frame that holds the trailers.
const TRAILERS: u8 = 0x80;

/// A form on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// In base64.
    text: bool,
    /// Messages are JSON instead of protobuf.
    json: bool,
}

impl Form {
    /// Reads a media type such as `application/grpc-web+proto`.
    pub(crate) fn of(media: &str) -> Option<Self> {
        let rest = media.strip_prefix("application/grpc-web")?;
        let (text, codec) = rest.strip_prefix("-text").map_or((false, rest), |rest| (true, rest));
        match codec {
            "" | "+proto" => Some(Self { text, json: false }),
            "+json" => Some(Self { text, json: true }),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match (self.text, self.json) {
            (false, false) => "application/grpc-web+proto",
            (false, true) => "application/grpc-web+json",
            (true, false) => "application/grpc-web-text+proto",
            (true, true) => "application/grpc-web-text+json",
        })
    }
}

/// Serves one gRPC-Web call by passing its frames on.
pub(crate) async fn serve(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    mut request: Request<Body>,
    form: Option<Form>,
) -> Result<Response<Body>, ApiError> {
    let form = form.ok_or_else(|| {
        ApiError::new(tonic::Code::Unimplemented, "only protobuf and JSON are spoken over gRPC-Web")
            .reason("UNSUPPORTED_MEDIA_TYPE")
    })?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    // The length is that of another encoding, and gRPC does not need it.
    request.headers_mut().remove(CONTENT_LENGTH);
    request.headers_mut().remove("x-grpc-web");
    let fault = Fault::default();
    if form.text {
        let fault = fault.clone();
        request = request.map(|body| Body::new(FromText { body, rest: Vec::new(), fault }));
    }
    let answer = if form.json {
        Box::pin(crate::grpc_json::serve(inner, snapshot, request)).await
    } else {
        crate::grpc::forward(inner, snapshot, request).await
    };
    // A body that broke off looks to the service, and so to its channel, like a caller who left.
    let (mut head, body) = answer.map_err(|error| fault.or(error))?.into_parts();
    head.headers.insert(CONTENT_TYPE, form.content_type());
    head.headers.remove(CONTENT_LENGTH);
    let outcome = Outcome::new();
    head.extensions.insert(outcome.clone());
    Ok(Response::from_parts(head, Body::new(ToWeb { body, form, outcome, done: false })))
}

/// Turns trailers into a last frame.
struct ToWeb {
    body: Body,
    form: Form,
    outcome: Outcome,
    done: bool,
}

impl ToWeb {
    fn shown(&self, bytes: Bytes) -> Bytes {
        // Each piece is padded on its own, which the protocol allows.
        if self.form.text { STANDARD.encode(&bytes).into() } else { bytes }
    }
}

impl http_body::Body for ToWeb {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            self.done = true;
            return Poll::Ready(None);
        };
        let bytes = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(frame)) => {
                self.done = true;
                let trailers = frame.into_trailers().unwrap_or_default();
                self.outcome.note(&trailers);
                trailers_frame(&trailers)
            }
            Err(error) => {
                // A browser told by trailers knows more than one whose connection broke.
                self.done = true;
                let trailers = ApiError::unavailable(&error).metadata();
                self.outcome.note(&trailers);
                trailers_frame(&trailers)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(self.shown(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.body.is_end_stream()
    }
}

fn trailers_frame(trailers: &HeaderMap) -> Bytes {
    let mut frame = vec![TRAILERS, 0, 0, 0, 0];
    for (name, value) in trailers {
        frame.extend_from_slice(name.as_str().as_bytes());
        frame.extend_from_slice(b": ");
        frame.extend_from_slice(value.as_bytes());
        frame.extend_from_slice(b"\r\n");
    }
    // Trailers are bounded by the header limits of HTTP, far below 4 GiB.
    let len = (frame.len() - crate::call::FRAME_HEAD) as u32;
    frame[1..crate::call::FRAME_HEAD].copy_from_slice(&len.to_be_bytes());
    frame.into()
}

/// Decodes base64 that comes in pieces, each of which may be padded.
struct FromText {
    body: Body,
    /// Up to three characters that wait for the rest of their group of four.
    rest: Vec<u8>,
    /// What is wrong with the text.
    fault: Fault,
}

impl FromText {
    fn refuse(&self, why: &str) -> tonic::Status {
        self.fault.set(ApiError::malformed(why));
        tonic::Status::invalid_argument(why)
    }

    fn decode(&mut self, data: &[u8]) -> Result<Bytes, tonic::Status> {
        self.rest.extend_from_slice(data);
        let whole = self.rest.len() / 4 * 4;
        let mut out = Vec::with_capacity(whole / 4 * 3);
        let mut from = 0;
        while from < whole {
            // A padded group ends a piece of base64; the next one begins behind it.
            let padded = self.rest[from..whole].iter().position(|one| *one == b'=');
            let to = padded.map_or(whole, |at| from + at / 4 * 4 + 4);
            STANDARD
                .decode_vec(&self.rest[from..to], &mut out)
                .map_err(|_| self.refuse("the body is no base64"))?;
            from = to;
        }
        self.rest.drain(..whole);
        Ok(out.into())
    }
}

impl http_body::Body for FromText {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
                let cut = !std::mem::take(&mut self.rest).is_empty();
                return Poll::Ready(cut.then(|| Err(self.refuse("the body is cut off within its base64"))));
            };
            // Trailers mean nothing in a request of HTTP/1.1.
            let Ok(data) = frame?.into_data() else { continue };
            let decoded = self.decode(&data)?;
            if !decoded.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(decoded))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_in_pieces() {
        let mut source = FromText { body: Body::empty(), rest: Vec::new(), fault: Fault::default() };
        let text = format!("{}{}", STANDARD.encode(b"abcd"), STANDARD.encode(b"efghij"));
        let mut out = Vec::new();
        for byte in text.as_bytes() {
            out.extend_from_slice(&source.decode(&[*byte]).unwrap());
        }
        assert_eq!(out, b"abcdefghij");
        assert_eq!(source.decode(text.as_bytes()).unwrap(), &b"abcdefghij"[..]);
        assert!(source.decode(b"?###").is_err());
    }
}
