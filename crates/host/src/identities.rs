//! Identities of services: a name, a secret and the permissions its calls of peers need.

use std::collections::BTreeMap;

use kit::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::service::Service;

/// The identities that identity gives tokens to, by service name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceIdentities(pub BTreeMap<String, ServiceIdentity>);

/// One service's identity.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceIdentity {
    /// What the service proves itself with.
    pub secret: String,
    /// What it may call.
    pub permissions: Vec<String>,
}

impl std::fmt::Debug for ServiceIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceIdentity").field("permissions", &self.permissions).finish_non_exhaustive()
    }
}

impl ServiceIdentities {
    /// Reads the JSON file named by `TESSERA_SERVICE_IDENTITIES`:
    /// `{"orders": {"secret": "...", "permissions": ["inventory.reservations.write"]}}`.
    /// None when the variable is not set: then no service can prove itself.
    pub fn from_env() -> Result<Self> {
        let Ok(path) = std::env::var("TESSERA_SERVICE_IDENTITIES") else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::invalid("TESSERA_SERVICE_IDENTITIES", format!("{path}: {error}")))?;
        serde_json::from_str(&text)
            .map_err(|error| Error::invalid("TESSERA_SERVICE_IDENTITIES", format!("{path}: {error}")))
    }

    /// Identities of services that run in one process, with secrets that live as long as it does.
    pub fn for_process<'a>(services: impl IntoIterator<Item = &'a Service>, ids: &dyn kit::IdSource) -> Self {
        let identity = |service: &Service| ServiceIdentity {
            secret: format!("{}{}", ids.new_id().simple(), ids.new_id().simple()),
            permissions: service.permissions().into_iter().map(str::to_owned).collect(),
        };
        Self(services.into_iter().map(|service| (service.name().to_owned(), identity(service))).collect())
    }
}
