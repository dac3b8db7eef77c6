//! Entity tags and the conditions that name them (RFC 9110, 8.8.3 and 13.1; AIP-154).
//!
//! A field `string etag` of an answer is its `ETag`. Services that write it as RFC 9110 does
//! (`"3"`, `W/"3"`) are shown as they are. Every other text, and every JSON form but the default
//! one (a strong tag names bytes, not versions), is wrapped as `"=<base64url>.<form>"`, which is
//! unwrapped again before a service sees it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use tonic::Code;

use crate::Body;
use crate::error::ApiError;

/// More tags than any cache keeps of one resource.
const MOST: usize = 16;

/// What a request asks of the version that is there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    matches: Option<Tags>,
    none_matches: Option<Tags>,
    /// The method only reads.
    reads: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever is there.
    Any,
    List(Vec<String>),
}

impl Conditions {
    /// Reads the conditions; `guarded` tells whether the request has a field for an etag.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, guarded: bool) -> Result<Self, ApiError> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let matches = read(headers, IF_MATCH)?;
        let none_matches = read(headers, IF_NONE_MATCH)?;
        if !reads && !guarded && matches!(matches, Some(Tags::List(_))) {
            return Err(ApiError::malformed("if-match: the method has no field for an etag"));
        }
        if !reads && none_matches.is_some() {
            return Err(ApiError::malformed("if-none-match: only GET and HEAD take it"));
        }
        Ok(Self { matches, none_matches, reads })
    }

    /// The etags to try one after the other, each as its service knows it: the service itself
    /// compares and changes in one step, and at most one of them is current. Empty: no condition.
    pub(crate) fn expected(&self) -> Result<Vec<String>, ApiError> {
        match &self.matches {
            Some(Tags::List(tags)) if !self.reads => {
                // A weak tag never matches strongly, so it need not be tried.
                let strong = tags.iter().filter(|tag| !tag.starts_with("W/"));
                let tags: Vec<_> = strong.map(|tag| unwrap(tag).into_owned()).collect();
                if tags.is_empty() { Err(failed()) } else { Ok(tags) }
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Applies the conditions of a read to its answer.
    pub(crate) fn apply(
        &self,
        tag: Option<&HeaderValue>,
        response: Response<Body>,
    ) -> Result<Response<Body>, ApiError> {
        if !self.reads {
            return Ok(response);
        }
        let tag = tag.and_then(|tag| tag.to_str().ok());
        if let Some(Tags::List(tags)) = &self.matches {
            let strong = |tag: &&str| !tag.starts_with("W/");
            if !tag.filter(strong).is_some_and(|tag| tags.iter().any(|one| one == tag)) {
                return Err(failed());
            }
        }
        let known = match (&self.none_matches, tag) {
            (Some(Tags::Any), _) => true,
            (Some(Tags::List(tags)), Some(tag)) => tags.iter().any(|one| opaque(one) == opaque(tag)),
            _ => false,
        };
        Ok(if known { not_modified(response) } else { response })
    }
}

/// What a service says of a stale etag is a failed condition when the etag came as one.
pub(crate) fn stale(error: &ApiError) -> bool {
    matches!(error.code, Code::Aborted | Code::FailedPrecondition)
}

fn failed() -> ApiError {
    ApiError::new(Code::FailedPrecondition, "if-match: another version is there")
        .status(StatusCode::PRECONDITION_FAILED)
        .reason("ETAG_STALE")
}

fn not_modified(response: Response<Body>) -> Response<Body> {
    let (mut head, _) = response.into_parts();
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(http::header::CONTENT_TYPE);
    head.headers.remove(http::header::CONTENT_LENGTH);
    Response::from_parts(head, Body::empty())
}

/// Adds the tag of an answer, whose service calls it `etag`.
pub(crate) fn tag(headers: &mut HeaderMap, etag: &[u8], variant: u8) -> Option<HeaderValue> {
    let etag = std::str::from_utf8(etag).ok().filter(|etag| !etag.is_empty())?;
    let tag = HeaderValue::try_from(wrap(etag, variant).as_ref()).ok()?;
    headers.insert(ETAG, tag.clone());
    Some(tag)
}

fn wrap(etag: &str, variant: u8) -> Cow<'_, str> {
    if variant == 0 && is_tag(etag) && !opaque(etag).starts_with("\"=") {
        return Cow::Borrowed(etag);
    }
    let weak = if is_tag(etag) && etag.starts_with("W/") { "W/" } else { "" };
    Cow::Owned(format!("{weak}\"={}.{variant}\"", URL_SAFE_NO_PAD.encode(etag)))
}

fn unwrap(tag: &str) -> Cow<'_, str> {
    let wrapped = opaque(tag)
        .strip_prefix("\"=")
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|rest| rest.split_once('.'));
    let text = wrapped
        .and_then(|(text, _)| URL_SAFE_NO_PAD.decode(text).ok())
        .and_then(|text| String::from_utf8(text).ok());
    text.map_or(Cow::Borrowed(tag), Cow::Owned)
}

