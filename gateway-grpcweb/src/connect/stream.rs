//! Streams: messages in envelopes, and an end that tells status and trailers.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Request, Response};
use http_body::Frame;

use super::frames::{Frames, Reading, envelope};
use super::{Call, Codec, Kind, unary};
use crate::Body;
use crate::call::{self, Fault, Messages};
use crate::codec::JsonOptions;
use crate::codec::plan::MessageId;
use crate::edge::decompress;
use crate::edge::record::Outcome;
use crate::error::ApiError;
use crate::headers;
use crate::snapshot::Snapshot;

const CONTENT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");

/// Serves a call with streams.
pub(super) async fn serve(
    call: &Call<'_>,
    codec: Codec,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let Call { inner, snapshot, method } = *call;
    let options = &inner.options;
    let (head, body) = request.into_parts();
    let coding = match head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => None,
        Some(name) => {
            let refuse = |error: ApiError| error.header(ACCEPT_ENCODING, decompress::TAKEN);
            Some(unary::coding(name).map_err(refuse)?)
        }
    };
    let reading = Reading {
        snapshot: snapshot.clone(),
        input: method.input,
        codec,
        coding,
        ignore_unknown: options.ignore_unknown_fields,
        limit: options.max_request,
    };
    let deadline = headers::deadline(&head.headers, options, true);
    let metadata = headers::metadata(&head.headers, deadline);
    let fault = Fault::default();
    let frames = Body::new(Frames::new(reading, body, fault.clone()));
    let sent = call::send(&inner.backend, &method.path, metadata, frames, fault, options.max_response);
    let answer = call::within(deadline, pin!(sent)).await?;
    let outcome = Outcome::new();
    let body = Envelopes {
        snapshot: snapshot.clone(),
        output: method.output,
        codec,
        options: options.json,
        messages: answer.messages,
        outcome: outcome.clone(),
        done: false,
    };
    let mut response = Response::new(Body::new(body));
    response.extensions_mut().insert(outcome);
    *response.headers_mut() = headers::answer_headers(answer.headers);
    let content_type = HeaderValue::from_static(Kind::Stream(codec).content_type());
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// The answer: an envelope for every message, and one for the end.
struct Envelopes {
    snapshot: Arc<Snapshot>,
    output: MessageId,
    codec: Codec,
    options: JsonOptions,
    messages: Messages,
    outcome: Outcome,
    done: bool,
}

impl Envelopes {
    fn message(&self, message: &[u8]) -> Result<Vec<u8>, ApiError> {
        envelope(Vec::with_capacity(message.len() + call::FRAME_HEAD), 0, |out| {
            self.codec.write(&self.snapshot, self.output, self.options, message, out)
        })
    }

    fn end(&mut self, error: Option<ApiError>) -> Vec<u8> {
        self.done = true;
        let trailers = self.messages.trailers();
        self.outcome.note_code(error.as_ref().map_or(tonic::Code::Ok, |error| error.code));
        ApiError::connect_end(error.as_ref(), &trailers, &self.snapshot)
    }
}

impl http_body::Body for Envelopes {
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
        let out = match printed {
            Ok(Some(out)) => out,
            Ok(None) => self.end(None),
            Err(error) => self.end(Some(error)),
        };
        Poll::Ready(Some(Ok(Frame::data(out.into()))))
    }
}
