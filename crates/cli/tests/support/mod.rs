//! A whole suite in this process, and the real command beside it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use all::{Stack, StackOptions};
use serde_json::Value;
use tempfile::TempDir;

/// A running suite with a folder of its own.
pub struct Suite {
    stack: Option<Stack>,
    folder: TempDir,
    address: String,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// What it ended with.
    pub exit: i32,
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl Ran {
    /// The data, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The data of a command that must have gone well.
    pub fn ok(self) -> Value {
        assert_eq!(self.exit, 0, "{self:#?}");
        self.json()
    }
}

impl Suite {
    /// Starts everything on free ports, with the demo tenant.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        // PostgreSQL runs as another user where tests run as root, and must get through.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("the folder is ours");
        let options = StackOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            database_url: None,
            kafka_brokers: None,
            metrics_listen: None,
            job_lease_seconds: 60,
            demo: true,
            folder: Some(folder.path().join("home")),
            gateway: all::usual_gateway(),
        };
        let stack = Stack::start(options).await.expect("the suite starts");
        let address = format!("http://{}", stack.address());
        Self { stack: Some(stack), folder, address }
    }

    /// Where the gateway is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A place for files of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the test.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("folders can be made");
        std::fs::write(&path, text).expect("files can be written");
        path
    }

    /// Runs the command as the demo user would.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_as("demo", arguments, "").await
    }

    /// Runs the command with the login of this name and this text on stdin.
    pub async fn run_as(&self, login: &str, arguments: &[&str], stdin: &str) -> Ran {
        let mut command = self.command(login);
        command.args(arguments);
        let stdin = stdin.to_owned();
        // The suite must go on serving while the command runs.
        tokio::task::spawn_blocking(move || finish(&mut command, &stdin)).await.expect("the command runs")
    }

    fn command(&self, login: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TESSERA_")) {
            command.env_remove(name);
        }
        command
            .env("TESSERA_HOME", self.path("home"))
            .env("TESSERA_CONFIG", self.path(&format!("{login}.toml")))
            .env("NO_COLOR", "1")
            .current_dir(self.folder.path());
        command
    }

    /// Stops everything.
    pub async fn stop(mut self) {
        if let Some(stack) = self.stack.take() {
            stack.stop().await.expect("the suite stops");
        }
    }
}

impl Drop for Suite {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        if self.stack.is_none() {
            return;
        }
        let folder = self.path("home");
        let stopped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(local::Cluster::stop_in(&folder)).ok()
        });
        let _ = stopped.join();
    }
}

fn finish(command: &mut Command, stdin: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command is built");
    if let Some(mut pipe) = child.stdin.take() {
        // A command that does not read is none the worse.
        let _ = pipe.write_all(stdin.as_bytes());
    }
    let output = child.wait_with_output().expect("the command ends");
    Ran {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A figure of a summary: what it must be, and what the books say.
pub fn figure(summary: &Value, name: &str) -> (String, String) {
    let figures = summary["figures"].as_array().expect("a summary has figures");
    let found =
        figures.iter().find(|one| one["figure"] == name).unwrap_or_else(|| panic!("no figure {name}"));
    let text = |side: &str| found[side].as_str().unwrap_or_default().to_owned();
    (text("expected"), text("actual"))
}
