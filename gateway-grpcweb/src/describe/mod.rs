//! What callers can read of the contracts: an OpenAPI document, a page for people, and the descriptor
//! set itself, all made from the snapshot that the gateway serves.

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
mod set;
pub(crate) mod source;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::request::Parts;
use http::{Method, Response};

pub(crate) use document::{Contracts, methods};
use set::DescriptorSet;

use crate::Body;
use crate::error::ApiError;
use crate::mcp::Tools;
use crate::options::Options;
use crate::served::Served;
use crate::snapshot::Snapshot;

/// Everything that is made once for a snapshot, when it is first asked for.
#[derive(Default)]
pub(crate) struct Described {
    contracts: OnceLock<Contracts>,
    /// By package; the whole has no name. There are no more of them than packages.
    documents: Mutex<HashMap<String, Arc<Served>>>,
    tools: OnceLock<Tools>,
    set: OnceLock<DescriptorSet>,
}

impl Described {
    pub(crate) fn contracts(&self, snapshot: &Snapshot) -> &Contracts {
        self.contracts.get_or_init(|| Contracts::of(snapshot))
    }

    pub(crate) fn tools(&self, snapshot: &Snapshot) -> &Tools {
        self.tools.get_or_init(|| Tools::of(snapshot, self.contracts(snapshot)))
    }

    fn set(&self, snapshot: &Snapshot) -> &DescriptorSet {
        self.set.get_or_init(|| DescriptorSet::of(&snapshot.pool))
    }

    fn document(&self, snapshot: &Snapshot, title: &str, package: &str) -> Arc<Served> {
        let kept = self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(package).cloned();
        if let Some(kept) = kept {
            return kept;
        }
        let text = document::write(snapshot, self.contracts(snapshot), title, package).to_string();
        let made = Arc::new(Served::new(text.into_bytes(), "application/json").gzipped());
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.entry(package.to_owned()).or_insert(made).clone()
    }
}

/// What a path asks for.
pub(crate) enum Asked {
    Page,
    /// The document of a package, or without a name the whole.
    Document(String),
    /// Where the descriptor set is.
    Pointer,
    /// The descriptor set of this name.
    Set(String),
}

impl Asked {
    /// The console is made from the descriptor set, so that whoever serves the one tells the other.
    pub(crate) fn is_told(&self, options: &Options) -> bool {
        options.docs || matches!(self, Self::Pointer | Self::Set(_)) && options.console.is_some()
    }
}

/// Reads `/openapi.json`, `/openapi/<package>.json`, `/docs`, `/console/descriptors` and
/// `/descriptors/<name>.binpb`. None: it is another path.
pub(crate) fn asked(path: &str) -> Option<Asked> {
    match path {
        "/docs" | "/docs/" => return Some(Asked::Page),
        "/openapi.json" => return Some(Asked::Document(String::new())),
        "/console/descriptors" => return Some(Asked::Pointer),
        _ => {}
    }
    if let Some(name) = path.strip_prefix("/descriptors/") {
        return Some(Asked::Set(name.strip_suffix(".binpb")?.to_owned()));
    }
    let package = path.strip_prefix("/openapi/")?.strip_suffix(".json")?;
    (!package.is_empty()).then(|| Asked::Document(package.to_owned()))
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
    let package = match &asked {
        Asked::Page => return Ok(page::answer(&head.headers)),
        Asked::Document(package) => package.clone(),
        Asked::Pointer | Asked::Set(_) => return answer_set(snapshot, &asked, head).await,
    };
    if !package.is_empty() && !document::has_package(snapshot, &package) {
        return Err(ApiError::not_found());
    }
    let (snapshot, title) = (snapshot.clone(), options.title.clone());
    // The first of them takes a while, which other requests need not wait for.
    let made = tokio::task::spawn_blocking(move || snapshot.described.document(&snapshot, &title, &package));
    let document = made.await.map_err(|error| ApiError::internal(&error))?;
    Ok(document.answer(&head.headers))
}

async fn answer_set(
    snapshot: &Arc<Snapshot>,
    asked: &Asked,
    head: &Parts,
) -> Result<Response<Body>, ApiError> {
    if snapshot.described.set.get().is_none() {
        let snapshot = snapshot.clone();
        let made = tokio::task::spawn_blocking(move || {
            snapshot.described.set(&snapshot);
        });
        made.await.map_err(|error| ApiError::internal(&error))?;
    }
    let set = snapshot.described.set(snapshot);
    match asked {
        Asked::Set(name) if *name != set.name => Err(ApiError::not_found()),
        Asked::Set(_) => Ok(set.bytes.answer(&head.headers)),
        _ => Ok(set.pointer.answer(&head.headers)),
    }
}
