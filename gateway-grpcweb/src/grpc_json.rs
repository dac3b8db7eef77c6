//! The frames of gRPC and gRPC-Web with JSON in them (`application/grpc+json`,
//! `application/grpc-web+json`): written anew for the service, and its answers for the caller.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Frame;
use tonic::Code;

use crate::Body;
use crate::call::{self, Fault, Messages};
use crate::codec::plan::MessageId;
use crate::codec::{JsonOptions, Printer};
use crate::connect::{Codec, Frames, Reading, coding, envelope};
use crate::edge::decompress;
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;
use crate::snapshot::Snapshot;

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Serves one call whose messages are JSON.
pub(crate) async fn serve(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let (mut head, body) = request.into_parts();
    let method = snapshot.method_at(head.uri.path()).filter(|_| head.method == Method::POST);
    let method = method.ok_or_else(|| {
        ApiError::new(Code::Unimplemented, "there is no such method to post to").reason("NO_SUCH_PATH")
    })?;
    let options = &inner.options;
    let coding = match head.headers.remove(ENCODING) {
        None => None,
        Some(name) if name == "identity" => None,
        Some(name) => {
            let refuse = |error: ApiError| error.header(ACCEPT_ENCODING, decompress::TAKEN);
            Some(coding(name.as_bytes()).map_err(refuse)?)
        }
    };
    // What comes back is read here, so it may not be compressed.
    head.headers.remove(ACCEPT_ENCODING);
    let reading = Reading {
        snapshot: snapshot.clone(),
        input: method.input,
        codec: Codec::Json,
        coding,
        ignore_unknown: options.ignore_unknown_fields,
        limit: options.max_request,
    };
    let streams = method.client_streaming || method.server_streaming;
    let deadline = headers::deadline(&head.headers, options, streams);
    let metadata = headers::pass_through(&head.headers, deadline);
    let fault = Fault::default();
    let frames = Body::new(Frames::new(reading, body, fault.clone()));
    let sent = call::send(&inner.backend, &method.path, metadata, frames, fault, options.max_response);
    let answer = call::within(deadline, pin!(sent)).await?;
    let body = JsonFrames {
        snapshot: snapshot.clone(),
        output: method.output,
        options: options.json,
        messages: answer.messages,
        done: false,
    };
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc+json"));
    Ok(response)
}

/// The answer: a frame of JSON for every message, and the status in trailers.
struct JsonFrames {
    snapshot: Arc<Snapshot>,
    output: MessageId,
    options: JsonOptions,
    messages: Messages,
    done: bool,
}

impl JsonFrames {
    fn message(&self, message: &[u8]) -> Result<Vec<u8>, ApiError> {
        envelope(Vec::with_capacity(message.len() * 3 + call::FRAME_HEAD), 0, |out| {
            let mut printer = Printer::new(&self.snapshot.plans, self.options, out);
            printer.message(self.output, message).map_err(|error| ApiError::internal(&error))?;
            Ok(printer.out)
        })
    }

    fn end(&mut self, error: Option<ApiError>) -> HeaderMap {
        self.done = true;
        let mut trailers = self.messages.trailers();
        match error {
            Some(error) => trailers.extend(error.metadata()),
            None => drop(trailers.insert("grpc-status", HeaderValue::from_static("0"))),
        }
        trailers
    }
}

impl http_body::Body for JsonFrames {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let next = ready!(self.messages.poll_next(context));
        let printed = next.and_then(|message| message.map(|message| self.message(&message)).transpose());
        Poll::Ready(Some(Ok(match printed {
            Ok(Some(out)) => Frame::data(out.into()),
            Ok(None) => Frame::trailers(self.end(None)),
            Err(error) => Frame::trailers(self.end(Some(error))),
        })))
    }
}
