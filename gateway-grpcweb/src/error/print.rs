//! Errors as the answers of every protocol.
//!
//! - REST: `{"error": {"code": "NOT_FOUND", "status": 404, "message": "...", "details": [...]}}`.
//!   `code` is the name of a `google.rpc.Code`, `status` the HTTP status as a number (for clients
//!   that only keep the body), `message` a sentence for a person, and `details` the messages of
//!   `google.rpc.Status`, each with its `@type`.
//! - REST for callers that accept `application/problem+json`: RFC 9457 with `title`, `status`,
//!   `detail`, and as extensions `code`, `reason`, `errors` (the fields at fault) and `details`.
//! - Connect: see [`super::connect`].
//! - gRPC and gRPC-Web: an answer of headers alone, with `grpc-status-details-bin`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use prost::Message;
use tonic_types::pb;

use super::codes::{code_name, title};
use super::{Any, ApiError, Snapshot, Status};
use crate::Body;
use crate::codec::text::{put_json_string, put_uint};
use crate::codec::{JsonOptions, Printer};
use crate::protocol::Protocol;

impl ApiError {
    /// The error as the answer of the protocol that the request speaks.
    pub(crate) fn answer(self, protocol: &Protocol, snapshot: &Snapshot) -> Response<Body> {
        let mut response = match protocol {
            Protocol::Rest { problem } => self.rest(*problem, snapshot),
            Protocol::Connect { kind } => self.connect(*kind, snapshot),
            Protocol::Grpc { content_type } => self.grpc(content_type.clone()),
            Protocol::GrpcWeb { form } => self.grpc(form.unwrap_or_default().content_type()),
        };
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }

    fn rest(&self, problem: bool, snapshot: &Snapshot) -> Response<Body> {
        let mut out = Vec::with_capacity(512);
        let content_type = if problem {
            self.write_problem(&mut out, snapshot);
            "application/problem+json"
        } else {
            self.write_json(&mut out, snapshot);
            "application/json"
        };
        let mut response = Response::new(crate::body(out));
        *response.status_mut() = self.http_status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    /// Appends `{"error": {...}}`.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        out.extend_from_slice(b"{\"error\":{");
        self.write_code(out);
        out.extend_from_slice(b",\"message\":");
        put_json_string(out, &self.message);
        out.extend_from_slice(b",\"details\":");
        self.write_details(out, snapshot);
        out.extend_from_slice(b"}}");
    }

    /// Appends the object of RFC 9457. Its `type` is left out, which means `about:blank`: the status
    /// and `reason` say all that a page about the type could.
    fn write_problem(&self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        out.extend_from_slice(b"{\"title\":");
        put_json_string(out, title(self.http_status()));
        out.push(b',');
        self.write_code(out);
        out.extend_from_slice(b",\"detail\":");
        put_json_string(out, &self.message);
        if let Some(info) = self.find::<pb::ErrorInfo>("google.rpc.ErrorInfo") {
            out.extend_from_slice(b",\"reason\":");
            put_json_string(out, &info.reason);
        }
        if let Some(request) = self.find::<pb::BadRequest>("google.rpc.BadRequest") {
            out.extend_from_slice(b",\"errors\":[");
            for (index, violation) in request.field_violations.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b",{\"field\":" } else { b"{\"field\":" });
                put_json_string(out, &violation.field);
                out.extend_from_slice(b",\"detail\":");
                put_json_string(out, &violation.description);
                out.push(b'}');
            }
            out.push(b']');
        }
        out.extend_from_slice(b",\"details\":");
        self.write_details(out, snapshot);
        out.push(b'}');
    }

    fn write_code(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"code\":\"");
        out.extend_from_slice(code_name(self.code).as_bytes());
        out.extend_from_slice(b"\",\"status\":");
        put_uint(out, self.http_status().as_u16().into());
    }

    fn write_details(&self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        out.push(b'[');
        for (index, detail) in self.details.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_any(out, detail, snapshot);
        }
        out.push(b']');
    }

    fn find<M: Message + Default>(&self, name: &str) -> Option<M> {
        let found = self.details.iter().find(|one| one.type_url.rsplit('/').next() == Some(name))?;
        M::decode(&*found.value).ok()
    }

    /// The error as an answer of headers alone.
    fn grpc(&self, content_type: HeaderValue) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = self.metadata();
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }

    /// The error as the trailers of a gRPC call.
    pub(crate) fn metadata(&self) -> HeaderMap {
        let mut metadata = HeaderMap::with_capacity(4);
        metadata.insert("grpc-status", HeaderValue::from(self.code as i32));
        if let Ok(message) = HeaderValue::try_from(encode_message(&self.message)) {
            metadata.insert("grpc-message", message);
        }
        if !self.details.is_empty() {
            let status = Status {
                code: self.code as i32,
                message: self.message.clone(),
                details: self.details.clone(),
            };
            let encoded = STANDARD_NO_PAD.encode(status.encode_to_vec());
            if let Ok(encoded) = HeaderValue::try_from(encoded) {
                metadata.insert("grpc-status-details-bin", encoded);
            }
        }
        metadata
    }
}

pub(super) fn write_any(out: &mut Vec<u8>, any: &Any, snapshot: &Snapshot) {
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
