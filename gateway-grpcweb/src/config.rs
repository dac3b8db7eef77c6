//! The environment that the process is told by; `docs/gateway-operations.md` lists it.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use gateway_grpcweb::{
    AuthOptions, Backend, Descriptors, HealthOptions, KeySet, LimitOptions, McpOptions, Networks, Options,
    Origins, Plans, Tls,
};
use http::{HeaderName, HeaderValue};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Channel, Endpoint};

const PEER: &str = "TESSERA_PEER_";
const VARIANT: &str = "TESSERA_VARIANT_";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the address limit is when nothing is said.
const ADDRESS_LIMIT: u32 = 600;

pub(crate) type Error = Box<dyn std::error::Error>;

/// A variable that is set to something.
pub(crate) fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}

/// The same, or an error that names it.
fn read<T>(name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, Error> {
    let Some(text) = text(name) else { return Ok(None) };
    Ok(Some(read(&text).map_err(|why| format!("{name}: {why}"))?))
}

fn number(name: &str) -> Result<Option<u64>, Error> {
    read(name, |text| text.parse().map_err(|_| format!("{text:?} is no number")))
}

fn millis(name: &str, place: &mut Duration) -> Result<(), Error> {
    if let Some(millis) = number(name)? {
        *place = Duration::from_millis(millis);
    }
    Ok(())
}

fn size(name: &str, place: &mut usize) -> Result<(), Error> {
    if let Some(number) = number(name)? {
        *place = usize::try_from(number)?;
    }
    Ok(())
}

/// What the process runs on. A single worker needs no queues between threads.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    let mut builder = match number("TESSERA_GATEWAY_WORKERS")? {
        Some(0) => return Err("TESSERA_GATEWAY_WORKERS must be 1 at the least".into()),
        Some(1) => Builder::new_current_thread(),
        workers => {
            let mut builder = Builder::new_multi_thread();
            if let Some(workers) = workers {
                builder.worker_threads(usize::try_from(workers)?);
            }
            builder
        }
    };
    Ok(builder.enable_all().build()?)
}

/// All options but the backend.
pub(crate) fn options() -> Result<Options, Error> {
    let mut options = Options { drain_wait: Duration::from_secs(5), ..Options::default() };
    if let Some(origins) = text("TESSERA_CORS_ORIGINS") {
        options.origins = Origins::parse(&origins);
    }
    millis("TESSERA_GATEWAY_TIMEOUT_MS", &mut options.timeout)?;
    millis("TESSERA_GATEWAY_MAX_TIMEOUT_MS", &mut options.max_timeout)?;
    millis("TESSERA_GATEWAY_HEADER_TIME_MS", &mut options.header_time)?;
    millis("TESSERA_GATEWAY_IDLE_MS", &mut options.idle)?;
    millis("TESSERA_GATEWAY_DRAIN_WAIT_MS", &mut options.drain_wait)?;
    millis("TESSERA_GATEWAY_DRAIN_MS", &mut options.drain)?;
    size("TESSERA_GATEWAY_MAX_BODY", &mut options.max_request)?;
    size("TESSERA_GATEWAY_MAX_CONNECTIONS", &mut options.max_connections)?;
    size("TESSERA_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS", &mut options.max_connections_per_address)?;
    if let Some(bytes) = number("TESSERA_GATEWAY_CACHE_BYTES")? {
        options.cache_bytes = bytes;
    }
    if let Some(networks) = read("TESSERA_TRUSTED_PROXIES", Networks::parse)? {
        options.trusted_proxies = networks;
    }
    options.tls = match (text("TESSERA_TLS_CERT"), text("TESSERA_TLS_KEY")) {
        (Some(certificate), Some(key)) => Some(Tls::from_files(certificate, key)?),
        (None, None) => None,
        _ => return Err("TESSERA_TLS_CERT and TESSERA_TLS_KEY belong together".into()),
    };
    options.docs = !is_off("TESSERA_DOCS")?;
    options.console = text("TESSERA_CONSOLE").map(PathBuf::from);
    if let Some(title) = text("TESSERA_API_TITLE") {
        options.title = title;
    }
    options.mcp = if is_off("TESSERA_MCP")? { None } else { Some(mcp()) };
    options.auth = auth()?;
    options.limits = limits()?;
    Ok(options)
}

/// Reads a switch, which is on when unset.
fn is_off(name: &str) -> Result<bool, Error> {
    match text(name).as_deref() {
        Some("off") => Ok(true),
        Some("on") | None => Ok(false),
        Some(other) => Err(format!("{name} must be `on` or `off`, not {other:?}").into()),
    }
}

/// How methods are offered as tools.
fn mcp() -> McpOptions {
    let mut options = McpOptions::default();
    if let Some(services) = text("TESSERA_MCP_SERVICES") {
        let services = services.split(',').map(str::trim).filter(|one| !one.is_empty());
        options.services = services.map(str::to_owned).collect();
    }
    if let Some(permissions) = text("TESSERA_MCP_PERMISSIONS") {
        options.permissions = permissions;
    }
    options
}

