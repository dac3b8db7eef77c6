//! What callers can read of the contracts: an OpenAPI document and a page for people, both made
//! from the snapshot that the gateway serves.

mod answers;
mod comments;
mod document;
mod example;
pub(crate) mod facts;
mod known;
mod numbers;
mod operation;
mod page;
mod parameters;
mod paths;
mod pattern;
mod rules;
pub(crate) mod schema;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sha2::{Digest, Sha256};

pub(crate) use document::{Contracts, methods};

use crate::Body;
use crate::codec::text::hex;
use crate::error::ApiError;
use crate::mcp::Tools;
use crate::options::Options;
use crate::snapshot::Snapshot;

/// Everything that is made once for a snapshot, when it is first asked for.
#[derive(Default)]
pub(crate) struct Described {
    contracts: OnceLock<Contracts>,
    /// By package; the whole has no name. There are no more of them than packages.
    documents: Mutex<HashMap<String, Arc<Document>>>,
    tools: OnceLock<Tools>,
}

/// Bytes that are sent again and again.
pub(crate) struct Document {
    plain: Bytes,
    gzip: Bytes,
    etag: HeaderValue,
    content_type: HeaderValue,
}

impl Document {
    fn new(text: Vec<u8>, content_type: &'static str) -> Self {
        let digest = Sha256::digest(&text);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // A vector takes all that is written to it.
        let gzip = encoder.write_all(&text).and_then(|()| encoder.finish()).unwrap_or_default();
        Self {
            plain: text.into(),
            gzip: gzip.into(),
            etag: HeaderValue::try_from(format!("\"{}\"", hex(&digest[..16])))
                .unwrap_or(HeaderValue::from_static("\"0\"")),
            content_type: HeaderValue::from_static(content_type),
        }
    }

    /// The answer to a request: 304 when the caller has it already, compressed when that is taken.
    fn answer(&self, head: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        let known = head.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let own = self.etag.to_str().unwrap_or_default();
        if known.flat_map(|list| list.split(',')).any(|one| {
            let one = one.trim();
            one == "*" || one.strip_prefix("W/").unwrap_or(one) == own
        }) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        let mut bytes = &self.plain;
        if !self.gzip.is_empty() && takes_gzip(head) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            bytes = &self.gzip;
        }
        *response.body_mut() = crate::body(bytes.clone());
        response
    }
}

fn takes_gzip(head: &HeaderMap) -> bool {
    let lists = head.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| {
        let (name, parameters) = one.split_once(';').unwrap_or((one, ""));
        let weight =
            parameters.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        matches!(name.trim(), "gzip" | "*") && weight.is_none_or(|weight| weight > 0.0)
    })
}

impl Described {
    pub(crate) fn contracts(&self, snapshot: &Snapshot) -> &Contracts {
        self.contracts.get_or_init(|| Contracts::of(snapshot))
    }

    pub(crate) fn tools(&self, snapshot: &Snapshot) -> &Tools {
        self.tools.get_or_init(|| Tools::of(snapshot, self.contracts(snapshot)))
    }

    fn document(&self, snapshot: &Snapshot, title: &str, package: &str) -> Arc<Document> {
        let kept = self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(package).cloned();
        if let Some(kept) = kept {
            return kept;
        }
        let text = document::write(snapshot, self.contracts(snapshot), title, package).to_string();
        let made = Arc::new(Document::new(text.into_bytes(), "application/json"));
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.entry(package.to_owned()).or_insert(made).clone()
    }
}

/// What a path asks for.
pub(crate) enum Asked {
    Page,
    /// The document of a package, or without a name the whole.
    Document(String),
}

/// Reads `/openapi.json`, `/openapi/<package>.json` and `/docs`. None: it is another path.
pub(crate) fn asked(path: &str) -> Option<Asked> {
    match path {
        "/docs" | "/docs/" => Some(Asked::Page),
        "/openapi.json" => Some(Asked::Document(String::new())),
        _ => {
            let package = path.strip_prefix("/openapi/")?.strip_suffix(".json")?;
            (!package.is_empty()).then(|| Asked::Document(package.to_owned()))
        }
    }
}

/// Answers what was asked.
pub(crate) async fn serve(
    snapshot: &Arc<Snapshot>,
    options: &Options,
    asked: Asked,
    head: &Parts,
) -> Result<Response<Body>, ApiError> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return Err(ApiError::method_not_allowed(&["GET", "HEAD"]));
    }
    let Asked::Document(package) = asked else { return Ok(page::answer(&head.headers)) };
    if !package.is_empty() && !document::has_package(snapshot, &package) {
        return Err(ApiError::not_found());
    }
    let (snapshot, title) = (snapshot.clone(), options.title.clone());
    // The first of them takes a while, which other requests need not wait for.
    let made = tokio::task::spawn_blocking(move || snapshot.described.document(&snapshot, &title, &package));
    let document = made.await.map_err(|error| ApiError::internal(&error))?;
    Ok(document.answer(&head.headers))
}
