//! A suite in a process of its own, as somebody would run it who wants to see all of it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// A machine that is busy with other things may take long to start a database.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running suite.
pub struct Suite {
    child: Option<Child>,
    folder: TempDir,
    /// Where the metrics are.
    pub metrics_port: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A port that nobody has taken.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Suite {
    /// Starts everything, with traces and metrics sent to a collector and lines as JSON.
    pub fn start(collector: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL runs as another user where tests run as root, and must get through.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let metrics_port = free_port();
        let mut command = tessera(&folder);
        let child = command
            .arg("up")
            .env("TESSERA_LISTEN", format!("127.0.0.1:{}", free_port()))
            .env("TESSERA_METRICS_LISTEN", format!("127.0.0.1:{metrics_port}"))
            .env("TESSERA_LOG_FORMAT", "json")
            // Ours tell all they know; the private cluster and the connections are none of it.
            .env("RUST_LOG", "debug,h2=info,hyper=info,hyper_util=info,tower=info")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
            .env("OTEL_TRACES_SAMPLER", "parentbased_always_on")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "500000")
            .env("OTEL_BSP_SCHEDULE_DELAY", "500")
            .env("OTEL_METRICS_EXPORTER", "otlp")
            .env("OTEL_METRIC_EXPORT_INTERVAL", "1000")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut suite = Self { child: Some(child), folder, metrics_port, lines: Arc::default() };
        let stderr = suite.child.as_mut().and_then(|child| child.stderr.take()).unwrap();
        let lines = suite.lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                lines.lock().unwrap().push(line.unwrap());
            }
        });
        let deadline = Instant::now() + PATIENCE;
        while !suite.lines().iter().any(|line| line.contains("the suite is up")) {
            assert!(Instant::now() < deadline, "it does not start: {:#?}", suite.lines());
            std::thread::sleep(Duration::from_millis(50));
        }
        suite
    }

    /// Runs a command as the demo user; its answer must be JSON.
    pub fn run(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).unwrap()
    }

    /// Runs a command as the demo user.
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = tessera(&self.folder).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that is to fail.
    pub fn refused(&self, arguments: &[&str]) {
        let output = tessera(&self.folder).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
    }

    /// Everything that was logged so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The passwords and keys of the suite, by name.
    pub fn secrets(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("home/secrets.toml")).unwrap();
        let table: toml::Table = text.parse().unwrap();
        table.values().map(|value| value.as_str().unwrap().to_owned()).collect()
    }

    /// Asks it to stop, and waits until all has been sent.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        assert!(child.wait().unwrap().success(), "{:#?}", self.lines().last());
    }
}

impl Drop for Suite {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop((child.kill(), child.wait()));
        let home = self.folder.path().join("home");
        let stopped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(local::Cluster::stop_in(&home)).ok()
        });
        drop(stopped.join());
    }
}

fn tessera(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    let foreign = |name: &str| name.starts_with("TESSERA_") || name.starts_with("OTEL_");
    for (name, _) in std::env::vars().filter(|(name, _)| foreign(name)) {
        command.env_remove(name);
    }
    command
        .env("TESSERA_HOME", folder.path().join("home"))
        .env("TESSERA_CONFIG", folder.path().join("demo.toml"))
        .env("NO_COLOR", "1")
        .current_dir(folder.path());
    command
}
