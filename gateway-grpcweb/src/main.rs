//! The gateway as a process of its own, in front of remote services.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `TESSERA_GATEWAY_ADDRESS` | where to listen, `0.0.0.0:8080` when unset |
//! | `TESSERA_DESCRIPTOR_SET` | file with the encoded `FileDescriptorSet` |
//! | `TESSERA_PEER_<NAME>` | address of the services of package `erp.<name>`: `TESSERA_PEER_CRM=http://crm:50051` |
//! | `TESSERA_CORS_ORIGINS` | origins of web pages that may call, parted by commas, or `*` |
//! | `TESSERA_GATEWAY_TIMEOUT_MS` | deadline of a REST call that names none, 10000 when unset |
//! | `TESSERA_GATEWAY_MAX_BODY` | longest REST body in bytes, 4194304 when unset |
//! | `TESSERA_GATEWAY_WORKERS` | threads that serve, one for each core when unset |
//! | `TESSERA_DOCS` | `off`: neither `/openapi.json` nor `/docs` |
//! | `TESSERA_API_TITLE` | what the document calls the API, `Tessera` when unset |
//! | `TESSERA_MCP` | `off`: no tools at `/mcp` |
//! | `TESSERA_MCP_SERVICES` | services or packages offered as tools, parted by commas; all when unset |
//! | `TESSERA_MCP_PERMISSIONS` | path of the method that tells a caller's permissions |
//! | `RUST_LOG` | what is logged, `info` when unset |

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use gateway_grpcweb::{Backend, Gateway, McpOptions, Options, Origins};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tonic::transport::Endpoint;
use tracing_subscriber::EnvFilter;

const PEER: &str = "TESSERA_PEER_";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).init();
    match runtime().and_then(|runtime| runtime.block_on(run())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A single worker needs no queues between threads.
fn runtime() -> Result<Runtime, Box<dyn Error>> {
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

async fn run() -> Result<(), Box<dyn Error>> {
    let path = env::var("TESSERA_DESCRIPTOR_SET")
        .map_err(|_| "TESSERA_DESCRIPTOR_SET must name the file with the descriptor set")?;
    let set = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
    let backend = Backend::by_package(peers(env::vars())?);
    let gateway = Gateway::new(&set, backend, options()?).map_err(|error| format!("{path}: {error}"))?;
    let address = env::var("TESSERA_GATEWAY_ADDRESS").unwrap_or_else(|_| "0.0.0.0:8080".to_owned());
    let listener = TcpListener::bind(&address).await.map_err(|error| format!("{address}: {error}"))?;
    tracing::info!(address, snapshot = ?gateway.snapshot(), "listening");
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    gateway.serve(listener, stop).await?;
    Ok(())
}

/// One lazy channel for each `TESSERA_PEER_<NAME>`.
fn peers(vars: impl Iterator<Item = (String, String)>) -> Result<Vec<(String, Backend)>, Box<dyn Error>> {
    let mut peers = Vec::new();
    for (name, address) in vars {
        let Some(peer) = name.strip_prefix(PEER) else { continue };
        let endpoint = Endpoint::from_shared(address).map_err(|error| format!("{name}: {error}"))?;
        let endpoint =
            endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).http2_adaptive_window(true);
        let package = format!("erp.{}", peer.to_ascii_lowercase().replace("__", "."));
        peers.push((package, Backend::channel(endpoint.connect_lazy())));
    }
    if peers.is_empty() {
        return Err(format!("no service is configured; set {PEER}<NAME>=http://host:port").into());
    }
    Ok(peers)
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options::default();
    if let Ok(origins) = env::var("TESSERA_CORS_ORIGINS") {
        options.origins = Origins::parse(&origins);
    }
    if let Some(millis) = number("TESSERA_GATEWAY_TIMEOUT_MS")? {
        options.timeout = Duration::from_millis(millis);
    }
    if let Some(bytes) = number("TESSERA_GATEWAY_MAX_BODY")? {
        options.max_request = usize::try_from(bytes)?;
    }
    options.docs = !is_off("TESSERA_DOCS")?;
    if let Ok(title) = env::var("TESSERA_API_TITLE") {
        options.title = title;
    }
    options.mcp = if is_off("TESSERA_MCP")? { None } else { Some(mcp()) };
    Ok(options)
}

/// Reads a switch, which is on when unset.
fn is_off(name: &str) -> Result<bool, Box<dyn Error>> {
    match env::var(name).as_deref() {
        Ok("off") => Ok(true),
        Ok("on") | Err(_) => Ok(false),
        Ok(other) => Err(format!("{name} must be `on` or `off`, not {other:?}").into()),
    }
}

/// How methods are offered as tools.
fn mcp() -> McpOptions {
    let mut options = McpOptions::default();
    if let Ok(services) = env::var("TESSERA_MCP_SERVICES") {
        let named = services.split(',').map(str::trim).filter(|one| !one.is_empty());
        options.services = named.map(str::to_owned).collect();
    }
    if let Ok(permissions) = env::var("TESSERA_MCP_PERMISSIONS") {
        options.permissions = permissions;
    }
    options
}

fn number(name: &str) -> Result<Option<u64>, Box<dyn Error>> {
    match env::var(name) {
        Ok(text) => Ok(Some(text.parse().map_err(|_| format!("{name} must be a number, not {text:?}"))?)),
        Err(_) => Ok(None),
    }
}
