//! Errors read off the answers of services.

use std::borrow::Cow;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use prost::Message;
use tonic::Code;
use tonic_types::pb;

use super::{Any, ApiError, Status};

const DETAILS: &str = "grpc-status-details-bin";

impl ApiError {
    /// Reads the status out of an answer's headers or trailers. None: there is none.
    pub(crate) fn from_metadata(metadata: &HeaderMap) -> Option<Result<(), Self>> {
        let code = Code::from_bytes(metadata.get("grpc-status")?.as_bytes());
        if code == Code::Ok {
            return Some(Ok(()));
        }
        let message =
            metadata.get("grpc-message").map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
        let message = message.and_then(|text| crate::routing::decode(&text).map(Cow::into_owned));
        let details = details(metadata).unwrap_or_default();
        let mut error = Self::from_service(code, message.unwrap_or_default(), details);
        // What the service says beside the status goes on as it does when all is well.
        for (name, value) in &crate::headers::answer_headers(metadata.clone()) {
            error = error.header(name.clone(), value.clone());
        }
        Some(Err(error))
    }

    /// Takes what a service says of its own insides out of a status that is passed on, if there is
    /// any in the headers or trailers; all else stays as it is.
    pub(crate) fn cleanse(metadata: &mut HeaderMap) {
        let Some(code) = metadata.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes())) else {
            return;
        };
        let debugs = || details(metadata).is_some_and(|all| all.iter().any(is_debug_info));
        if code == Code::Ok || !(is_inside(code) || debugs()) {
            return;
        }
        let Some(Err(error)) = Self::from_metadata(metadata) else { return };
        metadata.remove(DETAILS);
        metadata.extend(error.metadata());
    }

    fn from_service(code: Code, message: String, mut details: Vec<Any>) -> Self {
        let inside = is_inside(code);
        if inside {
            tracing::error!(?code, message, "a service failed");
        }
        details.retain(|one| !is_debug_info(one));
        let delay = details.iter().find_map(retry_delay);
        let error =
            Self { details, ..Self::new(code, if inside { "internal error".to_owned() } else { message }) };
        match delay {
            Some(delay) => error.header(RETRY_AFTER, whole_seconds(&delay)),
            None => error,
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
}

/// What a service says in these is for the log.
fn is_inside(code: Code) -> bool {
    matches!(code, Code::Unknown | Code::Internal | Code::DataLoss)
}

fn is_debug_info(detail: &Any) -> bool {
    detail.type_url.ends_with("/google.rpc.DebugInfo")
}

fn details(metadata: &HeaderMap) -> Option<Vec<Any>> {
    let text = metadata.get(DETAILS)?.to_str().ok()?;
    let bytes = crate::codec::text::decode_base64(text)?;
    Some(Status::decode(&*bytes).ok()?.details)
}

fn retry_delay(detail: &Any) -> Option<prost_types::Duration> {
    let name = detail.type_url.rsplit('/').next()?;
    if name != "google.rpc.RetryInfo" {
        return None;
    }
    pb::RetryInfo::decode(&*detail.value).ok()?.retry_delay
}

/// A wait as `Retry-After` tells it: whole seconds, never shorter than what was asked for.
pub(super) fn whole_seconds(delay: &prost_types::Duration) -> HeaderValue {
    HeaderValue::from((delay.seconds + i64::from(delay.nanos > 0)).max(0))
}
