//! The main function of every service's binary.

use std::process::Termination;
use std::time::Duration;

use kit::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::mesh::Mesh;
use crate::service::Service;
use crate::{Config, config, probe};

/// How long calls may go on after the signal to stop.
const DRAIN_MAX: Duration = Duration::from_secs(25);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// It was asked to.
    Stopped,
    /// It could not go on.
    Failed,
}

impl Termination for ExitCode {
    fn report(self) -> std::process::ExitCode {
        match self {
            Self::Stopped => std::process::ExitCode::SUCCESS,
            Self::Failed => std::process::ExitCode::FAILURE,
        }
    }
}

/// Runs services until SIGTERM or SIGINT, then drains. What it needs is read from the environment, see [`Config`].
/// With the argument `migrate` it brings their databases to the newest schema instead, and ends; with `health` it asks
/// the process that serves here whether it is ready, and ends.
pub fn main(services: impl IntoIterator<Item = Service>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    exit(command(&arguments).and_then(|command| run(services, command)))
}

/// As [`main`], for a program whose arguments are its own.
pub fn serve(services: impl IntoIterator<Item = Service>) -> ExitCode {
    exit(run(services, Command::Serve))
}

fn exit(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::Stopped,
        Err(error) => {
            // Telemetry may not stand yet; a person reads this line.
            eprintln!("cannot run: {}", error.cause().unwrap_or(error.text()));
            ExitCode::Failed
        }
    }
}

/// What the process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Serve,
    Migrate,
    Health,
}

/// Reads the arguments. A word that means nothing is refused: a Job that was to migrate must not serve.
fn command(arguments: &[String]) -> Result<Command> {
    match arguments {
        [] => Ok(Command::Serve),
        [only] if only == "migrate" => Ok(Command::Migrate),
        [only] if only == "health" => Ok(Command::Health),
        _ => Err(Error::invalid("the arguments", "may only be `migrate` or `health`")),
    }
}

fn run(services: impl IntoIterator<Item = Service>, command: Command) -> Result<()> {
    let services: Vec<Service> = services.into_iter().collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    runtime.block_on(async {
        match command {
            Command::Serve => serve_until_stopped(services).await,
            Command::Migrate => migrate(&services).await,
            Command::Health => probe::ask(config::listen()?).await,
        }
    })
}

async fn migrate(services: &[Service]) -> Result<()> {
    let telemetry = telemetry::start(None)?;
    for service in services {
        let owner = config::owner_url(service.name())?;
        store::migrate::run(&owner, &service.migrations).await?;
        store::migrate::close_to_others(&owner).await?;
        tracing::info!(service = service.name(), "migrated");
    }
    telemetry.flush();
    Ok(())
}

async fn serve_until_stopped(services: Vec<Service>) -> Result<()> {
    let names: Vec<&'static str> = services.iter().map(Service::name).collect();
    let config = Config::from_env(&names)?;
    let telemetry = telemetry::start(config.metrics_listen)?;
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(|error| Error::invalid("TESSERA_LISTEN", format!("{}: {error}", config.listen)))?;
    let mesh = Mesh::start(services, config).await?;
    let stop = stop_signal();
    tracing::info!(services = ?names, address = %listener.local_addr().map_err(Error::internal)?, "serving");
    let drained = stop.clone();
    let server = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .serve_with_incoming_shutdown(
            mesh.channel(),
            tokio_stream::wrappers::TcpListenerStream::new(listener),
            async move { drained.cancelled().await },
        );
    let server = tokio::spawn(server);
    stop.cancelled().await;
    mesh.stop_serving();
    match tokio::time::timeout(DRAIN_MAX, server).await {
        Ok(Ok(ended)) => ended.map_err(Error::internal)?,
        Ok(Err(panic)) => return Err(Error::internal(panic)),
        Err(_) => tracing::warn!("some calls did not end within the drain"),
    }
    mesh.drain().await;
    telemetry.flush();
    Ok(())
}

/// Cancelled by the first SIGTERM or SIGINT. To be called inside a runtime.
pub fn stop_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened to");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be listened to");
    let cancel = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancel.cancel();
    });
    stop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_means_nothing_is_refused() {
        // A Job with a typing error in its arguments would otherwise serve, and never end.
        let read = |words: &[&str]| command(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&[]).unwrap(), Command::Serve);
        assert_eq!(read(&["migrate"]).unwrap(), Command::Migrate);
        assert_eq!(read(&["health"]).unwrap(), Command::Health);
        assert!(read(&["migrat"]).is_err() && read(&["migrate", "crm"]).is_err());
    }
}
