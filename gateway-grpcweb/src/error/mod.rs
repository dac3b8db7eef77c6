//! Errors as callers see them.
//!
//! Whoever refuses a request makes an [`ApiError`], and [`ApiError::answer`] turns it into the
//! answer of the protocol that the request speaks. The gateway's own refusals and those of services
//! have the same shape, and carry `google.rpc` messages as their details in every protocol.

mod codes;
mod connect;
mod parse;
mod print;

use std::time::Duration;

use http::header::{ACCEPT, ALLOW, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use prost::Message;
use tonic::Code;
use tonic_types::pb;

#[cfg(test)]
pub(crate) use codes::code_name;
pub(crate) use codes::http_status;

use crate::codec::JsonError;
use crate::snapshot::Snapshot;

/// The `domain` of the gateway's own `google.rpc.ErrorInfo`.
const DOMAIN: &str = "gateway";
/// The reason of errors that a caller mends by mending its request.
const MALFORMED: &str = "MALFORMED_REQUEST";
/// When a caller may come back after a service could not be reached.
const UNREACHED: Duration = Duration::from_secs(1);

/// An error on its way to the caller.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    /// The HTTP status of a REST answer, where it is not the code's own.
    status: Option<StatusCode>,
    pub(crate) message: String,
    /// The details of `google.rpc.Status`.
    details: Vec<Any>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// How an error is made: start with one of the named ones or [`ApiError::new`], and add to it.
impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, status: None, message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    /// Answers REST with this status instead of the code's own.
    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Adds a `google.rpc.ErrorInfo` of the gateway's own: a constant in UPPER_SNAKE_CASE by which
    /// programs tell errors of one code apart.
    pub(crate) fn reason(self, reason: &str) -> Self {
        self.reason_of(DOMAIN, reason)
    }

    /// The same with a reason of another domain, where the gateway refuses what a service would.
    pub(crate) fn reason_of(self, domain: &str, reason: &str) -> Self {
        let info =
            pb::ErrorInfo { reason: reason.to_owned(), domain: domain.to_owned(), ..Default::default() };
        self.detail("ErrorInfo", &info)
    }

    /// Says when to come back: `Retry-After` in whole seconds, and `google.rpc.RetryInfo`.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        let delay = prost_types::Duration::try_from(wait).unwrap_or_default();
        let seconds = parse::whole_seconds(&delay);
        self.detail("RetryInfo", &pb::RetryInfo { retry_delay: Some(delay) }).header(RETRY_AFTER, seconds)
    }

    /// Adds a header to the answer, in every protocol.
    pub(crate) fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.push((name, value));
        }
        self
    }

    fn detail(mut self, name: &str, message: &impl Message) -> Self {
        let type_url = format!("type.googleapis.com/google.rpc.{name}");
        self.details.push(Any { type_url, value: message.encode_to_vec() });
        self
    }
}

/// The errors that more than one part of the gateway gives.
impl ApiError {
    /// The caller's JSON or parameters break the contract.
    pub(crate) fn bad_request(error: &JsonError) -> Self {
        let violation = pb::bad_request::FieldViolation {
            field: error.field.clone(),
            description: error.message.clone(),
            ..Default::default()
        };
        Self::new(Code::InvalidArgument, error.to_string())
            .detail("BadRequest", &pb::BadRequest { field_violations: vec![violation] })
            .reason(MALFORMED)
    }

    /// The request breaks a rule of HTTP or of its method, at no field in particular.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message).reason(MALFORMED)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "no such path").reason("NO_SUCH_PATH")
    }

    pub(crate) fn method_not_allowed(methods: &[&str]) -> Self {
        let allow = methods.join(", ");
        Self::new(Code::Unimplemented, format!("the path takes {allow}"))
            .status(StatusCode::METHOD_NOT_ALLOWED)
            .reason("METHOD_NOT_ALLOWED")
            .header(ALLOW, allow)
    }

    /// `Accept` asks for what there is not.
    pub(crate) fn not_acceptable(why: &str) -> Self {
        Self::new(Code::InvalidArgument, why).status(StatusCode::NOT_ACCEPTABLE).reason("NOT_ACCEPTABLE")
    }

    /// The body is of another media type than these.
    pub(crate) fn unsupported_media_type(taken: &str) -> Self {
        Self::new(Code::InvalidArgument, format!("the body must be {taken}, and text in UTF-8"))
            .status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .reason("UNSUPPORTED_MEDIA_TYPE")
            .header(ACCEPT, taken)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(Code::ResourceExhausted, format!("the body is longer than {limit} bytes"))
            .status(StatusCode::PAYLOAD_TOO_LARGE)
            .reason("BODY_TOO_LARGE")
    }

    /// No fault of the caller's. What happened is logged, not told.
    pub(crate) fn internal(why: &dyn std::fmt::Display) -> Self {
        tracing::error!(%why, "a call failed inside the gateway");
        Self::new(Code::Internal, "internal error")
    }

    /// A service's answer ended without its status: nobody knows how much of it is missing.
    pub(crate) fn cut_off() -> Self {
        Self::internal(&"a service's answer ended without a status")
    }

    /// A service cannot be reached.
    pub(crate) fn unavailable(why: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%why, "a service does not answer");
        Self::new(Code::Unavailable, "a service does not answer; try again later")
            .reason("SERVICE_UNREACHABLE")
            .retry_after(UNREACHED)
    }

    pub(crate) fn deadline() -> Self {
        Self::new(Code::DeadlineExceeded, "the deadline passed before the answer came")
            .reason("DEADLINE_EXCEEDED")
    }

    pub(crate) fn http_status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| codes::http_status(self.code))
    }
}
