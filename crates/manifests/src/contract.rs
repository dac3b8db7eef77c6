//! What the contracts say of methods and topics, as far as the mesh needs it.

use std::time::Duration;

use anyhow::{Context, Result};
use contracts::{METHODS, POOL, TOPICS};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde::Serialize;
use store::{Access, FEED_MAX};

/// How long the mesh lets a stream go on: longer than the service does, so that it is the service that ends it.
pub const STREAM_LIMIT: Duration = FEED_MAX.saturating_add(Duration::from_secs(60));

/// How a call may be treated on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Changes nothing, so that a second execution does no harm.
    Read,
    /// Must not be executed twice.
    Write,
    /// Answers with a stream.
    Stream,
}

/// A method of a service.
#[derive(Debug, Clone, Serialize)]
pub struct Method {
    /// `/erp.crm.v1.AccountService/GetAccount`.
    pub path: &'static str,
    /// How calls of it may be treated.
    pub kind: Kind,
    /// The permission that callers need, if it is one permission.
    pub permission: Option<&'static str>,
    /// Whether callers need no token.
    pub public: bool,
}

/// A topic with its dead letters.
#[derive(Debug, Clone, Serialize)]
pub struct Topic {
    /// `orders.orders`.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// How long events stay.
    pub retention_ms: u64,
}

/// The methods of a domain, sorted by path.
pub fn methods(domain: &str) -> Result<Vec<Method>> {
    let prefix = format!("/erp.{domain}.");
    let mut found = METHODS
        .iter()
        .filter(|method| method.path.starts_with(&prefix))
        .map(|method| {
            let permission = match method.access {
                Access::Permission(name) => Some(name),
                Access::Public | Access::Authenticated => None,
            };
            Ok(Method {
                path: method.path,
                kind: kind(method.path)?,
                permission,
                public: method.access == Access::Public,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    found.sort_by_key(|method| method.path);
    Ok(found)
}

/// The topics of a domain with those of their dead letters, as the services would make them.
pub fn topics(domain: &str) -> Vec<Topic> {
    let prefix = format!("{domain}.");
    let own = TOPICS.iter().filter(|topic| topic.name.starts_with(&prefix));
    let mut found: Vec<Topic> = own
        .flat_map(|topic| {
            let spec = host::topic_spec(topic);
            [spec.dead_letters(), spec]
        })
        .map(|spec| Topic {
            name: spec.name,
            partitions: spec.partitions,
            retention_ms: spec.retention.as_secs() * 1_000,
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// A method that is mapped to GET reads, by the rules of the contracts; every other may write.
pub fn kind(path: &str) -> Result<Kind> {
    let method = descriptor(path).with_context(|| format!("{path} is in no contract"))?;
    if method.is_server_streaming() || method.is_client_streaming() {
        return Ok(Kind::Stream);
    }
    let http = POOL.get_extension_by_name("google.api.http").context("the contracts lack google.api.http")?;
    let options: DynamicMessage = method.options();
    let rule = options.get_extension(&http);
    let reads = rule.as_message().is_some_and(|rule| rule.has_field_by_name("get"));
    Ok(if reads { Kind::Read } else { Kind::Write })
}

/// Whether callers need no token for a method.
pub fn is_public(path: &str) -> bool {
    METHODS.iter().any(|method| method.path == path && method.access == Access::Public)
}

fn descriptor(path: &str) -> Option<MethodDescriptor> {
    let (service, name) = path.trim_start_matches('/').split_once('/')?;
    POOL.get_service_by_name(service)?.methods().find(|method| method.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_write_is_no_read() {
        // A read is repeated by the mesh when its answer was lost; a write that passed for one would run twice.
        let kind_of = |path| kind(path).unwrap();
        assert_eq!(kind_of("/erp.crm.v1.AccountService/GetAccount"), Kind::Read);
        assert_eq!(kind_of("/erp.crm.v1.AccountService/CreateAccount"), Kind::Write);
        // Takes no request id, and ends the session when it is used twice.
        assert_eq!(kind_of("/erp.identity.v1.AuthService/RefreshToken"), Kind::Write);
        assert_eq!(kind_of("/erp.ops.v1.EventLogService/WatchEvents"), Kind::Stream);
        assert!(kind("/erp.crm.v1.AccountService/Nothing").is_err());
    }
}
