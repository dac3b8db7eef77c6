//! The names of a request: its id, what it is correlated with, and its trace.

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Names one outside request through all services and logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The same for callers who say so; it may join several requests.
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What a request is called.
pub(crate) struct Names {
    pub(crate) request_id: HeaderValue,
    correlation_id: Option<HeaderValue>,
    traceparent: HeaderValue,
    /// Whether the trace begins here.
    pub(crate) begun: bool,
}

impl Names {
    /// Takes the caller's names or makes them, and leaves them in the headers for the services. A
    /// name that is malformed is replaced, never passed on: it goes into logs.
    pub(crate) fn settle(headers: &mut HeaderMap) -> Self {
        let correlation_id = headers.get(CORRELATION_ID).filter(|value| fits(value)).cloned();
        if correlation_id.is_none() {
            headers.remove(CORRELATION_ID);
        }
        let given = headers.get(REQUEST_ID).filter(|value| fits(value)).cloned();
        let request_id = passing(given.or_else(|| correlation_id.clone()).unwrap_or_else(make_id));
        headers.insert(REQUEST_ID, request_id.clone());
        let given = headers.get(TRACEPARENT).filter(|value| is_traceparent(value.as_bytes())).cloned();
        let begun = given.is_none();
        let traceparent = given.unwrap_or_else(|| {
            // The state belongs to the parent that was not there.
            headers.remove(TRACESTATE);
            let made = passing(make_traceparent());
            headers.insert(TRACEPARENT, made.clone());
            made
        });
        Self { request_id, correlation_id, traceparent, begun }
    }

    /// Calls the span of the gateway the parent of what the services do.
    pub(crate) fn go_on_from(&mut self, traceparent: String, headers: &mut HeaderMap) {
        if let Ok(traceparent) = HeaderValue::try_from(traceparent) {
            self.traceparent = passing(traceparent);
            headers.insert(TRACEPARENT, self.traceparent.clone());
        }
    }

    /// W3C trace context.
    pub(crate) fn traceparent(&self) -> &str {
        self.traceparent.to_str().unwrap_or_default()
    }

    /// Tells the caller what the request was called.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request_id.clone());
        if let Some(id) = &self.correlation_id {
            headers.insert(CORRELATION_ID, id.clone());
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// 32 hexadecimal digits.
    pub(crate) fn trace_id(&self) -> &str {
        self.traceparent.to_str().ok().and_then(|text| text.get(3..35)).unwrap_or_default()
    }
}

/// A value that does not come again, which HTTP/2 would otherwise push others out of its table for.
fn passing(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

fn fits(value: &HeaderValue) -> bool {
    const LONGEST: usize = 128;
    let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
    (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(fit)
}

/// A random UUID. The generator of the thread is seeded by the system and asks it for nothing
/// more, which a request can be spared.
fn make_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).expect("digits and hyphens")
}

/// A root of a trace, sampled: the services decide what they keep.
fn make_traceparent() -> HeaderValue {
    let trace = rand::random::<u128>().max(1);
    let parent = rand::random::<u64>().max(1);
    HeaderValue::try_from(format!("00-{trace:032x}-{parent:016x}-01")).expect("digits and hyphens")
}

/// Whether the text is a `traceparent` of W3C Trace Context: version, trace id, parent id, flags,
/// the ids not zero. Later versions may say more behind a further hyphen.
fn is_traceparent(text: &[u8]) -> bool {
    let hex = |range: std::ops::Range<usize>| {
        text[range].iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
    };
    let zero = |range: std::ops::Range<usize>| text[range].iter().all(|byte| *byte == b'0');
    let length = match text.get(..2) {
        Some(b"ff") | None => false,
        Some(b"00") => text.len() == 55,
        Some(_) => text.len() == 55 || text.get(55) == Some(&b'-'),
    };
    length
        && text[2] == b'-'
        && text[35] == b'-'
        && text[52] == b'-'
        && hex(0..2)
        && hex(3..35)
        && hex(36..52)
        && hex(53..55)
        && !zero(3..35)
        && !zero(36..52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(given: &[(&'static str, &'static str)]) -> (HeaderMap, Names) {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers: HeaderMap = given.iter().map(pair).collect();
        let names = Names::settle(&mut headers);
        (headers, names)
    }

    #[test]
    fn request_ids_are_taken_or_made() {
        let (headers, names) = settled(&[("x-request-id", "abc-1")]);
        assert_eq!((names.request_id(), &headers[REQUEST_ID]), ("abc-1", &HeaderValue::from_static("abc-1")));
        let (headers, names) = settled(&[("x-correlation-id", "order-7")]);
        assert_eq!((names.request_id(), headers[CORRELATION_ID].to_str().unwrap()), ("order-7", "order-7"));
        for bad in ["", "a b", "x\"y"] {
            let (headers, names) = settled(&[("x-request-id", bad), ("x-correlation-id", bad)]);
            assert_eq!(names.request_id().len(), 36, "{bad:?}");
            assert!(!headers.contains_key(CORRELATION_ID));
        }
    }

    #[test]
    fn traces_go_on_or_begin() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let (headers, names) = settled(&[("traceparent", given), ("tracestate", "a=1")]);
        assert_eq!(names.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            (&headers[TRACEPARENT], &headers[TRACESTATE]),
            (&HeaderValue::from_static(given), &HeaderValue::from_static("a=1"))
        );
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-x",
        ] {
            let (headers, names) = settled(&[("traceparent", bad), ("tracestate", "a=1")]);
            assert!(is_traceparent(headers[TRACEPARENT].as_bytes()), "{bad}");
            assert_eq!((names.trace_id().len(), headers.contains_key(TRACESTATE)), (32, false), "{bad}");
        }
        let (first, second) = (settled(&[]).1, settled(&[]).1);
        assert_ne!(first.trace_id(), second.trace_id());
    }
}
