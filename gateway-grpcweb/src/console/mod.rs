//! The web console: the files of one folder, at paths that are no contract's.
//!
//! All files are read when the gateway starts, and again when the folder has changed, so that no
//! request ever names a file of the disk. What lies in `/assets/` has a name that follows from its
//! content and is kept by browsers for ever; all else is asked for anew. A browser that asks for a
//! page gets `index.html` at every path, for the console itself knows what its paths mean.

mod files;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::header::{HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response};

use self::files::Files;
use crate::Body;
use crate::accept::Accept;
use crate::routing::decode;
use crate::snapshot::Snapshot;

/// The page of the console.
const INDEX: &str = "index.html";
/// Files under it are named by their content.
const ASSETS: &str = "assets/";
/// How long a folder is taken to be as it was.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The page may load and call its own origin and nobody else. Its components write style elements
/// into it; scripts come from files only.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self' data:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// The console of one folder.
pub(crate) struct Console {
    folder: PathBuf,
    files: ArcSwap<Files>,
    looked: Mutex<Instant>,
}

impl Console {
    /// Reads the folder.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or has no `index.html`; the text names it.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        let files =
            Files::read(folder).map_err(|why| format!("the console in {}: {why}", folder.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            files: ArcSwap::from_pointee(files),
            looked: Mutex::new(Instant::now()),
        })
    }

    /// Answers a request whose path is no contract's. None: it is not for the console.
    pub(crate) async fn answer(
        &self,
        snapshot: &Snapshot,
        method: &Method,
        path: &str,
        head: &HeaderMap,
    ) -> Option<Response<Body>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = decode(path)?;
        let name = path.strip_prefix('/')?;
        if name.is_empty() || name == INDEX {
            self.look_again().await;
            return self.file(INDEX, head);
        }
        if let Some(response) = self.file(name, head) {
            return Some(response);
        }
        if name.starts_with(ASSETS) {
            self.look_again().await;
            return self.file(name, head);
        }
        if asks_for_page(head) && !is_of_contracts(snapshot, name) {
            self.look_again().await;
            return self.file(INDEX, head);
        }
        None
    }

    fn file(&self, name: &str, head: &HeaderMap) -> Option<Response<Body>> {
        let mut response = self.files.load().get(name)?.answer(head);
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(opener, HeaderValue::from_static("same-origin"));
        Some(response)
    }

    /// Reads the folder again where it has changed: a console that was built anew needs no restart.
    /// One that cannot be read, perhaps since it is being written, leaves the old one in its place.
    async fn look_again(&self) {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.elapsed() < LOOK_EVERY {
                return;
            }
            *looked = Instant::now();
        }
        let (folder, known) = (self.folder.clone(), self.files.load().stamp());
        let read = tokio::task::spawn_blocking(move || {
            (Files::stamp_of(&folder) != known).then(|| Files::read(&folder))
        });
        match read.await {
            Ok(Some(Ok(files))) => self.files.store(Arc::new(files)),
            Ok(Some(Err(why))) => tracing::warn!(why, "the console cannot be read again; the old one stays"),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the console was not looked at"),
        }
    }
}

/// Whether the caller is a browser that goes to a page. Programs take anything, and learn that there
/// is nothing.
fn asks_for_page(head: &HeaderMap) -> bool {
    Accept::of(head).prefers("text/html", "application/json")
}

/// Whether the path begins as those of the contracts do: a path that is nearly one of theirs is a
/// mistake to be told of, also to people.
fn is_of_contracts(snapshot: &Snapshot, name: &str) -> bool {
    let first = name.split('/').next().unwrap_or_default();
    snapshot.routes().any(|(template, _)| template.begins_with(first))
}
