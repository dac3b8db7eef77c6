//! The gateway as a process of its own, in front of remote services. What it is told by its
//! environment stands in `docs/gateway-operations.md`. With the argument `health` it asks the one
//! that serves here whether it is ready, and ends.

mod config;
mod probe;

use std::process::ExitCode;

use gateway_grpcweb::{Gateway, Metrics};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Error, text};

/// The same as that of the services.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match config::runtime().and_then(|runtime| runtime.block_on(serve_or_ask())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A word that means nothing is refused: what was to ask must not serve.
async fn serve_or_ask() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run().await,
        ["health"] => probe::ask().await,
        _ => Err("the arguments may only be `health`".into()),
    }
}

async fn run() -> Result<(), Error> {
    // The admin port shows the metrics; logs are for machines unless something else is asked for.
    let json = text("TESSERA_LOG_FORMAT").is_none_or(|format| format == "json");
    let telemetry = telemetry::start_without_metrics(json).map_err(|error| error.to_string())?;
    let admin = text("TESSERA_GATEWAY_ADMIN_ADDRESS");
    let metrics = admin.is_some().then(Metrics::install).transpose()?;
    let (descriptors, every) = config::descriptors()?;
    let set = descriptors.read().await?;
    let gateway = Gateway::new(&set, config::backend()?, config::options()?)?;
    let address = text("TESSERA_GATEWAY_ADDRESS").unwrap_or_else(|| "0.0.0.0:8080".to_owned());
    let listener = bind(&address).await?;
    if let (Some(address), Some(metrics)) = (admin, metrics) {
        tokio::spawn(gateway.clone().serve_admin(bind(&address).await?, metrics));
    }
    tokio::spawn(gateway.clone().watch(descriptors, every));
    tracing::info!(address, snapshot = ?gateway.snapshot(), "listening");
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    gateway.serve(listener, stop).await?;
    telemetry.flush();
    Ok(())
}

async fn bind(address: &str) -> Result<TcpListener, Error> {
    Ok(TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?)
}
