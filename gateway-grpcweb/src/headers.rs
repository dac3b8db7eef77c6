//! Which headers pass, and what the gateway reads from them.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::options::Options;

/// Names one outside request through all services and logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

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

/// Takes the caller's request id or makes one, and leaves it in the headers.
pub(crate) fn request_id(headers: &mut HeaderMap) -> HeaderValue {
    const LONGEST: usize = 128;
    let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
    if let Some(given) = headers.get(REQUEST_ID) {
        let bytes = given.as_bytes();
        if !bytes.is_empty() && bytes.len() <= LONGEST && bytes.iter().all(fit) {
            return given.clone();
        }
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "names a request at the edge, where no Cx exists yet; never stored"
    )]
    let made = uuid::Uuid::new_v4().to_string();
    let made = HeaderValue::try_from(made).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
    headers.insert(REQUEST_ID, made.clone());
    made
}

/// The headers of a gRPC call that go on to the service.
pub(crate) fn pass_through(headers: &HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !HOP_BY_HOP.contains(&name.as_str()) {
            passed.append(name, value.clone());
        }
    }
    passed
}

/// The headers of a REST call as gRPC metadata.
pub(crate) fn metadata(headers: &HeaderMap, deadline: Option<Duration>) -> HeaderMap {
    let mut metadata = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let text = name.as_str();
        let kept = HOP_BY_HOP.contains(&text) || REST_ONLY.contains(&text);
        let prefixed = ["grpc-", "sec-", "if-", "access-control-"].iter().any(|one| text.starts_with(one));
        if !kept && !prefixed {
            metadata.append(name, value.clone());
        }
    }
    if let Some(deadline) = deadline
        && let Ok(value) = HeaderValue::try_from(format!("{}m", deadline.as_millis().clamp(1, 99_999_999)))
    {
        metadata.insert(GRPC_TIMEOUT, value);
    }
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

/// How long a REST call may take; streams that name no deadline have none.
pub(crate) fn deadline(headers: &HeaderMap, options: &Options, stream: bool) -> Option<Duration> {
    let asked = headers.get(GRPC_TIMEOUT).and_then(|value| value.to_str().ok()).and_then(parse_timeout);
    match asked {
        Some(asked) => Some(asked.min(options.max_timeout)),
        None if stream => None,
        None => Some(options.timeout),
    }
}

/// Reads `grpc-timeout`: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|one| one.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(value * 3600)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
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
    use super::*;

    #[test]
    fn request_ids_are_taken_or_made() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(request_id(&mut headers), "abc-1");
        for bad in ["", "a b", "x\"y"] {
            headers.insert(REQUEST_ID, HeaderValue::from_static(bad));
            assert_eq!(request_id(&mut headers).len(), 36, "{bad:?}");
        }
    }

    #[test]
    fn timeouts_are_read() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "m", "1", "1x", "-1S", "123456789S", "1ü"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }

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
        assert_eq!(metadata[GRPC_TIMEOUT], "2000m");
    }
}
