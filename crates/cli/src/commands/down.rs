//! `tessera down`: stops what runs here.

use std::time::{Duration, Instant};

use local::{Cluster, Folder};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Result;
use crate::client::local_folder;
use crate::failure::Failure;

/// A drain takes at most half of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the process that holds the folder to drain and stop, and waits until it has.
pub async fn run() -> Result<()> {
    let Some(folder) = local_folder() else {
        eprintln!("nothing runs here: there is no .tessera folder (TESSERA_HOME names another)");
        return Ok(());
    };
    let stopped = match folder.running_pid()? {
        Some(pid) => {
            stop(&folder, pid).await?;
            true
        }
        None => false,
    };
    // A process that was killed leaves its database server running.
    let cluster = Cluster::stop_in(folder.path()).await?;
    match (stopped, cluster) {
        (true, _) => eprintln!("stopped; the data stay in {}", folder.path().display()),
        (false, true) => eprintln!("stopped a database server that an earlier run had left behind"),
        (false, false) => eprintln!("nothing runs in {}", folder.path().display()),
    }
    Ok(())
}

async fn stop(folder: &Folder, pid: u32) -> Result<()> {
    let id = i32::try_from(pid).ok().filter(|&id| id > 1).map(Pid::from_raw).ok_or_else(|| {
        Failure::new("the process that runs here has not said its number yet").next("tessera down")
    })?;
    match kill(id, Signal::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => {
            return Err(Failure::new(format!("process {pid} cannot be stopped: {errno}"))
                .next(format!("kill {pid}    (as the user who started it)")));
        }
    }
    eprintln!("stopping process {pid}: it finishes calls and empties its outboxes …");
    let begun = Instant::now();
    while folder.running_pid()? == Some(pid) {
        if begun.elapsed() > PATIENCE {
            return Err(Failure::new(format!("process {pid} still runs after {} s", PATIENCE.as_secs()))
                .next(format!("kill -9 {pid} && tessera down")));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
