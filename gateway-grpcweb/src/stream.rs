//! A server's stream of messages as a stream of JSON.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;

use crate::call::Messages;
use crate::codec::plan::MessageId;
use crate::codec::{JsonOptions, Printer};
use crate::error::ApiError;
use crate::snapshot::Snapshot;

/// How the messages are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `[{...},{...}]`
    Array,
    /// One message a line.
    Lines,
}

/// The body of the answer. A call that fails under way ends it with an `{"error": ...}` in the
/// place of the next message, as the HTTP status has long been sent.
pub(crate) struct JsonStream {
    snapshot: Arc<Snapshot>,
    output: MessageId,
    options: JsonOptions,
    layout: Layout,
    first: Option<Bytes>,
    messages: Messages,
    begun: bool,
    done: bool,
}

impl JsonStream {
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        output: MessageId,
        options: JsonOptions,
        layout: Layout,
        first: Option<Bytes>,
        messages: Messages,
    ) -> Self {
        // Without a first message the call has ended, and only the frame of the array is left.
        Self { snapshot, output, options, layout, first, messages, begun: false, done: false }
    }

    pub(crate) fn print(&mut self, next: Result<Option<Bytes>, ApiError>) -> Vec<u8> {
        let mut out = Vec::new();
        let array = self.layout == Layout::Array;
        let separator: &[u8] = match (array, self.begun) {
            (true, false) => b"[",
            (true, true) if !matches!(next, Ok(None)) => b",",
            _ => b"",
        };
        out.extend_from_slice(separator);
        self.begun = true;
        let start = out.len();
        let failed = match next {
            Ok(Some(message)) => {
                let mut printer = Printer::new(&self.snapshot.plans, self.options, std::mem::take(&mut out));
                let printed = printer.message(self.output, &message);
                out = printer.out;
                printed.err().map(|error| ApiError::internal(&error))
            }
            Ok(None) => {
                self.done = true;
                None
            }
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            out.truncate(start);
            error.write_json(&mut out, &self.snapshot);
            self.done = true;
        }
        if !array && out.len() > start {
            out.push(b'\n');
        }
        if array && self.done {
            out.push(b']');
        }
        out
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
                Some(first) => Ok(Some(first)),
                None => ready!(self.messages.poll_next(context)),
            };
            let out = self.print(next);
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
        }
        Poll::Ready(None)
    }
}
