//! The files of a folder, in memory.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{ASSETS, INDEX};
use crate::edge::compress::Coding;
use crate::served::Served;

/// More than any console has: a folder beyond it is another one.
const MAX_FILES: usize = 5_000;
const MAX_BYTES: u64 = 64 * 1024 * 1024;
const MAX_DEPTH: usize = 8;

/// By their path in the folder, with `/` between its parts.
pub(super) struct Files {
    by_name: HashMap<String, Served>,
    stamp: Stamp,
}

/// By what a folder that was built anew is told from the one before: when its page and its assets
/// were written.
pub(super) type Stamp = [Option<SystemTime>; 2];

impl Files {
    /// Reads all files of a folder and of those within.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let stamp = Self::stamp_of(folder);
        let root = folder.canonicalize().map_err(|error| error.to_string())?;
        let mut found = Found::default();
        found.walk(&root, &root, MAX_DEPTH)?;
        if !found.files.contains_key(INDEX) {
            return Err(format!("it has no {INDEX}"));
        }
        Ok(Self { by_name: serve(&found.files)?, stamp })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Served> {
        self.by_name.get(name)
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// What the folder's stamp is now.
    pub(super) fn stamp_of(folder: &Path) -> Stamp {
        let changed = |name: &str| fs::metadata(folder.join(name)).and_then(|file| file.modified()).ok();
        [changed(INDEX), changed(ASSETS)]
    }
}

#[derive(Default)]
struct Found {
    files: HashMap<String, PathBuf>,
    bytes: u64,
}

impl Found {
    fn walk(&mut self, root: &Path, folder: &Path, depth: usize) -> Result<(), String> {
        for entry in fs::read_dir(folder).map_err(|error| told(folder, &error))? {
            let path = entry.map_err(|error| told(folder, &error))?.path();
            let Some(name) = name_in(root, &path) else {
                tracing::warn!(path = %path.display(), "a file of the console has no name for a browser");
                continue;
            };
            // Hidden files are none of the console's: settings, or what an editor left.
            if name.split('/').any(|part| part.starts_with('.')) {
                continue;
            }
            let own = fs::symlink_metadata(&path).map_err(|error| told(&path, &error))?;
            if own.is_dir() {
                if depth == 0 {
                    return Err(format!("{} lies too deep", path.display()));
                }
                self.walk(root, &path, depth - 1)?;
                continue;
            }
            // A link may lead to another file of the folder, and to nothing else.
            let real = path.canonicalize().ok().filter(|real| real.starts_with(root) && real.is_file());
            let Some(real) = real else {
                tracing::warn!(path = %path.display(), "leads to no file of the console, and is not served");
                continue;
            };
            self.bytes += fs::metadata(&real).map_err(|error| told(&path, &error))?.len();
            self.files.insert(name, real);
            if self.files.len() > MAX_FILES || self.bytes > MAX_BYTES {
                return Err(format!("it has more than {MAX_FILES} files or {} MiB", MAX_BYTES >> 20));
            }
        }
        Ok(())
    }
}

/// The path within the folder as a browser writes it.
fn name_in(root: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.components();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

/// Files with their packed neighbours, which are no files of their own.
fn serve(files: &HashMap<String, PathBuf>) -> Result<HashMap<String, Served>, String> {
    let packed = [(".br", Coding::Brotli), (".gz", Coding::Gzip)];
    let mut served = HashMap::with_capacity(files.len());
    for (name, path) in files {
        let is_neighbour =
            |suffix: &str| name.strip_suffix(suffix).is_some_and(|own| files.contains_key(own));
        if packed.iter().any(|(suffix, _)| is_neighbour(suffix)) {
            continue;
        }
        let mut file = Served::new(read(path)?, content_type(name));
        for (suffix, coding) in packed {
            if let Some(path) = files.get(&format!("{name}{suffix}")) {
                file = file.with(coding, read(path)?);
            }
        }
        if name.starts_with(ASSETS) {
            file = file.for_ever();
        }
        served.insert(name.clone(), file);
    }
    Ok(served)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| told(path, &error))
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// The kind of a file. Browsers are told to believe it, so that an unknown one is just bytes.
fn content_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        _ => "application/octet-stream",
    }
}
