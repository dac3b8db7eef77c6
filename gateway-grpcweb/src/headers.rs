//! Which headers pass, and what the gateway reads from them.

use std::time::Duration;

use http::header::HeaderMap;
use http::{Request, StatusCode, Version};
use tonic::Code;

use crate::edge::deadline::{self, GRPC_TIMEOUT};
use crate::error::ApiError;
use crate::options::Options;

/// The headers of a request, together, as HTTP/2 counts them (RFC 9113, 6.5.2): names and values
/// with 32 bytes each, the path among them.
pub(crate) const MAX_HEADER_BYTES: u32 = 32 * 1024;
const OVERHEAD: usize = 32;

/// Headers that belong to one connection and never pass.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers of a REST call that mean nothing to a gRPC service, or something else.
const REST_ONLY: [&str; 14] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "origin",
    "pragma",
    "range",
    "referer",
    "trailer",
];

/// Refuses a request of HTTP/1.1 whose headers are too long. The listener does it for HTTP/2.
///
/// # Errors
/// 431 beyond [`MAX_HEADER_BYTES`].
pub(crate) fn check_length<B>(request: &Request<B>) -> Result<(), ApiError> {
    if request.version() > Version::HTTP_11 {
        return Ok(());
    }
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + OVERHEAD);
    if path + fields.sum::<usize>() <= MAX_HEADER_BYTES as usize {
        return Ok(());
    }
    let message = format!("the headers are longer than {MAX_HEADER_BYTES} bytes");
    Err(ApiError::new(Code::ResourceExhausted, message)
        .status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        .reason("HEADERS_TOO_LARGE"))
}

/// The headers of a gRPC call that go on to the service.
pub(crate) fn pass_through(headers: &HeaderMap, deadline: Option<Duration>) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !HOP_BY_HOP.contains(&name.as_str()) {
            passed.append(name, value.clone());
        }
    }
    deadline::pass_on(&mut passed, deadline);
    passed
}

/// The headers of a REST call as gRPC metadata.
pub(crate) fn metadata(headers: &HeaderMap, deadline: Option<Duration>) -> HeaderMap {
    let mut metadata = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let text = name.as_str();
        let kept = HOP_BY_HOP.contains(&text) || REST_ONLY.contains(&text);
        let prefixed =
            ["grpc-", "connect-", "sec-", "if-", "access-control-"].iter().any(|one| text.starts_with(one));
        if !kept && !prefixed {
            metadata.append(name, value.clone());
        }
    }
    deadline::pass_on(&mut metadata, deadline);
    metadata
}

/// The metadata of an answer that a REST caller gets as headers.
pub(crate) fn answer_headers(metadata: HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(metadata.len());
    let mut name = None;
    for (next, value) in metadata {
        name = next.or(name);
        if let Some(name) = &name {
            let text = name.as_str();
            let kept = HOP_BY_HOP.contains(&text) || REST_ONLY.contains(&text) || text.starts_with("grpc-");
            if !kept && text != "date" {
                headers.append(name.clone(), value);
            }
        }
    }
    headers
}

/// How long a call may take, once the edge has settled what was asked for; streams that name no
/// deadline have none.
pub(crate) fn deadline(headers: &HeaderMap, options: &Options, stream: bool) -> Option<Duration> {
    let asked = headers.get(GRPC_TIMEOUT).and_then(|value| value.to_str().ok());
    let asked = asked.and_then(deadline::grpc_timeout);
    match asked {
        Some(asked) => Some(asked.min(options.max_timeout)),
        None if stream => None,
        None => Some(options.timeout),
    }
}

/// The media type of a `content-type`, in lower case and without its parameters, and whether the
/// charset is UTF-8 or not told.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<(String, bool)> {
    let value = headers.get(http::header::CONTENT_TYPE)?.to_str().unwrap_or_default().to_ascii_lowercase();
    let (media, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let utf8 = parameters.split(';').all(|one| match one.trim().strip_prefix("charset=") {
        Some(charset) => charset.trim_matches('"') == "utf-8",
        None => true,
    });
    Some((media.trim().to_owned(), utf8))
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn metadata_keeps_what_services_need() {
        let mut headers = HeaderMap::new();
        for name in [
            "authorization",
            "x-request-id",
            "traceparent",
            "host",
            "content-length",
            "grpc-timeout",
            "sec-fetch-mode",
            "cookie",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let metadata = metadata(&headers, Some(Duration::from_secs(2)));
        let mut names: Vec<_> = metadata.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "grpc-timeout", "traceparent", "x-request-id"]);
        assert_eq!(metadata[GRPC_TIMEOUT], "1950m");
    }
}
