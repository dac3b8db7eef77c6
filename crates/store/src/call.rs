//! One call of a method, from the wire to the commit: what generated glue runs around a handler.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};
use std::time::Duration;

use kit::{Code, Error, Result};
use prost::Message;
use prost_reflect::{FieldDescriptor, MessageDescriptor, ReflectMessage};
use sha2::{Digest, Sha256};
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::caller::Caller;
use crate::conflict;
use crate::cx::{CORRELATION_HEADER, Cx, Meta, TRACE_HEADER, VERSION_HEADERS};
use crate::env::{DEFAULT_DEADLINE, Env};
use crate::feed::{self, Feed, FeedStream, Sending};
use crate::flush::Answer;
use crate::record::Request;
use crate::rpc::{Access, Method};
use crate::withhold::{own_option, withhold};

/// How often a handler runs when its transaction meets another one.
const ATTEMPTS_MAX: u32 = 4;

/// The longest deadline that a caller gets.
const DEADLINE_MAX: Duration = Duration::from_secs(300);

/// The first answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub method: String,
    pub hash: Vec<u8>,
    pub response: Vec<u8>,
}

/// One call of a method.
pub struct Call {
    cx: Cx,
    method: &'static Method,
    idempotency: Option<Answer>,
    attempt: u32,
    /// How long the caller waits, when it says so.
    deadline: Option<Duration>,
}

impl Call {
    /// Checks the request and makes its [`Cx`]. Fails when the request breaks a rule of its contract.
    pub async fn open<R: Request>(
        env: &Env,
        method: &'static Method,
        request: tonic::Request<R>,
    ) -> std::result::Result<(Self, R), Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = match extensions.get::<Caller>() {
            Some(caller) => caller.clone(),
            None if method.access == Access::Public => Caller::anonymous(),
            // The access layer puts a caller into every request that it lets through.
            None => {
                return Err(Error::internal(format!("{} was reached without a caller", method.path)).into());
            }
        };
        let mut violations = Vec::new();
        request.validate("", &mut violations);
        if !violations.is_empty() {
            return Err(Error::invalid_fields(violations).into());
        }
        let idempotency = idempotency_key(method, &caller, &request)?;
        let meta = Meta {
            method: method.path.to_owned(),
            correlation_id: text(&metadata, CORRELATION_HEADER.as_str())
                .unwrap_or_else(|| env.ids().new_id().to_string()),
            traceparent: text(&metadata, TRACE_HEADER.as_str()).unwrap_or_default(),
            causation_id: String::new(),
            versions: VERSION_HEADERS.map(|name| text(&metadata, name.as_str()).unwrap_or_default()),
        };
        let deadline = text(&metadata, "grpc-timeout").and_then(|value| grpc_timeout(&value));
        let timeout = deadline.unwrap_or(DEFAULT_DEADLINE).min(DEADLINE_MAX);
        let mut cx = Cx::new(env.clone(), caller, meta).with_timeout(timeout);
        cx.unasked = idempotency.as_ref().map(|key| key.request_id);
        Ok((Self { cx, method, idempotency, attempt: 1, deadline }, request))
    }

    /// What the handler gets.
    pub fn cx(&mut self) -> &mut Cx {
        &mut self.cx
    }

    /// Commits after success, rolls back after failure. `None`: the transaction met another one and the
    /// handler is to run again.
    pub async fn close<M: ReflectMessage + Default>(
        &mut self,
        result: Result<M>,
    ) -> Option<std::result::Result<Response<M>, Status>> {
        let error = match self.commit(result).await {
            Ok(message) => return Some(Ok(self.shown(message))),
            Err(error) => error,
        };
        self.cx.rollback().await;
        if self.cx.found.is_none() && conflict::is_conflict(&error) && self.attempt < ATTEMPTS_MAX {
            self.attempt += 1;
            self.cx.again = true;
            return None;
        }
        Some(match self.first_answer(error).await {
            Ok(message) => Ok(self.shown(message)),
            Err(error) => Err(report(self.method, error)),
        })
    }

    /// The same for a method that streams: what the handler wrote is committed before the first message goes out.
    pub async fn close_feed<M: ReflectMessage + Default + Send + 'static>(
        &mut self,
        result: Result<Feed<M>>,
    ) -> Option<std::result::Result<Response<FeedStream<M>>, Status>> {
        // A streaming method takes no request id, so that there is no first answer to look for.
        let feed = match result {
            Ok(feed) => self.cx.checkpoint().await.map(|()| feed),
            Err(error) => Err(error),
        };
        self.cx.rollback().await;
        Some(feed.map_err(|error| report(self.method, error)).map(|feed| {
            let end = Box::pin(feed::end(self.cx.env().clone(), self.deadline));
            let sending = Sending { feed, caller: self.cx.caller().clone(), method: self.method, end };
            Response::new(sending.stream())
        }))
    }

    async fn commit<M: ReflectMessage>(&mut self, result: Result<M>) -> Result<M> {
        let message = result?;
        if let Some(key) = &self.idempotency
            && self.cx.tenant().is_ok()
        {
            // A secret is told once: whoever asks again gets the first answer without it.
            self.cx.pending.answer = Some(Answer { response: without_secrets(&message), ..key.clone() });
        }
        self.cx.checkpoint().await?;
        Ok(message)
    }

    /// The answer as far as the caller may read it.
    fn shown<M: ReflectMessage + Default>(&self, message: M) -> Response<M> {
        Response::new(withhold(self.cx.caller(), self.method, message))
    }

    /// The first answer to a request that has failed now because it was answered before: the call has found
    /// that out, or the same request has won on another connection meanwhile.
    async fn first_answer<M: Message + Default>(&mut self, error: Error) -> Result<M> {
        let Some(key) = self.idempotency.clone() else { return Err(error) };
        if self.cx.found.is_none() && error.code() != Code::Internal && self.cx.tenant().is_ok() {
            let found = self.cx.first_answers(vec![key.request_id]).await;
            self.cx.rollback().await;
            self.cx.found = found.ok().and_then(|mut found| found.remove(&key.request_id));
        }
        let Some(found) = self.cx.found.take() else { return Err(error) };
        if found.method != key.method || found.hash != key.hash {
            return Err(Error::new(
                Code::AlreadyExists,
                "REQUEST_ID_REUSED",
                "erp",
                "the request id was used for another request",
            ));
        }
        M::decode(found.response.as_slice()).map_err(Error::internal)
    }
}

