//! The suite in the mesh: PostgreSQL, every service as a process of its own behind its sidecar, the gateway, the edge.

pub mod control;
mod ground;
mod roll;
mod suite;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use local::Folder;

pub use suite::Suite;

/// What a run is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the project, which holds the manifests.
    pub root: PathBuf,
    /// The folder that holds the data; `.tessera`.
    pub folder: PathBuf,
    /// The folder with the programs of the services and of the gateway.
    pub programs: PathBuf,
    /// Envoy's program.
    pub envoy: PathBuf,
    /// Where the edge takes calls of the world.
    pub listen: SocketAddr,
    /// How many pods each service has.
    pub replicas: usize,
    /// The folder that holds, by version, folders with the programs of other releases.
    pub images: PathBuf,
}

/// Runs everything until Ctrl-C or SIGTERM, or until a part of it ends by itself; then stops what it started. Talks to
/// stderr.
pub async fn up(options: &Options) -> Result<()> {
    let begun = Instant::now();
    let stop = host::stop_signal();
    let mut suite = tokio::select! {
        suite = Suite::start(options) => suite?,
        () = stop.cancelled() => return Ok(()),
    };
    welcome(&suite, begun);
    let watched = tokio::select! {
        watched = suite.serve() => watched,
        () = stop.cancelled() => Ok(()),
    };
    eprintln!("stopping: finishing calls, emptying outboxes …");
    suite.stop().await?;
    watched
}

fn welcome(suite: &Suite, begun: Instant) {
    let folder: &Folder = suite.folder();
    eprintln!();
    eprintln!("Tessera is up in its mesh after {:.1} s.", begun.elapsed().as_secs_f64());
    eprintln!();
    eprintln!("  the edge               http://{}", suite.address());
    for pod in suite.pods() {
        eprintln!("  {:<22} {} (admin http://{})", pod.name, pod.addresses.outside, pod.addresses.admin());
    }
    eprintln!("  configurations, logs   {}", folder.join("mesh").display());
    eprintln!("  mails                  {}", folder.join("mail").display());
    eprintln!("  login                  {}  /  {}", all::DEMO_EMAIL, suite.password());
    eprintln!();
    eprintln!("Next, in another terminal:   ./tessera demo        a small company, through the mesh");
    eprintln!("Ctrl-C stops everything; the data stays for the next time.");
}
