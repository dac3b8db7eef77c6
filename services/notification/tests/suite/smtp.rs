//! A real mail server as a process of its own: Python's aiosmtpd, installed below the target folder.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// The version that is known to work.
const AIOSMTPD: &str = "aiosmtpd==1.4.6";

pub struct Server {
    folder: TempDir,
    port: u16,
    // Its end ends the server.
    _input: ChildStdin,
    _child: Child,
}

impl Server {
    /// Starts a server; none, with a word about it, where there is no Python with pip.
    pub async fn start() -> Option<Self> {
        let packages = install().await?;
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/smtp_server.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg(folder.path())
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().expect("the mail server tells its port").parse().unwrap();
        let input = child.stdin.take().unwrap();
        Some(Self { folder, port, _input: input, _child: child })
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The mails that it took, in the order of their arrival.
    pub fn mails(&self) -> Vec<String> {
        super::mails_in(self.folder.path())
    }
}

/// The folder of Python packages, filled once for all tests.
async fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aiosmtpd-1.4.6");
    if folder.join("aiosmtpd").exists() {
        return Some(folder);
    }
    if !runs(Command::new("python3").args(["-m", "pip", "--version"])).await {
        skip::skipped("there is no python3 with pip to run a mail server");
        return None;
    }
    let unfinished = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target"]);
    pip.arg(unfinished.path()).arg(AIOSMTPD);
    assert!(runs(&mut pip).await, "pip cannot install {AIOSMTPD}");
    // Another test may have been faster; then its folder is the one.
    let _ = std::fs::rename(unfinished.path(), &folder);
    Some(folder)
}

async fn runs(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().await;
    status.is_ok_and(|status| status.success())
}
