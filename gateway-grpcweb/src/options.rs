//! What an operator may choose.

use std::path::PathBuf;
use std::time::Duration;

use crate::codec::JsonOptions;
use crate::edge::address::Networks;
use crate::edge::auth::AuthOptions;
use crate::edge::limit::LimitOptions;
use crate::edge::tls::Tls;

/// How a gateway behaves. The default suits a process behind a load balancer.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which web pages may call.
    pub origins: Origins,
    /// The longest request body of a REST call; longer ones get 413.
    pub max_request: usize,
    /// The longest message taken from a service.
    pub max_response: usize,
    /// Deadline of a REST call that names none; streams have none unless they name one.
    pub timeout: Duration,
    /// The longest deadline that a REST caller may ask for.
    pub max_timeout: Duration,
    /// Skip unknown JSON fields instead of refusing them.
    pub ignore_unknown_fields: bool,
    /// How answers are printed.
    pub json: JsonOptions,
    /// How long a stream of events may be silent before a comment is sent.
    pub keep_alive: Duration,
    /// Connections served at a time; more wait in the listener's queue.
    pub max_connections: usize,
    /// Connections of one network address at a time, beyond which new ones are closed; 0: no limit.
    /// Trusted proxies have none.
    pub max_connections_per_address: usize,
    /// Proxies whose `x-forwarded-for` names the caller.
    pub trusted_proxies: Networks,
    /// How callers are known at the edge; none: tokens pass unread, and the services alone check.
    pub auth: Option<AuthOptions>,
    /// How many calls a caller may make; none: as many as it likes. Users and tenants are counted
    /// where callers are known at the edge.
    pub limits: Option<LimitOptions>,
    /// How many bytes of answers are kept for methods that declare `(erp.v1.cache)`; 0: none. Those
    /// that are not shared are kept only where callers are known at the edge.
    pub cache_bytes: u64,
    /// TLS on the listener; none: plain.
    pub tls: Option<Tls>,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a client of HTTP/1.1 may take for the headers of its next request, from the end of
    /// the one before.
    pub header_time: Duration,
    /// How long a connection without a request stays open.
    pub idle: Duration,
    /// How long new requests are still taken after a stop was asked for, while `/readyz` tells
    /// balancers to send no more.
    pub drain_wait: Duration,
    /// How long open requests may go on after a stop was asked for.
    pub drain: Duration,
    /// Whether `/openapi.json` and `/docs` tell callers of the contracts.
    pub docs: bool,
    /// The folder of the web console, which is served to browsers at `/`, and the descriptor set with
    /// it; none: there is none.
    pub console: Option<PathBuf>,
    /// What the OpenAPI document and the tools' server call the API.
    pub title: String,
    /// How `/mcp` offers the methods as tools; none: it does not.
    pub mcp: Option<McpOptions>,
}

/// How methods are offered to models as tools.
#[derive(Debug, Clone)]
pub struct McpOptions {
    /// The path of the unary method that tells in the field `permissions` of its answer what the
    /// caller may do. It is called with an empty request.
    pub permissions: String,
    /// The services or packages that are offered, such as `erp.crm`; empty: all.
    pub services: Vec<String>,
}

impl Default for McpOptions {
    fn default() -> Self {
        Self { permissions: "/erp.identity.v1.AuthService/GetCurrentUser".to_owned(), services: Vec::new() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            origins: Origins::None,
            max_request: 4 * 1024 * 1024,
            max_response: 64 * 1024 * 1024,
            timeout: Duration::from_secs(10),
            max_timeout: Duration::from_secs(300),
            ignore_unknown_fields: false,
            json: JsonOptions::default(),
            keep_alive: Duration::from_secs(15),
            max_connections: 10_000,
            max_connections_per_address: 2_048,
            trusted_proxies: Networks::default(),
            auth: None,
            limits: None,
            cache_bytes: 64 * 1024 * 1024,
            tls: None,
            handshake: Duration::from_secs(10),
            header_time: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            drain_wait: Duration::ZERO,
            drain: Duration::from_secs(10),
            docs: true,
            console: None,
            title: "Tessera".to_owned(),
            mcp: Some(McpOptions::default()),
        }
    }
}

/// The origins whose pages may call across sites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origins {
    /// Only pages of the gateway's own origin.
    #[default]
    None,
    /// Every page. Fit for development: tokens travel in headers, never in cookies.
    Any,
    /// These pages, such as `https://app.example.com`.
    List(Vec<String>),
}

impl Origins {
    /// Reads `*`, an empty text or a list parted by commas.
    pub fn parse(text: &str) -> Self {
        let list: Vec<_> =
            text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
        match list.as_slice() {
            [] => Self::None,
            [one] if one == "*" => Self::Any,
            _ => Self::List(list),
        }
    }

    pub(crate) fn allow(&self, origin: &str) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::List(list) => list.iter().any(|one| one == origin),
        }
    }
}
