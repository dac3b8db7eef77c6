//! A client's stream: messages out of a JSON array, lines or raw bytes, sent on as they come.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tonic::Code;

use super::elements::Elements;
use super::form::{JSON, JSONL, NDJSON};
use super::request::Content;
use super::{Call, request};
use crate::Body;
use crate::call::{self, FRAME_HEAD, Fault};
use crate::codec::plan::MessageId;
use crate::codec::{Encoder, FieldPath};
use crate::error::ApiError;
use crate::headers;
use crate::snapshot::{Body as Binding, Snapshot};

/// What a client may stream as JSON.
const TAKEN: &str = "application/json, application/x-ndjson, application/jsonl";

/// The body of the call to the service: a frame for every message. What is wrong with the client's
/// stream is left in `fault` and breaks the call off, so that its service sees no good end.
struct Upload {
    snapshot: Arc<Snapshot>,
    input: MessageId,
    binding: Binding,
    ignore_unknown: bool,
    source: Source,
    body: Body,
    /// The bytes of path and query, which go into the first message alone.
    bindings: Option<Vec<u8>>,
    index: usize,
    fault: Fault,
    done: bool,
}

enum Source {
    Json(Elements),
    /// Bytes for a `google.api.HttpBody`.
    Raw {
        path: FieldPath,
        content_type: Vec<u8>,
    },
}

/// Makes the body of a call whose client streams.
pub(super) fn body(
    call: &Call<'_>,
    head: &http::request::Parts,
    body: Body,
    fault: Fault,
) -> Result<Body, ApiError> {
    let bindings = request::encode(call, head.uri.query().unwrap_or_default(), Content::Nothing, None)?;
    let source = match &call.route.raw_in {
        Some(path) => {
            Source::Raw { path: path.clone(), content_type: super::raw::content_type(&head.headers) }
        }
        None => Source::Json(elements(&head.headers, call.inner.options.max_request)?),
    };
    Ok(Body::new(Upload {
        snapshot: call.snapshot.clone(),
        input: call.snapshot.method(call.route).input,
        binding: call.route.body.clone(),
        ignore_unknown: call.form.ignore_unknown,
        source,
        body,
        bindings: Some(bindings[FRAME_HEAD..].to_vec()),
        index: 0,
        fault,
        done: false,
    }))
}

fn elements(head: &HeaderMap, limit: usize) -> Result<Elements, ApiError> {
    let Some((media, utf8)) = headers::media_type(head) else { return Ok(Elements::of_array(limit)) };
    match media.as_str() {
        JSON if utf8 => Ok(Elements::of_array(limit)),
        NDJSON | JSONL if utf8 => Ok(Elements::of_lines(limit)),
        _ => Err(ApiError::unsupported_media_type(TAKEN)),
    }
}

impl Upload {
    /// The frames of all messages that are whole; `ended` when no more bytes come.
    fn frames(&mut self, data: &[u8], ended: bool) -> Result<Vec<u8>, ApiError> {
        let mut out = Vec::new();
        if let Source::Raw { .. } = self.source {
            // Path, query and content type arrive even if no byte does.
            if !data.is_empty() || ended && self.index == 0 {
                self.raw(data, &mut out)?;
            }
            return Ok(out);
        }
        loop {
            let Source::Json(elements) = &mut self.source else { return Ok(out) };
            let mut element = elements.next()?;
            if element.is_none() && ended {
                element = elements.finish()?;
            }
            let Some(element) = element else { return Ok(out) };
            self.json(&element, &mut out)?;
        }
    }

    fn json(&mut self, element: &[u8], out: &mut Vec<u8>) -> Result<(), ApiError> {
        let start = out.len();
        out.resize(start + FRAME_HEAD, 0);
        let mut encoder = Encoder::new(&self.snapshot.plans, std::mem::take(out));
        encoder.ignore_unknown = self.ignore_unknown;
        let written = match &self.binding {
            Binding::Message => encoder.message(self.input, element),
            Binding::Field(path) => encoder.field(path, element),
            Binding::None => {
                Err(crate::JsonError { field: String::new(), message: "the method takes no body".to_owned() })
            }
        };
        written.map_err(|mut error| {
            let dot = if error.field.is_empty() || error.field.starts_with('[') { "" } else { "." };
            error.field = format!("[{}]{dot}{}", self.index, error.field);
            ApiError::bad_request(&error)
        })?;
        *out = encoder.out;
        self.close(out, start)
    }

    fn raw(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Source::Raw { path, content_type } = &mut self.source else { return Ok(()) };
        out.resize(FRAME_HEAD, 0);
        let mut encoder = Encoder::new(&self.snapshot.plans, std::mem::take(out));
        encoder.raw(path, &std::mem::take(content_type), data);
        *out = encoder.out;
        self.close(out, 0)
    }

    fn close(&mut self, out: &mut Vec<u8>, start: usize) -> Result<(), ApiError> {
        self.index += 1;
        if let Some(bindings) = self.bindings.take() {
            out.extend_from_slice(&bindings);
        }
        call::close_frame(&mut out[start..])
    }

    fn fail(&mut self, error: ApiError) -> tonic::Status {
        self.done = true;
        let status = tonic::Status::new(error.code, "the client's stream is broken");
        self.fault.set(error);
        status
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        while !self.done {
            let (data, ended) = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => (frame.into_data().unwrap_or_default(), false),
                None => (Bytes::new(), true),
                Some(Err(_)) => {
                    let error = ApiError::new(Code::Cancelled, "the body could not be read to its end");
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
            };
            if let Source::Json(elements) = &mut self.source {
                elements.push(&data);
            }
            match self.frames(&data, ended) {
                Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
                Ok(frames) => {
                    self.done = ended;
                    if !frames.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(frames.into()))));
                    }
                }
            }
        }
        Poll::Ready(None)
    }
}
