//! What a process is told by its environment. Everything is read before anything is bound.

use std::collections::HashMap;
use std::net::SocketAddr;

use kit::{Error, Result};

/// The variable that says where gRPC is served, and where it is when nothing is said.
const LISTEN: (&str, &str) = ("TESSERA_LISTEN", "0.0.0.0:50051");

/// What a process is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where gRPC is served (`TESSERA_LISTEN`, default `0.0.0.0:50051`).
    pub listen: SocketAddr,
    /// Where Prometheus scrapes (`TESSERA_METRICS_LISTEN`); none: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// The databases, by service.
    pub databases: HashMap<String, Database>,
    /// The event log.
    pub log: Log,
    /// Addresses of services that run elsewhere, by name (`TESSERA_PEER_<NAME>`).
    pub peers: HashMap<String, String>,
    /// What services prove themselves with, by name (`TESSERA_SERVICE_SECRET` for the one of this process).
    pub secrets: HashMap<String, String>,
    /// How many database connections each service may hold (`TESSERA_POOL_MAX`, default 10).
    pub pool_max: u32,
    /// How long a job stays with a process that may have died, in seconds (`TESSERA_JOB_LEASE_SECONDS`, default 60).
    pub job_lease_seconds: u32,
}

/// A service's database.
#[derive(Clone)]
pub struct Database {
    /// As the role that uses it.
    pub url: String,
    /// As the role that owns and migrates it; none: somebody else migrates.
    pub owner_url: Option<String>,
}

/// Where events go.
#[derive(Clone)]
pub enum Log {
    /// Apache Kafka, or what speaks its protocol: `host:port,...`.
    Kafka(String),
    /// The log embedded in PostgreSQL, by the URL of its database.
    Postgres(String),
}

impl Config {
    /// Reads the environment for these services.
    pub fn from_env(services: &[&'static str]) -> Result<Self> {
        Self::read(services, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(services: &[&'static str], get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut databases = HashMap::with_capacity(services.len());
        let mut secrets = HashMap::new();
        for service in services {
            let name = format!("TESSERA_{}_DATABASE_URL", service.to_uppercase());
            let url = get(&name).ok_or_else(|| Error::invalid(&name, "is not set"))?;
            let owner_url = get(&format!("TESSERA_{}_OWNER_DATABASE_URL", service.to_uppercase()));
            databases.insert((*service).to_owned(), Database { url, owner_url });
            if let Some(secret) = get("TESSERA_SERVICE_SECRET") {
                secrets.insert((*service).to_owned(), secret);
            }
        }
        let log = match (get("TESSERA_KAFKA_BROKERS"), get("TESSERA_LOG_DATABASE_URL")) {
            (Some(brokers), _) => Log::Kafka(brokers),
            (None, Some(url)) => Log::Postgres(url),
            (None, None) => {
                let text = "is not set, nor is TESSERA_LOG_DATABASE_URL: events have nowhere to go";
                return Err(Error::invalid("TESSERA_KAFKA_BROKERS", text));
            }
        };
        Ok(Self {
            listen: parse(&get, LISTEN.0, LISTEN.1)?,
            metrics_listen: get("TESSERA_METRICS_LISTEN")
                .map(|_| parse(&get, "TESSERA_METRICS_LISTEN", ""))
                .transpose()?,
            databases,
            log,
            peers: peers(),
            secrets,
            pool_max: parse(&get, "TESSERA_POOL_MAX", "10")?,
            job_lease_seconds: parse(&get, "TESSERA_JOB_LEASE_SECONDS", "60")?,
        })
    }
}

/// Where gRPC is served, for a process that only asks there.
pub(crate) fn listen() -> Result<SocketAddr> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    parse(get, LISTEN.0, LISTEN.1)
}

/// The database of a service as the role that owns and migrates it, for a process that does nothing else.
pub(crate) fn owner_url(service: &str) -> Result<String> {
    let name = format!("TESSERA_{}_OWNER_DATABASE_URL", service.to_uppercase());
    let url = std::env::var(&name).ok().filter(|value| !value.is_empty());
    url.ok_or_else(|| Error::invalid(&name, "is not set"))
}

/// `TESSERA_PEER_INVENTORY=http://inventory:50051` gives the way to `inventory`.
fn peers() -> HashMap<String, String> {
    let named = |(name, value): (String, String)| {
        let service = name.strip_prefix("TESSERA_PEER_")?.to_lowercase();
        Some((service, value))
    };
    std::env::vars().filter_map(named).collect()
}

fn parse<T: std::str::FromStr>(get: impl Fn(&str) -> Option<String>, name: &str, default: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    let text = get(name).unwrap_or_else(|| default.to_owned());
    text.parse().map_err(|error| Error::invalid(name, format!("`{text}`: {error}")))
}

// Addresses of databases carry passwords, so neither type prints them.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(..)")
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kafka(brokers) => write!(f, "Kafka({brokers})"),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        // A process that lacks a setting must say which one.
        let error = Config::read(&["crm"], |_| None).unwrap_err();
        assert!(error.text().contains("TESSERA_CRM_DATABASE_URL"), "{error}");
        let only_database =
            |name: &str| (name == "TESSERA_CRM_DATABASE_URL").then(|| "postgres://".to_owned());
        let error = Config::read(&["crm"], only_database).unwrap_err();
        assert!(error.text().contains("TESSERA_KAFKA_BROKERS"), "{error}");
    }

    #[test]
    fn a_bad_value_is_named() {
        // A process that is told nonsense must say what and where.
        let get = |name: &str| match name {
            "TESSERA_LISTEN" => Some("nowhere".to_owned()),
            _ => Some("x".to_owned()),
        };
        let error = Config::read(&["crm"], get).unwrap_err();
        assert!(error.text().contains("TESSERA_LISTEN"), "{error}");
    }
}
