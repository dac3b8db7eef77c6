//! The environment that the process is told by, beside what it shares with the process of all
//! services; `docs/gateway-operations.md` lists it.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use gateway_grpcweb::{
    AuthOptions, Backend, Descriptors, Environment, HealthOptions, LimitOptions, Options, Plans, Tls,
};
use http::{HeaderName, HeaderValue};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Channel, Endpoint};

const PEER: &str = "TESSERA_PEER_";
const VARIANT: &str = "TESSERA_VARIANT_";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) type Error = Box<dyn std::error::Error>;

/// A variable that is set to something.
pub(crate) fn text(name: &str) -> Option<String> {
    Environment::of_process().text(name)
}

/// What the process runs on. A single worker needs no queues between threads.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    let mut builder = match Environment::of_process().number("TESSERA_GATEWAY_WORKERS")? {
        Some(0) => return Err("TESSERA_GATEWAY_WORKERS must be 1 at the least".into()),
        Some(1) => Builder::new_current_thread(),
        workers => {
            let mut builder = Builder::new_multi_thread();
            if let Some(workers) = workers {
                builder.worker_threads(workers);
            }
            builder
        }
    };
    Ok(builder.enable_all().build()?)
}

/// All options but the backend.
pub(crate) fn options() -> Result<Options, Error> {
    let usual = Options {
        drain_wait: Duration::from_secs(5),
        auth: Some(AuthOptions::default()),
        limits: Some(LimitOptions::usual(Some(Plans::default()))),
        ..Options::default()
    };
    let mut options = Environment::of_process().options(usual)?;
    options.tls = match (text("TESSERA_TLS_CERT"), text("TESSERA_TLS_KEY")) {
        (Some(certificate), Some(key)) => Some(Tls::from_files(certificate, key)?),
        (None, None) => None,
        _ => return Err("TESSERA_TLS_CERT and TESSERA_TLS_KEY belong together".into()),
    };
    Ok(options)
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
    Environment::of_process().millis("TESSERA_DESCRIPTORS_EVERY_MS", &mut every)?;
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
