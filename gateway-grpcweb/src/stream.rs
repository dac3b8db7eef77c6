//! A server's stream of messages as a stream of JSON.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep};

use crate::call::Messages;
use crate::codec::plan::MessageId;
use crate::codec::wire::find_bytes;
use crate::codec::{JsonOptions, Printer};
use crate::edge::record::Outcome;
use crate::error::ApiError;
use crate::snapshot::Snapshot;

/// How the messages are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `[{...},{...}]`
    Array,
    /// One message a line.
    Lines,
    /// Server-Sent Events; the number of the field whose text is the event's id.
    Events { id: Option<u32> },
}

/// What a stream looks like.
pub(crate) struct Shown {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) output: MessageId,
    pub(crate) options: JsonOptions,
    pub(crate) layout: Layout,
}

/// The body of the answer. A call that fails under way ends it with an `{"error": ...}` in the
/// place of the next message, as the HTTP status has long been sent. Events end with one of type
/// `error` or `end`, for a browser takes a mere end for a broken connection and asks again.
pub(crate) struct JsonStream {
    shown: Shown,
    first: Option<Bytes>,
    messages: Messages,
    outcome: Outcome,
    alive: Option<KeepAlive>,
    begun: bool,
    done: bool,
}

/// A comment is sent when nothing else was for a while, so that nobody on the way hangs up.
struct KeepAlive {
    every: Duration,
    alarm: Pin<Box<Sleep>>,
}

impl JsonStream {
    /// `first` is a message that has come already.
    pub(crate) fn new(shown: Shown, first: Option<Bytes>, messages: Messages) -> Self {
        Self { shown, first, messages, outcome: Outcome::new(), alive: None, begun: false, done: false }
    }

    /// Sends a comment after every such pause; only events have comments.
    pub(crate) fn keep_alive(mut self, every: Duration) -> Self {
        if let Layout::Events { .. } = self.shown.layout {
            self.alive = Some(KeepAlive { every, alarm: Box::pin(tokio::time::sleep(every)) });
        }
        self
    }

    /// Where the end of the call is noted.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }

    pub(crate) fn print(&mut self, next: Result<Option<Bytes>, ApiError>) -> Vec<u8> {
        let mut out = Vec::new();
        let begun = std::mem::replace(&mut self.begun, true);
        let result = match next {
            Ok(Some(message)) => self.message(&mut out, &message, begun),
            Ok(None) => {
                self.done = true;
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            self.done = true;
            out.clear();
            self.error(&mut out, error, begun);
        }
        if self.done {
            self.end(&mut out, begun, result);
        }
        out
    }

    fn message(&self, out: &mut Vec<u8>, message: &[u8], begun: bool) -> Result<(), ApiError> {
        match self.shown.layout {
            Layout::Array => out.push(if begun { b',' } else { b'[' }),
            Layout::Lines => {}
            Layout::Events { id } => {
                if let Some(id) = id.and_then(|id| find_bytes(message, &[id])).filter(|id| is_event_id(id)) {
                    out.extend_from_slice(b"id: ");
                    out.extend_from_slice(id);
                    out.push(b'\n');
                }
                out.extend_from_slice(b"data: ");
            }
        }
        let plans = &self.shown.snapshot.plans;
        let mut printer = Printer::new(plans, self.shown.options, std::mem::take(out));
        let printed = printer.message(self.shown.output, message);
        *out = printer.out;
        printed.map_err(|error| ApiError::internal(&error))?;
        self.close(out);
        Ok(())
    }

    fn error(&self, out: &mut Vec<u8>, error: &ApiError, begun: bool) {
        match self.shown.layout {
            Layout::Array => out.push(if begun { b',' } else { b'[' }),
            Layout::Lines => {}
            Layout::Events { .. } => out.extend_from_slice(b"event: error\ndata: "),
        }
        error.write_json(out, &self.shown.snapshot);
        self.close(out);
    }

    fn end(&self, out: &mut Vec<u8>, begun: bool, result: Result<(), ApiError>) {
        match (self.shown.layout, &result) {
            (Layout::Array, Ok(())) if !begun => out.extend_from_slice(b"[]"),
            (Layout::Array, _) => out.push(b']'),
            (Layout::Events { .. }, Ok(())) => out.extend_from_slice(b"event: end\ndata: {}\n\n"),
            _ => {}
        }
        self.outcome.note_code(result.map_or_else(|error| error.code, |()| tonic::Code::Ok));
    }

    fn close(&self, out: &mut Vec<u8>) {
        match self.shown.layout {
            Layout::Array => {}
            Layout::Lines => out.push(b'\n'),
            Layout::Events { .. } => out.extend_from_slice(b"\n\n"),
        }
    }
}

/// An id of an event is a line of text.
fn is_event_id(id: &[u8]) -> bool {
    !id.is_empty()
        && std::str::from_utf8(id).is_ok()
        && !id.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r'))
}

impl KeepAlive {
    fn rest(&mut self) {
        let next = Instant::now() + self.every;
        self.alarm.as_mut().reset(next);
    }
}

impl http_body::Body for JsonStream {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        while !self.done {
            let next = match self.first.take() {
                Some(first) => Poll::Ready(Ok(Some(first))),
                None => self.messages.poll_next(context),
            };
            let Poll::Ready(next) = next else {
                let Some(alive) = &mut self.alive else { return Poll::Pending };
                if alive.alarm.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                alive.rest();
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b": keep-alive\n\n")))));
            };
            let out = self.print(next);
            if let Some(alive) = &mut self.alive {
                alive.rest();
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
        }
        Poll::Ready(None)
    }
}
