//! Programs that were started here, and are stopped here.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// How many lines of a log are shown when its program failed.
const SHOWN: usize = 5;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program whose lines go to a file. It gets no other variables of ours than those that every program
    /// needs, and no signals of the terminal: it is stopped in its turn.
    pub fn start(
        name: &str,
        program: &Path,
        arguments: &[String],
        environment: &BTreeMap<String, String>,
        log: &Path,
    ) -> Result<Self> {
        let append = || -> std::io::Result<(File, File)> {
            let file = OpenOptions::new().create(true).append(true).open(log)?;
            Ok((file.try_clone()?, file))
        };
        let (stdout, stderr) = append().with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(environment);
        for kept in ["PATH", "HOME", "LANG", "TMPDIR", "RUST_LOG"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// What a person calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process; none: it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Fails when it has ended, with its last lines.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} has ended ({status}): {}", self.name, self.last_lines()),
            None => Ok(()),
        }
    }

    /// Waits until it ends by itself, as well as it should, and kills it when it takes longer than it may.
    pub async fn finish(&mut self, patience: Duration) -> Result<()> {
        let Ok(ended) = tokio::time::timeout(patience, self.child.wait()).await else {
            self.kill().await?;
            bail!("{} has not ended after {patience:?}: {}", self.name, self.last_lines());
        };
        match ended? {
            status if status.success() => Ok(()),
            status => bail!("{} has ended ({status}): {}", self.name, self.last_lines()),
        }
    }

    /// Asks it to stop, waits as long as it may take, and kills it when it takes longer.
    pub async fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM);
        if let Ok(status) = tokio::time::timeout(patience, self.child.wait()).await {
            return Ok(status?);
        }
        self.kill().await
    }

    /// Kills it, as a machine that loses its power would.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGKILL);
        Ok(self.child.wait().await?)
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id {
            // It may have ended by itself, which is what was wanted.
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let shown = lines[lines.len().saturating_sub(SHOWN)..].join("\n  ");
        format!("{}\n  {shown}", self.log.display())
    }
}