fn auth() -> Result<Option<AuthOptions>, Error> {
    let mut auth = AuthOptions::default();
    if is_off("TESSERA_AUTH")? {
        return Ok(None);
    }
    if let Some(method) = text("TESSERA_JWKS_METHOD") {
        auth.keys = KeySet::Method(method);
    }
    let uri = |text: &str| text.parse().map_err(|_| format!("{text:?} is no address"));
    if let Some(uri) = read("TESSERA_JWKS_URL", uri)? {
        auth.keys = KeySet::Url(uri);
    }
    if let Some(issuer) = text("TESSERA_TOKEN_ISSUER") {
        auth.issuer = issuer;
    }
    if let Some(audience) = text("TESSERA_TOKEN_AUDIENCE") {
        auth.audience = audience;
    }
    match text("TESSERA_API_KEY_METHOD") {
        Some(off) if off == "off" => auth.api_keys = None,
        Some(method) => auth.api_keys = Some(method),
        None => {}
    }
    Ok(Some(auth))
}

fn limits() -> Result<Option<LimitOptions>, Error> {
    let off = |text: &str| text == "off";
    let plans = match text("TESSERA_PLANS").as_deref() {
        Some(text) if off(text) => None,
        _ => Some(read("TESSERA_PLANS", Plans::parse)?.unwrap_or_default()),
    };
    let address = match text("TESSERA_ADDRESS_LIMIT").as_deref() {
        Some(text) if off(text) => None,
        _ => Some(number("TESSERA_ADDRESS_LIMIT")?.map_or(Ok(ADDRESS_LIMIT), u32::try_from)?),
    };
    Ok(Some(LimitOptions { plans, address, redis: text("TESSERA_REDIS_URL") }))
}

/// Where calls go: one backend for each package, and others for calls with a header.
pub(crate) fn backend() -> Result<Backend, Error> {
    let mut packages = Vec::new();
    let mut variants = Vec::new();
    let mut vars: Vec<_> = env::vars().collect();
    vars.sort();
    for (name, value) in vars {
        if let Some(package) = name.strip_prefix(PEER) {
            packages.push((package_of(package), addresses(&name, &value)?));
        } else if name.starts_with(VARIANT) {
            variants.push(variant(&name, &value)?);
        }
    }
    if packages.is_empty() {
        return Err(format!("no service is configured; set {PEER}<NAME>=http://host:port").into());
    }
    let backend = Backend::by_package(packages);
    Ok(if variants.is_empty() { backend } else { backend.with_variants(variants) })
}

fn package_of(name: &str) -> String {
    format!("erp.{}", name.to_ascii_lowercase().replace("__", "."))
}

fn addresses(name: &str, list: &str) -> Result<Backend, Error> {
    let list: Vec<_> =
        list.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
    Ok(Backend::addresses(&list, HealthOptions::default()).map_err(|why| format!("{name}: {why}"))?)
}

/// Reads `x-service-version=v2 CRM=http://crm-v2:50051,http://… ORDERS=http://…`.
fn variant(name: &str, text: &str) -> Result<(HeaderName, HeaderValue, Backend), Error> {
    let wrong = || format!("{name}: {text:?} is not like x-service-version=v2 CRM=http://crm-v2:50051");
    let mut parts = text.split_whitespace();
    let (header, value) = parts.next().and_then(|part| part.split_once('=')).ok_or_else(wrong)?;
    let header = HeaderName::try_from(header).map_err(|_| wrong())?;
    let value = HeaderValue::try_from(value).map_err(|_| wrong())?;
    let mut packages = Vec::new();
    for part in parts {
        let (package, list) = part.split_once('=').ok_or_else(wrong)?;
        packages.push((package_of(package), addresses(name, list)?));
    }
    if packages.is_empty() {
        return Err(wrong().into());
    }
    Ok((header, value, Backend::by_package(packages)))
}

/// Where the descriptor set comes from, and how often it is looked at.
pub(crate) fn descriptors() -> Result<(Descriptors, Duration), Error> {
    let mut every = Duration::from_secs(5);
    millis("TESSERA_DESCRIPTORS_EVERY_MS", &mut every)?;
    let every = every.max(Duration::from_millis(100));
    if let Some(path) = text("TESSERA_DESCRIPTOR_SET") {
        return Ok((Descriptors::File(PathBuf::from(path)), every));
    }
    let list = text("TESSERA_REFLECTION").ok_or(
        "TESSERA_DESCRIPTOR_SET must name the file with the descriptor set, or TESSERA_REFLECTION services that tell it",
    )?;
    let channel = |address: &str| -> Result<Channel, Error> {
        let endpoint = Endpoint::from_shared(address.to_owned());
        let endpoint = endpoint.map_err(|error| format!("TESSERA_REFLECTION: {address}: {error}"))?;
        Ok(endpoint.connect_timeout(CONNECT_TIMEOUT).connect_lazy())
    };
    let channels = list.split(',').map(str::trim).map(channel).collect::<Result<_, _>>()?;
    Ok((Descriptors::Reflection(channels), every))
}
