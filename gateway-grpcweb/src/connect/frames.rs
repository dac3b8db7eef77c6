//! Messages of a client in envelopes, written anew as the frames of gRPC.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Frame;
use tonic::Code;

use super::Codec;
use crate::Body;
use crate::call::{self, FRAME_HEAD, Fault};
use crate::codec::plan::MessageId;
use crate::edge::compress::Coding;
use crate::edge::decompress;
use crate::error::ApiError;
use crate::snapshot::Snapshot;

/// The flag of a compressed message.
const PACKED: u8 = 1;

/// How a client's messages are to be read.
pub(crate) struct Reading {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) input: MessageId,
    pub(crate) codec: Codec,
    /// How messages come whose flag says that they are compressed.
    pub(crate) coding: Option<Coding>,
    pub(crate) ignore_unknown: bool,
    /// The longest message, before and behind its unpacking.
    pub(crate) limit: usize,
}

/// The body of the call to the service. What is wrong with the client's stream is left in `fault`,
/// and breaks the call off.
pub(crate) struct Frames {
    reading: Reading,
    body: Body,
    partial: BytesMut,
    fault: Fault,
    done: bool,
}

/// Puts an envelope around what `write` appends.
pub(crate) fn envelope(
    out: Vec<u8>,
    flags: u8,
    write: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, ApiError>,
) -> Result<Vec<u8>, ApiError> {
    let start = out.len();
    let mut out = out;
    out.resize(start + FRAME_HEAD, 0);
    let mut out = write(out)?;
    call::close_frame(&mut out[start..])?;
    out[start] = flags;
    Ok(out)
}

impl Frames {
    pub(crate) fn new(reading: Reading, body: Body, fault: Fault) -> Self {
        Self { reading, body, partial: BytesMut::new(), fault, done: false }
    }

    /// The frames of all messages that are whole.
    fn take(&mut self) -> Result<Vec<u8>, ApiError> {
        let mut out = Vec::new();
        while let Some(head) = self.partial.first_chunk::<FRAME_HEAD>() {
            let [flags, length @ ..] = *head;
            let len = u32::from_be_bytes(length) as usize;
            if len > self.reading.limit {
                return Err(ApiError::too_large(self.reading.limit));
            }
            if self.partial.len() < FRAME_HEAD + len {
                break;
            }
            self.partial.advance(FRAME_HEAD);
            let message = self.partial.split_to(len).freeze();
            out = self.reading.frame(flags, &message, out)?;
        }
        Ok(out)
    }

    fn fail(&mut self, error: ApiError) -> tonic::Status {
        self.done = true;
        let status = tonic::Status::new(error.code, "the client's stream is broken");
        self.fault.set(error);
        status
    }
}

impl Reading {
    fn frame(&self, flags: u8, message: &[u8], out: Vec<u8>) -> Result<Vec<u8>, ApiError> {
        let plain = match (flags, self.coding) {
            (0, _) => None,
            (PACKED, Some(coding)) => Some(decompress::plain(coding, message, self.limit)?),
            (PACKED, None) => {
                return Err(ApiError::malformed("a message is compressed, but no header says how"));
            }
            _ => return Err(ApiError::malformed(format!("an envelope has the unknown flags {flags}"))),
        };
        let message = plain.as_deref().unwrap_or(message);
        envelope(out, 0, |out| self.codec.read(&self.snapshot, self.input, self.ignore_unknown, message, out))
    }
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        while !self.done {
            let data = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(_)) => {
                    let error = ApiError::new(Code::Cancelled, "the body could not be read to its end");
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
                None if self.partial.is_empty() => {
                    self.done = true;
                    break;
                }
                None => {
                    let error = ApiError::malformed("the body ends within a message");
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
            };
            self.partial.extend_from_slice(&data);
            match self.take() {
                Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
                Ok(frames) if frames.is_empty() => {}
                Ok(frames) => return Poll::Ready(Some(Ok(Frame::data(frames.into())))),
            }
        }
        Poll::Ready(None)
    }
}
