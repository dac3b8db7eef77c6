//! The two proxies as processes of their own, and what they use.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::envoy::Envoy;

const PROXY_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// A proxy under load.
pub struct Proxy {
    pub port: u16,
    id: u32,
    _process: Kind,
    _folder: Option<tempfile::TempDir>,
}

enum Kind {
    #[expect(dead_code, reason = "held until the proxy is no longer needed")]
    Ours(Ours),
    #[expect(dead_code, reason = "held until the proxy is no longer needed")]
    Envoy(Envoy),
}

struct Ours(Child);

impl Drop for Ours {
    fn drop(&mut self) {
        // Nothing is lost by a kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps this process, the load and the service, off the proxies' core.
pub fn pin_this() {
    pin(LOAD_CORE, std::process::id());
}

/// A program on the proxies' core that reads as many bytes as a stranger sends, and hangs up.
pub struct Bin {
    pub port: u16,
    process: Child,
}

/// What makes this program a bin, before how many bytes it reads of each stranger.
pub const BIN: &str = "--bin-of";

impl Bin {
    pub fn start(bytes: usize) -> Self {
        let program = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
        let process = Command::new(program).args([BIN, &bytes.to_string()]).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap_or_else(|error| panic!("{error}"));
        let mut port = String::new();
        let told = process.stdout.take().map(|told| BufReader::new(told).read_line(&mut port));
        assert!(matches!(told, Some(Ok(_))), "{told:?}");
        pin(PROXY_CORE, process.id());
        Self { port: port.trim().parse().unwrap_or_else(|error| panic!("{port}: {error}")), process }
    }

    /// Is the program.
    pub fn run(bytes: u64) -> std::io::Result<()> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        println!("{}", listener.local_addr()?.port());
        for stream in listener.incoming() {
            let stream = stream?;
            std::thread::spawn(move || std::io::copy(&mut stream.take(bytes), &mut std::io::sink()));
        }
        Ok(())
    }
}

impl Drop for Bin {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lets every other thread go before this one. A lower priority alone would not do: whoever runs may go on for
/// some milliseconds.
pub fn stand_back() {
    let thread = rustix::thread::gettid().to_string();
    let status = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status();
    assert!(status.is_ok_and(|status| status.success()), "the machine needs chrt");
}

fn pin(core: &str, process: u32) {
    let pinned = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", core, &process.to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(pinned.is_ok_and(|status| status.success()), "the machine needs two cores and taskset");
}

/// Lets both sides have so many connections, where the machine's limit is not as high already.
pub fn allow_files(proxy: &Proxy, files: usize) {
    for process in [proxy.id, std::process::id()] {
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap_or_default();
        let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let soft = soft.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
        if soft.is_some_and(|soft| soft >= files) {
            continue;
        }
        let limit = format!("--nofile={files}:");
        let status = Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).status();
        assert!(status.is_ok_and(|status| status.success()), "the machine must allow {files} open files");
    }
}

impl Proxy {
    /// The gateway with so many workers, all on one core.
    pub async fn ours(set: &[u8], upstream: u16, workers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join("set.binpb");
        std::fs::write(&path, set).unwrap_or_else(|error| panic!("{error}"));
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.unwrap_or_else(|error| panic!("{error}")).port();
        let process = Command::new(env!("CARGO_BIN_EXE_gateway"))
            .env("TESSERA_GATEWAY_ADDRESS", format!("127.0.0.1:{port}"))
            .env("TESSERA_GATEWAY_WORKERS", workers.to_string())
            .env("TESSERA_DESCRIPTOR_SET", &path)
            .env("TESSERA_PEER_LIBRARY", format!("http://127.0.0.1:{upstream}"))
            .env("TESSERA_CORS_ORIGINS", "*")
            .env("TESSERA_AUTH", "off")
            // All the clients of this program have one address.
            .env("TESSERA_GATEWAY_MAX_CONNECTIONS", "20000")
            .env("TESSERA_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{error}"));
        let id = process.id();
        let process = Kind::Ours(Ours(process));
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the gateway does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pin(PROXY_CORE, id);
        Self { port, id, _process: process, _folder: Some(folder) }
    }

    /// Envoy with one worker, as `envoy/envoy.yaml` has it but for the tokens.
    pub fn envoy(binary: &Path, set: &[u8], upstream: u16) -> Self {
        let envoy = Envoy::start(binary, set, &["erp.library.v1.Library"], upstream);
        let (port, id) = (envoy.port, envoy.id());
        pin(PROXY_CORE, id);
        Self { port, id, _process: Kind::Envoy(envoy), _folder: None }
    }

    /// CPU time of all its threads since it began, in nanoseconds.
    pub fn cpu(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id));
        let tasks = tasks.unwrap_or_else(|error| panic!("the proxy has ended: {error}"));
        let time = |task: std::fs::DirEntry| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        tasks.filter_map(Result::ok).filter_map(time).sum()
    }

    /// Resident memory in MiB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(f64::NAN) / 1024.0
    }
}
