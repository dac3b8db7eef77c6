//! `Accept`: which of the forms that there are a caller wants (RFC 9110, 12.5.1).

use std::borrow::Cow;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

/// A caller's wishes. Elements that break the grammar are left out; without a readable one the
/// caller takes anything.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Accept {
    ranges: Vec<Range>,
}

/// One element, such as `application/json;enum=number;q=0.8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    /// In lower case.
    media: String,
    /// Names in lower case, `q` left out.
    pub(crate) parameters: Vec<(String, String)>,
    /// From 0 to 1000.
    quality: u16,
}

impl Accept {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        Self::parse(values)
    }

    fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let elements = values.flat_map(|value| split(value, ','));
        Self { ranges: elements.filter_map(Range::parse).collect() }
    }

    /// How much the caller wants a media type, from 0 to 1000: by the most specific range.
    pub(crate) fn quality(&self, media: &str) -> u16 {
        if self.ranges.is_empty() {
            return 1000;
        }
        self.range(media).map_or(0, |range| range.quality)
    }

    /// The one of the offers that the caller wants most. Of equally wanted ones that which it names
    /// most exactly, then that which it names first, then the first offer. None: it takes none.
    pub(crate) fn choose(&self, offers: &[&'static str]) -> Option<&'static str> {
        if self.ranges.is_empty() {
            return offers.first().copied();
        }
        let rank = |media: &str| {
            let at = self.position(media)?;
            let range = &self.ranges[at];
            (range.quality > 0).then(|| (range.quality, range.exactness(), std::cmp::Reverse(at)))
        };
        let ranked = offers.iter().rev().filter_map(|offer| Some((rank(offer)?, *offer)));
        // The last of equals is taken, so the offers are walked backwards.
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, offer)| offer)
    }

    /// The range that says how much a media type is wanted.
    pub(crate) fn range(&self, media: &str) -> Option<&Range> {
        self.position(media).map(|at| &self.ranges[at])
    }

    /// Whether the caller names the media type itself and wants it at least as much as the other.
    pub(crate) fn prefers(&self, media: &str, other: &str) -> bool {
        let quality =
            |media: &str| self.ranges.iter().filter(|one| one.media == media).map(|one| one.quality).max();
        quality(media).is_some_and(|wanted| wanted > 0 && wanted >= quality(other).unwrap_or(0))
    }

    fn position(&self, media: &str) -> Option<usize> {
        let fits = self.ranges.iter().enumerate().filter(|(_, range)| range.matches(media));
        let best = fits.max_by_key(|(at, range)| (range.exactness(), range.quality, std::cmp::Reverse(*at)));
        best.map(|(at, _)| at)
    }
}

/// Whether a caller wants errors as RFC 9457 tells them. Made for every request, so the header is
/// only read when it can say so.
pub(crate) fn wants_problem(headers: &HeaderMap) -> bool {
    let says = |value: &HeaderValue| {
        value.as_bytes().windows(12).any(|window| window.eq_ignore_ascii_case(b"problem+json"))
    };
    headers.get_all(ACCEPT).iter().any(says)
        && Accept::of(headers).prefers("application/problem+json", "application/json")
}

impl Range {
    fn parse(element: &str) -> Option<Self> {
        let mut parts = split(element, ';');
        let media = parts.next()?.trim().to_ascii_lowercase();
        let (kind, subtype) = media.split_once('/')?;
        let token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
        if !token(kind) || !token(subtype) || kind == "*" && subtype != "*" {
            return None;
        }
        let mut range = Self { media, parameters: Vec::new(), quality: 1000 };
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim().to_ascii_lowercase(), unquote(value.trim()));
            if name == "q" {
                range.quality = parse_quality(&value)?;
            } else {
                range.parameters.push((name, value.into_owned()));
            }
        }
        Some(range)
    }

    fn matches(&self, media: &str) -> bool {
        match self.media.strip_suffix('*') {
            Some("*/") => true,
            Some(kind) if kind.ends_with('/') => media.starts_with(kind),
            _ => self.media == media,
        }
    }

    fn exactness(&self) -> u8 {
        match self.media.as_str() {
            "*/*" => 0,
            media if media.ends_with("/*") => 1,
            _ => 2,
        }
    }
}

/// Splits at a separator outside of quoted strings.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |one: char| {
        let ends = one == separator && !quoted;
        quoted ^= one == '"' && !escaped;
        escaped = quoted && one == '\\' && !escaped;
        ends
    })
}

fn unquote(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(value);
    };
    if inner.contains('\\') { Cow::Owned(inner.replace('\\', "")) } else { Cow::Borrowed(inner) }
}

/// `0`, `0.25`, `1.000`: three decimals at the most.
fn parse_quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|one| one.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", _) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [&str; 3] = ["application/json", "application/x-ndjson", "text/event-stream"];

    fn choose(accept: &str) -> Option<&'static str> {
        Accept::parse(std::iter::once(accept)).choose(&OFFERS)
    }

    #[test]
    fn the_most_wanted_offer_is_chosen() {
        let [json, lines, events] = OFFERS.map(Some);
        for (accept, expected) in [
            ("*/*", json),
            ("", json),
            ("nonsense", json),
            ("text/*", events),
            ("Text/Event-Stream", events),
            ("text/event-stream, */*", events),
            ("application/json, text/event-stream", json),
            ("text/event-stream, application/json", events),
            ("application/json;q=0.5, application/x-ndjson;q=0.7", lines),
            ("application/json;q=0, */*;q=0.1", lines),
            ("application/*", json),
            ("application/json;enum=number", json),
            (r#"text/html;title="a,b;q=0", application/x-ndjson"#, lines),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=2, application/x-ndjson;q=x", json),
        ] {
            assert_eq!(choose(accept), expected, "{accept}");
        }
    }

    #[test]
    fn ranges_keep_their_parameters() {
        let accept =
            Accept::parse(["*/*;a=1, application/json; Enum=number ;q=0.25;b=\"x\\\"y\""].into_iter());
        let range = accept.range("application/json").unwrap();
        let expected = [("enum", "number"), ("b", "x\"y")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(range.parameters, expected);
        assert_eq!((accept.quality("application/json"), accept.quality("text/html")), (250, 1000));
    }

    #[test]
    fn problems_are_told_to_those_who_ask() {
        for (accept, expected) in [
            ("application/problem+json", true),
            ("application/json, application/problem+json", true),
            ("application/json, Application/Problem+JSON;q=0.9", false),
            ("application/problem+json;q=0", false),
            ("application/json", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_problem(&headers), expected, "{accept}");
        }
    }
}