fn idempotency_key<R: Request>(
    method: &'static Method,
    caller: &Caller,
    request: &R,
) -> Result<Option<Answer>> {
    let id = request.request_id();
    if id.is_empty() {
        return Ok(None);
    }
    let request_id = Uuid::parse_str(id).map_err(|_| Error::invalid("request_id", "must be a UUID"))?;
    let hash = Sha256::new()
        .chain_update(method.path)
        .chain_update(caller.actor.to_string())
        .chain_update(without_secrets(request))
        .finalize()
        .to_vec();
    Ok(Some(Answer { request_id, method: method.path, hash, response: Vec::new() }))
}

/// A request or an answer as bytes without the fields that no log may show. Of a request the hash is kept, and a
/// password must not be found by trying until its hash fits.
fn without_secrets<M: ReflectMessage>(message: &M) -> Vec<u8> {
    let descriptor = message.descriptor();
    if !has_secrets(&descriptor) {
        return message.encode_to_vec();
    }
    let mut message = message.transcode_to_dynamic();
    for field in descriptor.fields().filter(is_secret) {
        message.clear_field(&field);
    }
    message.encode_to_vec()
}

fn is_secret(field: &FieldDescriptor) -> bool {
    own_option(field, "secret").and_then(|value| value.as_bool()).unwrap_or(false)
}

/// Asked for every call, so it is found out once for each type.
fn has_secrets(descriptor: &MessageDescriptor) -> bool {
    static KNOWN: LazyLock<RwLock<HashMap<String, bool>>> = LazyLock::new(RwLock::default);
    if let Some(known) = KNOWN.read().expect("nothing panics while holding it").get(descriptor.full_name()) {
        return *known;
    }
    let found = descriptor.fields().any(|field| is_secret(&field));
    let mut known = KNOWN.write().expect("nothing panics while holding it");
    known.insert(descriptor.full_name().to_owned(), found);
    found
}

/// Logs what the caller is not told, once, and makes the status.
pub(crate) fn report(method: &Method, error: Error) -> Status {
    match (error.code(), error.cause()) {
        (Code::Internal, cause) => tracing::error!(method = method.path, cause, %error, "call failed"),
        (_, Some(cause)) => tracing::warn!(method = method.path, cause, %error, "call failed"),
        _ => tracing::debug!(method = method.path, %error, "call refused"),
    }
    error.into()
}

fn text(metadata: &MetadataMap, name: &str) -> Option<String> {
    let value = metadata.get(name)?.to_str().ok()?;
    (!value.is_empty() && value.len() <= 128).then(|| value.to_owned())
}

/// Reads a `grpc-timeout`: up to eight digits and a unit. Nothing for a malformed one.
pub fn grpc_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}
