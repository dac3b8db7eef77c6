//! Passwords and keys that are made once and kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::system::{random_secret, write_private};
use crate::{Error, Result};

/// Named secrets, in a TOML file that only its owner reads, or only in memory.
///
/// One process at a time writes such a file; [`crate::Folder::lock`] sees to that.
#[derive(Clone, Default)]
pub struct Secrets {
    path: Option<PathBuf>,
    values: BTreeMap<String, String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the values: this ends up in logs.
        f.debug_struct("Secrets").field("path", &self.path).field("names", &self.values.keys()).finish()
    }
}

impl Secrets {
    /// Secrets that end with the process; for tests.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Reads the file, or begins with an empty one that is written with the first secret.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        let values = match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| Error::NotUsable {
                path: path.to_owned(),
                reason: format!("it is no list of `name = \"secret\"`: {}", error.message()),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(Error::io("Cannot read", path)(error)),
        };
        Ok(Self { path: Some(path.to_owned()), values })
    }

    /// Where they are kept, if anywhere.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// A secret that exists already.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The secret of this name, made and kept when it is new.
    pub fn get_or_generate(&mut self, name: &str) -> Result<String> {
        self.get_or_insert_with(name, random_secret)
    }

    /// The secret of this name, made by `make` and kept when it is new.
    pub fn get_or_insert_with(&mut self, name: &str, make: impl FnOnce() -> String) -> Result<String> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let value = make();
        self.values.insert(name.to_owned(), value.clone());
        self.save()?;
        Ok(value)
    }

    /// Makes all that are missing with one write, and returns their names.
    pub(crate) fn generate_missing(&mut self, names: &[String]) -> Result<Vec<String>> {
        let fresh: Vec<String> =
            names.iter().filter(|name| !self.values.contains_key(*name)).cloned().collect();
        for name in &fresh {
            self.values.insert(name.clone(), random_secret());
        }
        if !fresh.is_empty() {
            self.save()?;
        }
        Ok(fresh)
    }

    fn save(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = toml::to_string(&self.values)
            .map_err(|error| Error::Invalid(format!("Cannot write the secrets: {error}")))?;
        write_private(
            path,
            &format!("# Passwords of this machine's Tessera. Keep this file to yourself.\n{text}"),
        )
    }
}
