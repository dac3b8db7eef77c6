//! Stops the tests' cluster when nobody uses it any more.
//!
//! Every test process holds a shared lock on one file for as long as it lives; the kernel takes the lock away
//! however the process ends. A small detached shell looks whether it could have that lock alone, and once it
//! could for long enough, stops the server. So nothing has to be cleaned up by the test processes themselves.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use crate::place::Place;
use crate::system::{ServerUser, lock_file};
use crate::{Error, Result};

const SCRIPT: &str = include_str!("watchdog.sh");

/// Says that this process uses the cluster, until the file is closed.
pub(crate) fn join(root: &Path) -> Result<File> {
    let path = root.join("users.lock");
    let file = lock_file(&path)?;
    file.lock_shared().map_err(Error::io("Cannot lock", &path))?;
    Ok(file)
}

/// Starts the watchdog unless one is at work.
pub(crate) fn ensure(place: &Place, user: &ServerUser, idle_seconds: u32) -> Result<()> {
    let path = place.root.join("watchdog.lock");
    let lock = lock_file(&path)?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    // The watchdog takes it for itself; should two start, the second ends at once.
    drop(lock);
    let shell = Path::new("/bin/sh");
    user.command(shell, &place.root)
        .args(["-c", SCRIPT, "tessera-watchdog"])
        .arg(&place.root)
        .arg(idle_seconds.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C in the terminal goes to the tests, not to it.
        .process_group(0)
        .spawn()
        .map(drop)
        .map_err(Error::io("Cannot run", shell))
}