/// The tag without its weakness.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Whether a text is an entity tag by RFC 9110's grammar, of ASCII alone.
fn is_tag(text: &str) -> bool {
    let inner = opaque(text).strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| inner.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x7E)))
}

fn read(headers: &HeaderMap, name: HeaderName) -> Result<Option<Tags>, ApiError> {
    if !headers.contains_key(&name) {
        return Ok(None);
    }
    let broken = || ApiError::malformed(format!("{name}: must be `*` or a list of quoted entity tags"));
    let mut tags = Vec::new();
    for value in headers.get_all(&name) {
        let value = value.to_str().map_err(|_| broken())?.trim();
        if value == "*" {
            return Ok(Some(Tags::Any));
        }
        tags.extend(split(value).map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned));
    }
    if tags.len() > MOST {
        return Err(ApiError::malformed(format!("{name}: more than {MOST} entity tags")));
    }
    if tags.is_empty() || !tags.iter().all(|tag| is_tag(tag)) {
        return Err(broken());
    }
    Ok(Some(Tags::List(tags)))
}

/// Splits at the commas outside of quotes; a tag knows no escapes.
fn split(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |one: char| {
        quoted ^= one == '"';
        one == ',' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(method: Method, name: HeaderName, value: &'static str) -> Result<Conditions, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        Conditions::of(&method, &headers, true)
    }

    fn status(conditions: &Conditions, etag: &'static str) -> u16 {
        let tag = (!etag.is_empty()).then(|| HeaderValue::from_static(etag));
        let answer = conditions.apply(tag.as_ref(), Response::new(Body::empty()));
        answer.map_or_else(|error| error.http_status(), |response| response.status()).as_u16()
    }

    #[test]
    fn reads_compare_as_rfc_9110_says() {
        // The table of 8.8.3.2, and lists, `*` and an answer without a tag.
        for (asked, current, none_matches, matches) in [
            (r#"W/"1""#, r#"W/"1""#, 304, 412),
            (r#"W/"1""#, r#"W/"2""#, 200, 412),
            (r#"W/"1""#, r#""1""#, 304, 412),
            (r#""1""#, r#""1""#, 304, 200),
            (r#""0", W/"a,b" ,"1""#, r#""1""#, 304, 200),
            (r#""0", "a,b""#, r#""a,b""#, 304, 200),
            ("*", r#""1""#, 304, 200),
            (r#""1""#, "", 200, 412),
        ] {
            let none = conditions(Method::GET, IF_NONE_MATCH, asked).unwrap();
            assert_eq!(status(&none, current), none_matches, "if-none-match {asked} on {current}");
            let some = conditions(Method::HEAD, IF_MATCH, asked).unwrap();
            assert_eq!(status(&some, current), matches, "if-match {asked} on {current}");
        }
    }

    #[test]
    fn writes_try_the_strong_tags() {
        let expected = |value| conditions(Method::PATCH, IF_MATCH, value).unwrap().expected();
        let tags = expected(r#"W/"0", "1", "2""#).unwrap();
        assert_eq!(tags, ["\"1\"", "\"2\""]);
        assert!(expected("*").unwrap().is_empty());
        assert_eq!(expected(r#"W/"1""#).unwrap_err().http_status(), 412);
    }

    #[test]
    fn broken_lists_are_refused() {
        for value in ["1", "\"1", "", ",", "\"1\" \"2\"", "\"a b\"", "*, \"1\"", "w/\"1\""] {
            let error = conditions(Method::PATCH, IF_MATCH, value).unwrap_err();
            assert_eq!(error.http_status(), 400, "{value}");
        }
        assert_eq!(conditions(Method::PUT, IF_NONE_MATCH, "*").unwrap_err().http_status(), 400);
        let mut headers = HeaderMap::new();
        for _ in 0..=MOST {
            headers.append(IF_MATCH, HeaderValue::from_static("\"1\""));
        }
        assert!(Conditions::of(&Method::PUT, &headers, true).is_err());
    }

    #[test]
    fn every_etag_survives_the_header() {
        for etag in ["\"3\"", "W/\"3\"", "3", "a \"b\" ü", "\"=x\"", "\"=eA.1\"", "\n", "*"] {
            for variant in [0, 3] {
                let mut headers = HeaderMap::new();
                let tag = tag(&mut headers, etag.as_bytes(), variant).unwrap();
                let tag = tag.to_str().unwrap();
                assert!(is_tag(tag), "{tag}");
                assert_eq!(unwrap(tag), etag);
            }
        }
        assert_eq!(wrap("\"3\"", 0), "\"3\"");
        assert_ne!(wrap("\"3\"", 1), wrap("\"3\"", 2));
    }
}
