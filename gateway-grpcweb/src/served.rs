//! Bytes that are sent again and again: documents, pages, files. Each is compressed once at the most.

use std::io::Write as _;

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::Body;
use crate::codec::text::hex;
use crate::edge::compress::Coding;

/// More work than for an answer that is sent once, and yet no more than a moment for a megabyte.
const BROTLI_QUALITY: u32 = 9;
/// The largest window that every browser takes.
const BROTLI_WINDOW: u32 = 22;
const BROTLI_BUFFER: usize = 4096;
/// What is named by its content never changes under its name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// One such text or file, in the forms that there are of it.
pub(crate) struct Served {
    plain: Bytes,
    packed: Vec<(Coding, Bytes)>,
    etag: HeaderValue,
    content_type: HeaderValue,
    cache: HeaderValue,
}

impl Served {
    /// Callers may keep it, and ask each time whether it is still the same.
    pub(crate) fn new(plain: impl Into<Bytes>, content_type: &'static str) -> Self {
        let plain = plain.into();
        let etag = HeaderValue::try_from(format!("\"{}\"", digest(&plain)));
        Self {
            packed: Vec::new(),
            etag: etag.unwrap_or(HeaderValue::from_static("\"0\"")),
            content_type: HeaderValue::from_static(content_type),
            cache: HeaderValue::from_static("no-cache"),
            plain,
        }
    }

    /// Callers need not ask again: another content has another name.
    pub(crate) fn for_ever(mut self) -> Self {
        self.cache = HeaderValue::from_static(FOR_EVER);
        self
    }

    /// Adds a form that was packed already.
    pub(crate) fn with(mut self, coding: Coding, packed: impl Into<Bytes>) -> Self {
        self.packed.push((coding, packed.into()));
        self
    }

    /// Adds the form of gzip.
    pub(crate) fn gzipped(self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // A vector takes all that is written to it.
        match encoder.write_all(&self.plain).and_then(|()| encoder.finish()) {
            Ok(packed) => self.with(Coding::Gzip, packed),
            Err(_) => self,
        }
    }

    /// Adds the form of brotli.
    pub(crate) fn brotlied(self) -> Self {
        let mut encoder = CompressorWriter::new(Vec::new(), BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
        match encoder.write_all(&self.plain) {
            Ok(()) => self.with(Coding::Brotli, encoder.into_inner()),
            Err(_) => self,
        }
    }

    /// The answer to a request: 304 when the caller has it already, packed when that is taken.
    pub(crate) fn answer(&self, head: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, self.cache.clone());
        if !self.packed.is_empty() {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if self.is_known(head) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        let best = Coding::best(head, |coding| self.packed.iter().any(|(one, _)| *one == coding));
        let packed = best.and_then(|best| self.packed.iter().find(|(coding, _)| *coding == best));
        let bytes = match packed {
            Some((coding, bytes)) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
                bytes
            }
            None => &self.plain,
        };
        *response.body_mut() = crate::body(bytes.clone());
        response
    }

    /// Whether the caller names the version that there is.
    fn is_known(&self, head: &HeaderMap) -> bool {
        let known = head.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let own = self.etag.to_str().unwrap_or_default();
        known.flat_map(|list| list.split(',')).any(|one| {
            let one = one.trim();
            one == "*" || one.strip_prefix("W/").unwrap_or(one) == own
        })
    }
}

/// A name that follows from the content alone.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..16])
}
