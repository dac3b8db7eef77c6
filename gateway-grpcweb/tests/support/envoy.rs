//! A real Envoy with the configuration of `envoy/envoy.yaml`, before a service of a test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running Envoy, which ends with this value.
pub struct Envoy {
    process: Child,
    pub port: u16,
    _folder: tempfile::TempDir,
}

/// The program that `make tools` installs, or `TESSERA_ENVOY`. None: it is not there.
pub fn binary() -> Option<PathBuf> {
    let installed = root().join("tools/.venv/lib");
    let named = std::env::var_os("TESSERA_ENVOY").map(PathBuf::from);
    // The wheel's launcher replaces itself by the program, so that a signal reaches it.
    let found = named.or_else(|| installed.exists().then(|| root().join("tools/.venv/bin/envoy")))?;
    found.exists().then_some(found)
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = own.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    found.unwrap_or_else(|| panic!("{} is in no workspace", own.display())).to_owned()
}

/// What `envoy/render.sh` prints for these addresses, and other settings of it.
pub fn render(descriptor_set: &Path, listen: u16, services: u16, settings: &[(&str, &str)]) -> String {
    let rendered = Command::new(root().join("gateway-grpcweb/envoy/render.sh"))
        .env("TESSERA_DESCRIPTOR_SET", descriptor_set)
        .env("TESSERA_ENVOY_LISTEN", format!("127.0.0.1:{listen}"))
        .env("TESSERA_ENVOY_ADMIN_PORT", "0")
        .env("TESSERA_ENVOY_SERVICES", format!("127.0.0.1:{services}"))
        .env("TESSERA_ENVOY_TOTAL_PER_SECOND", "1000000")
        .envs(settings.iter().copied())
        .output()
        .unwrap_or_else(|error| panic!("render.sh: {error}"));
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    String::from_utf8(rendered.stdout).unwrap_or_else(|error| panic!("{error}"))
}

/// The lines between `# begin: NAME` and `# end: NAME`.
pub fn block<'a>(config: &'a str, name: &str) -> &'a str {
    let (begin, end) = (format!("# begin: {name}\n"), format!("# end: {name}\n"));
    let from = config.find(&begin).unwrap_or_else(|| panic!("there is no {begin}")) + begin.len();
    let to = config.find(&end).unwrap_or_else(|| panic!("there is no {end}"));
    config[from..to].trim_end_matches(' ')
}

impl Envoy {
    /// Serves these services of the set, which listen on the port, without asking for tokens.
    pub fn start(binary: &Path, descriptor_set: &[u8], services: &[&str], upstream: u16) -> Self {
        Self::launch(binary, descriptor_set, upstream, &[], |config| {
            let names = block(&config, "services");
            let indent = &names[..names.len() - names.trim_start().len()];
            let list: String = services.iter().map(|name| format!("\n{indent}  - {name}")).collect();
            let own = config.replace(names, &format!("{indent}services:{list}\n{indent}"));
            own.replace(block(&own, "tokens"), "")
        })
    }

    /// Serves the contracts of the set with tokens and limits, as `envoy.yaml` has it, with these
    /// settings of `render.sh`.
    pub fn start_whole(
        binary: &Path,
        descriptor_set: &[u8],
        upstream: u16,
        settings: &[(&str, &str)],
    ) -> Self {
        Self::launch(binary, descriptor_set, upstream, settings, |config| config)
    }

    fn launch(
        binary: &Path,
        descriptor_set: &[u8],
        upstream: u16,
        settings: &[(&str, &str)],
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let set = folder.path().join("set.binpb");
        std::fs::write(&set, descriptor_set).unwrap_or_else(|error| panic!("{error}"));
        let port = free_port();
        let path = folder.path().join("envoy.yaml");
        let config = change(render(&set, port, upstream, settings));
        std::fs::write(&path, config).unwrap_or_else(|error| panic!("{error}"));
        let mut command = Command::new(binary);
        command.arg("-c").arg(path).args([
            "--use-dynamic-base-id",
            "--concurrency",
            "1",
            "--log-level",
            "error",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let mut envoy = Self { process, port, _folder: folder };
        envoy.wait();
        envoy
    }

    /// The process, for what is measured of it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the process has ended by itself, which it must have begun to do.
    pub fn wait_for_end(&mut self) {
        let begun = Instant::now();
        while !matches!(self.process.try_wait(), Ok(Some(_))) {
            assert!(begun.elapsed() < Duration::from_secs(60), "Envoy gives no answer, yet runs on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("Envoy did not start: {status}");
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "Envoy does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // It keeps nothing that a kill would lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}
