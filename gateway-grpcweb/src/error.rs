//! Errors as callers see them.
//!
//! A REST error's body is
//! `{"error": {"code": "NOT_FOUND", "status": 404, "message": "...", "details": [...]}}`:
//! `code` is the name of a `google.rpc.Code`, `status` the HTTP status as a number (for clients
//! that only keep the body), `message` a sentence for a person, and `details` the messages of
//! `google.rpc.Status`, each with its `@type`. The gateway's own refusals have the same shape.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost::Message;
use tonic::Code;

use crate::Body;
use crate::codec::text::{put_json_string, put_uint};
use crate::codec::{JsonError, JsonOptions, Printer};
use crate::snapshot::Snapshot;

/// An error on its way to the caller.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    /// The HTTP status of a REST answer, where it is not the code's own.
    status: Option<StatusCode>,
    pub(crate) message: String,
    details: Vec<Detail>,
    allow: Option<String>,
}

#[derive(Debug)]
enum Detail {
    /// From a service.
    Any(Any),
    /// The gateway's own, ready to be printed.
    Json(Vec<u8>),
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

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, status: None, message: message.into(), details: Vec::new(), allow: None }
    }

    fn with_status(code: Code, status: StatusCode, message: impl Into<String>) -> Self {
        Self { status: Some(status), ..Self::new(code, message) }
    }

    /// The caller's JSON or parameters break the contract.
    pub(crate) fn bad_request(error: &JsonError) -> Self {
        let mut json =
            br#"{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"#.to_vec();
        put_json_string(&mut json, &error.field);
        json.extend_from_slice(br#","description":"#);
        put_json_string(&mut json, &error.message);
        json.extend_from_slice(b"}]}");
        Self { details: vec![Detail::Json(json)], ..Self::new(Code::InvalidArgument, error.to_string()) }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "no such path")
    }

    pub(crate) fn method_not_allowed(methods: &[&str]) -> Self {
        let allow = methods.join(", ");
        let message = format!("the path takes {allow}");
        let error = Self::with_status(Code::Unimplemented, StatusCode::METHOD_NOT_ALLOWED, message);
        Self { allow: Some(allow), ..error }
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let message = "the body must be application/json in UTF-8";
        Self::with_status(Code::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("the body is longer than {limit} bytes");
        Self::with_status(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// No fault of the caller's. What happened is logged, not told.
    pub(crate) fn internal(why: &dyn std::fmt::Display) -> Self {
        tracing::error!(%why, "a call failed inside the gateway");
        Self::new(Code::Internal, "internal error")
    }

    /// A service cannot be reached.
    pub(crate) fn unavailable(why: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%why, "a service does not answer");
        Self::new(Code::Unavailable, "a service does not answer; try again later")
    }

    pub(crate) fn deadline() -> Self {
        Self::new(Code::DeadlineExceeded, "the deadline passed before the answer came")
    }

    /// Reads the status out of an answer's headers or trailers. None: there is none.
    pub(crate) fn from_metadata(metadata: &HeaderMap) -> Option<Result<(), Self>> {
        let code = Code::from_bytes(metadata.get("grpc-status")?.as_bytes());
        if code == Code::Ok {
            return Some(Ok(()));
        }
        let message =
            metadata.get("grpc-message").map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
        let message = message.and_then(|text| crate::routing::decode(&text).map(|text| text.into_owned()));
        let details = metadata
            .get("grpc-status-details-bin")
            .and_then(|text| text.to_str().ok())
            .and_then(crate::codec::text::decode_base64)
            .and_then(|bytes| Status::decode(&*bytes).ok())
            .map_or_else(Vec::new, |status| status.details);
        Some(Err(Self::from_service(code, message.unwrap_or_default(), details)))
    }

    fn from_service(code: Code, message: String, details: Vec<Any>) -> Self {
        // What a service says of its own insides is for the log.
        let inside = matches!(code, Code::Unknown | Code::Internal | Code::DataLoss);
        if inside {
            tracing::error!(?code, message, "a service failed");
        }
        let details = details.into_iter().filter(|one| !one.type_url.ends_with("/google.rpc.DebugInfo"));
        Self {
            details: details.map(Detail::Any).collect(),
            ..Self::new(code, if inside { "internal error".to_owned() } else { message })
        }
    }

    /// What an HTTP answer that is no gRPC answer means, as gRPC over HTTP/2 tells it.
    pub(crate) fn from_http(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::new(Code::Unauthenticated, "sign in first"),
            403 => Self::new(Code::PermissionDenied, "not permitted"),
            404 => Self::new(Code::Unimplemented, "the service does not have this method"),
            429 | 502..=504 => Self::unavailable(&format!("HTTP {status}")),
            _ => Self::internal(&format!("a service answered HTTP {status}")),
        }
    }

    pub(crate) fn http_status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| http_status(self.code))
    }

    /// The error as a REST answer.
    pub(crate) fn into_response(self, snapshot: &Snapshot) -> Response<Body> {
        let mut out = Vec::with_capacity(256);
        self.write_json(&mut out, snapshot);
        let mut response = Response::new(crate::body(out));
        *response.status_mut() = self.http_status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }

    /// Appends `{"error": {...}}`.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        out.extend_from_slice(b"{\"error\":{\"code\":\"");
        out.extend_from_slice(code_name(self.code).as_bytes());
        out.extend_from_slice(b"\",\"status\":");
        put_uint(out, self.http_status().as_u16().into());
        out.extend_from_slice(b",\"message\":");
        put_json_string(out, &self.message);
        out.extend_from_slice(b",\"details\":[");
        for (index, detail) in self.details.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            match detail {
                Detail::Json(json) => out.extend_from_slice(json),
                Detail::Any(any) => write_any(out, any, snapshot),
            }
        }
        out.extend_from_slice(b"]}}");
    }

    /// The error as an answer of headers alone, for gRPC and gRPC-Web.
    pub(crate) fn into_grpc_response(self, content_type: HeaderValue) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert("grpc-status", HeaderValue::from(self.code as i32));
        if let Ok(message) = HeaderValue::try_from(encode_message(&self.message)) {
            headers.insert("grpc-message", message);
        }
        response
    }
}

fn write_any(out: &mut Vec<u8>, any: &Any, snapshot: &Snapshot) {
    let mut printer = Printer::new(&snapshot.plans, JsonOptions::default(), std::mem::take(out));
    let start = printer.out.len();
    let printed = printer.detail(&any.type_url, &any.value).is_some();
    *out = printer.out;
    if !printed {
        out.truncate(start);
        out.extend_from_slice(b"{\"@type\":");
        put_json_string(out, &any.type_url);
        out.push(b'}');
    }
}

/// Percent-encodes what may not stand in `grpc-message`.
fn encode_message(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        if (0x20..0x7F).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The HTTP status of a code, by the comments of google/rpc/code.proto.
pub(crate) fn http_status(code: Code) -> StatusCode {
    let status = match code {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The name of a code in google/rpc/code.proto.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
