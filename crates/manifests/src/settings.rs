//! `k8s/services.toml`: what the manifests need of a service and neither its contracts nor its code say.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The services that need more than the usual, by name.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, Setting>);

/// What one service has otherwise than the others.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Setting {
    /// The namespace it lives in, without `tessera-`.
    pub tier: Tier,
    /// Variables of its own.
    pub environment: BTreeMap<String, String>,
    /// Variables of its own whose values are secret.
    pub secrets: Vec<String>,
    /// Ports of hosts outside the cluster that it calls.
    pub outside: Vec<u16>,
}

/// A tier of services, each with a namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// What the business is about.
    #[default]
    Core,
    /// What the others stand on.
    Platform,
    /// What a tenant may do without.
    Advanced,
}

impl Tier {
    /// Its namespace.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Core => "tessera-core",
            Self::Platform => "tessera-platform",
            Self::Advanced => "tessera-advanced",
        }
    }
}

impl Settings {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Those of one service.
    pub fn of(&self, service: &str) -> Setting {
        self.0.get(service).cloned().unwrap_or_default()
    }

    /// The services that are named.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
