//! One call to a service: frames out, frames and status in.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tonic::Code;

use crate::Body;
use crate::backend::{Backend, CallError};
use crate::edge::pace::Paced;
use crate::error::ApiError;
use crate::headers;

/// Flag and length before every message.
pub(crate) const FRAME_HEAD: usize = 5;
/// How a call ended, in trailers, or in the headers of an answer that has nothing else.
pub(crate) const GRPC_STATUS: &str = "grpc-status";

/// An answer whose headers have come.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) messages: Messages,
}

/// What is wrong with a request whose call is under way: told by whoever reads it, and then the
/// reason of whatever the call ends with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<ApiError>>>);

impl Fault {
    pub(crate) fn set(&self, error: ApiError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// The error that was left behind, or else this one.
    pub(crate) fn or(&self, error: ApiError) -> ApiError {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(error)
    }
}

/// Runs the work until its deadline.
pub(crate) async fn within<T>(
    deadline: Option<Duration>,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    match deadline {
        Some(deadline) => {
            tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| Err(ApiError::deadline()))
        }
        None => work.await,
    }
}

/// Reads a body to its end.
pub(crate) async fn read_whole(head: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let told = head.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > limit as u64) {
        return Err(ApiError::too_large(limit));
    }
    let read = Limited::new(Paced::new(body), limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ApiError::too_large(limit)
        } else {
            ApiError::new(Code::Cancelled, "the body could not be read to its end")
        }
    })?;
    Ok(read.to_bytes())
}

/// Sends framed messages.
pub(crate) async fn send(
    backend: &Backend,
    path: &PathAndQuery,
    metadata: HeaderMap,
    frames: Body,
    fault: Fault,
    max_message: usize,
) -> Result<Answer, ApiError> {
    match begin(backend, path, metadata, frames).await {
        Ok((headers, body)) => {
            let told = headers.contains_key(GRPC_STATUS);
            let messages = Messages { fault: Some(fault), told, ..Messages::new(body, max_message) };
            Ok(Answer { headers, messages })
        }
        Err(error) => Err(fault.or(error)),
    }
}

async fn begin(
    backend: &Backend,
    path: &PathAndQuery,
    metadata: HeaderMap,
    frames: Body,
) -> Result<(HeaderMap, Body), ApiError> {
    let mut request = Request::new(frames);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from(path.clone());
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = metadata;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    let response = backend.call(request).await.map_err(ApiError::from)?;
    let (head, body) = response.into_parts();
    if let Some(status) = ApiError::from_metadata(&head.headers) {
        status?;
    } else if !head.status.is_success() {
        return Err(ApiError::from_http(head.status));
    }
    Ok((head.headers, body))
}

/// Fills in the five bytes that were left before a message.
pub(crate) fn close_frame(frame: &mut [u8]) -> Result<(), ApiError> {
    let len = u32::try_from(frame.len() - FRAME_HEAD).map_err(|_| ApiError::too_large(u32::MAX as usize))?;
    frame[0] = 0;
    frame[1..FRAME_HEAD].copy_from_slice(&len.to_be_bytes());
    Ok(())
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoBackend => {
                Self::new(Code::Unimplemented, "no service is configured for this method")
            }
            CallError::Failed(error) => Self::unavailable(&error),
        }
    }
}

/// The messages of an answer, read off its frames.
pub(crate) struct Messages {
    body: Body,
    /// Bytes that may hold whole frames.
    ready: Bytes,
    /// The beginning of a frame whose end has not come.
    partial: BytesMut,
    max_message: usize,
    fault: Option<Fault>,
    trailers: HeaderMap,
    /// The answer's headers told its status.
    told: bool,
    done: bool,
}

impl Messages {
    pub(crate) fn new(body: Body, max_message: usize) -> Self {
        Self {
            body,
            ready: Bytes::new(),
            partial: BytesMut::new(),
            max_message,
            fault: None,
            trailers: HeaderMap::new(),
            told: false,
            done: false,
        }
    }

    /// The next message. None: the call ended well.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The one message of a unary call.
    pub(crate) async fn only(&mut self) -> Result<Bytes, ApiError> {
        let message = self.next().await?;
        let message =
            message.ok_or_else(|| ApiError::internal(&"a service answered OK without a message"))?;
        // The status comes behind the message.
        if self.next().await?.is_some() {
            return Err(ApiError::internal(&"a service answered a unary call twice"));
        }
        Ok(message)
    }

    /// What a service said at the end of a call that is over, beside its status.
    pub(crate) fn trailers(&mut self) -> HeaderMap {
        headers::answer_headers(std::mem::take(&mut self.trailers))
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ApiError>> {
        let next = ready!(self.poll_frame(context));
        Poll::Ready(next.map_err(|error| match &self.fault {
            Some(fault) => fault.or(error),
            None => error,
        }))
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ApiError>> {
        loop {
            if let Some(message) = self.take_frame()? {
                return Poll::Ready(Ok(Some(message)));
            }
            if self.done {
                return Poll::Ready(Ok(None));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.add(data),
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        let status = ApiError::from_metadata(&trailers);
                        self.trailers = trailers;
                        return Poll::Ready(self.end(status));
                    }
                },
                Some(Err(status)) => return Poll::Ready(Err(ApiError::unavailable(&status))),
                None => return Poll::Ready(self.end(None)),
            }
        }
    }

    fn end(&mut self, status: Option<Result<(), ApiError>>) -> Result<Option<Bytes>, ApiError> {
        self.done = true;
        match status {
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None if !self.ready.is_empty() || !self.partial.is_empty() => {
                Err(ApiError::internal(&"a service's answer ended within a message"))
            }
            Some(Ok(())) => Ok(None),
            // An answer of headers alone with status 0 has a body without trailers.
            None if self.told => Ok(None),
            None => Err(ApiError::cut_off()),
        }
    }

    fn add(&mut self, data: Bytes) {
        if self.partial.is_empty() && self.ready.is_empty() {
            self.ready = data;
            return;
        }
        if self.partial.is_empty() {
            self.partial.extend_from_slice(&self.ready);
            self.ready = Bytes::new();
        }
        self.partial.extend_from_slice(&data);
        if frame_len(&self.partial).is_some_and(|len| self.partial.len() >= FRAME_HEAD + len) {
            self.ready = self.partial.split().freeze();
        }
    }

    fn take_frame(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Some(len) = frame_len(if self.partial.is_empty() { &self.ready } else { &self.partial }) else {
            return Ok(None);
        };
        if len > self.max_message {
            return Err(ApiError::internal(&"a service's message is longer than the limit"));
        }
        if self.ready.len() < FRAME_HEAD + len {
            return Ok(None);
        }
        if self.ready[0] != 0 {
            return Err(ApiError::internal(&"a service compressed its answer without being asked"));
        }
        self.ready.advance(FRAME_HEAD);
        Ok(Some(self.ready.split_to(len)))
    }
}

fn frame_len(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(1..FRAME_HEAD)?;
    Some(length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}
