//! What the pages tell of the services and no contract says: what services may call and which events they listen
//! to, which stands in `mesh.toml` beside this crate and is held against the sources by a test; and which roles
//! every tenant begins with, which identity reads from the same file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// The roles that come with a tenant; in the file of identity.
    #[serde(skip)]
    pub role: Vec<Role>,
    /// The services with more than their contracts.
    #[serde(default)]
    pub service: Vec<Service>,
}

/// A role that comes with a tenant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whom it is for.
    pub description: String,
    /// What its holders may do, with stars.
    pub permissions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    role: Vec<Role>,
}

/// What a service does with its peers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name, which is that of its domain.
    pub name: String,
    /// The permissions of its own identity.
    #[serde(default)]
    pub calls: Vec<String>,
    /// The types of the events that it reacts to; `*` for all.
    #[serde(default)]
    pub listens: BTreeSet<String>,
}

impl Service {
    /// Whether it reacts to an event of this type.
    pub fn hears(&self, kind: &str) -> bool {
        self.listens.contains(kind) || self.listens.contains("*")
    }
}

impl Mesh {
    /// Reads `mesh.toml` and the roles of identity.
    pub fn read(mesh: &Path, roles: &Path) -> Result<Self> {
        let roles: Roles = parse(roles)?;
        Ok(Self { role: roles.role, ..parse(mesh)? })
    }
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// Whether a permission, perhaps with a star at its end, covers another.
pub fn covers(held: &str, wanted: &str) -> bool {
    match held.strip_suffix('*') {
        Some(start) => start.is_empty() || (start.ends_with('.') && wanted.starts_with(start)),
        None => held == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_covers_what_follows() {
        // The matrix must say what the engine does.
        for (held, wanted) in [("*", "crm.contacts.read"), ("crm.*", "crm.contacts.read"), ("a.b.c", "a.b.c")]
        {
            assert!(covers(held, wanted), "{held} {wanted}");
        }
        for (held, wanted) in
            [("crm.*", "crmx.contacts.read"), ("crm.contacts.read", "crm.contacts.write"), ("", "a")]
        {
            assert!(!covers(held, wanted), "{held} {wanted}");
        }
    }
}
