//! A real broker of the test's own, to be killed.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use async_trait::async_trait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::Server;

/// `kafka/run.sh` on a folder and ports of its own. Its keeper stops it when our end of the pipe closes.
pub struct Broker {
    folder: PathBuf,
    ports: (u16, u16),
    keeper: Mutex<Option<Child>>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Broker {
    pub fn start() -> Broker {
        let folder = tempfile::Builder::new().prefix("bus-kafka-").tempdir().unwrap().keep();
        let broker = Broker { folder, ports: (free_port(), free_port()), keeper: Mutex::new(None) };
        broker.run();
        broker
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.0)
    }

    /// Returns when the broker answers.
    fn run(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kafka/run.sh");
        let mut child = Command::new("sh")
            .arg("-c")
            .arg("\"$@\" & pid=$!; cat >/dev/null; kill -TERM $pid 2>/dev/null; wait $pid")
            .arg("keeper")
            .arg(script)
            .arg("--ports")
            .args([self.ports.0.to_string(), self.ports.1.to_string()])
            .arg("--data")
            .arg(self.folder.join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        assert_eq!(line.trim(), self.address(), "the broker does not start; see {}", self.folder.display());
        *self.keeper.lock().unwrap() = Some(child);
    }

    fn end_keeper(&self) {
        if let Some(mut keeper) = self.keeper.lock().unwrap().take() {
            drop(keeper.stdin.take());
            keeper.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end_keeper();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[async_trait]
impl Server for Broker {
    async fn kill(&self) {
        let pid = std::fs::read_to_string(self.folder.join("data.pid")).unwrap();
        kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
        self.end_keeper();
    }

    async fn revive(&self) {
        self.run();
    }
}
