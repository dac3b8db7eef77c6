//! A running Envoy: started with a configuration, asked by its admin address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::program::Program;

/// Where `scripts/prepare.sh --mesh` puts it, from the project's folder.
const INSTALLED: &str = "tools/.venv-mesh/bin/envoy";
/// How long it may take to be ready. It is a second; a machine at its limit takes longer.
const START_MAX: Duration = Duration::from_secs(60);
/// How long its admin may take for an answer, and how long that may be.
const ADMIN_MAX: Duration = Duration::from_secs(10);
const ADMIN_BYTES: usize = 16 * 1024 * 1024;

/// Envoy's program: `TESSERA_MESH_ENVOY`, or the one that is installed for the mesh.
pub fn find(root: &Path) -> Result<PathBuf> {
    let named = std::env::var_os("TESSERA_MESH_ENVOY").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.unwrap_or_else(|| root.join(INSTALLED));
    ensure!(path.exists(), "{} is not there: run `scripts/prepare.sh --mesh`", path.display());
    Ok(path)
}

/// A running Envoy. Dropping it kills it.
#[derive(Debug)]
pub struct Envoy {
    program: Program,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts it, and waits until it takes calls. `drain` is how long it takes leave of connections when it is asked to.
    pub async fn start(
        binary: &Path,
        name: &str,
        configuration: &Path,
        admin: SocketAddr,
        drain: Duration,
        log: &Path,
    ) -> Result<Self> {
        let arguments = [
            "--config-path",
            &configuration.display().to_string(),
            // Many start at once, and none takes another's place: the memory for that would be shared by number.
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
            // It would tell for each route that pilot, and so the translation, sets a field that is deprecated.
            "--component-log-level",
            "misc:error",
            "--drain-time-s",
            &drain.as_secs().to_string(),
        ];
        let arguments = arguments.map(str::to_owned);
        let program =
            Program::start(&format!("the sidecar {name}"), binary, &arguments, &BTreeMap::new(), log)?;
        let mut envoy = Self { program, admin };
        let begun = Instant::now();
        loop {
            envoy.program.check()?;
            if envoy.ask("GET", "/ready").await.is_ok_and(|answer| answer.trim() == "LIVE") {
                return Ok(envoy);
            }
            ensure!(begun.elapsed() < START_MAX, "the sidecar {name} is not ready after {START_MAX:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The program.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// All counters and gauges whose name holds this text.
    pub async fn stats(&self, part: &str) -> Result<BTreeMap<String, u64>> {
        let answer = self.ask("GET", "/stats?format=json").await?;
        let answer: Value = serde_json::from_str(&answer).context("the admin's counters")?;
        let all = answer["stats"].as_array().into_iter().flatten();
        let named = all.filter_map(|one| Some((one["name"].as_str()?.to_owned(), one["value"].as_u64()?)));
        Ok(named.filter(|(name, _)| name.contains(part)).collect())
    }

    /// The addresses that a cluster sends calls to now.
    pub async fn endpoints(&self, cluster: &str) -> Result<Vec<String>> {
        let answer = self.ask("GET", "/clusters?format=json").await?;
        let answer: Value = serde_json::from_str(&answer).context("the admin's clusters")?;
        let clusters = answer["cluster_statuses"].as_array().into_iter().flatten();
        let hosts =
            clusters.filter(|one| one["name"] == cluster).flat_map(|one| one["host_statuses"].as_array());
        let address = |host: &Value| {
            let at = &host["address"]["socket_address"];
            format!("{}:{}", at["address"].as_str().unwrap_or_default(), at["port_value"])
        };
        Ok(hosts.flatten().map(address).collect())
    }

    /// Takes leave of its connections: each is told with an answer that no more calls will be taken.
    pub async fn drain(&self) -> Result<()> {
        self.ask("POST", "/drain_listeners?graceful").await.map(drop)
    }

    async fn ask(&self, method: &str, path: &str) -> Result<String> {
        let asked = async {
            let stream = TcpStream::connect(self.admin).await?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let request = http::Request::builder().method(method).uri(path).header("host", "admin");
            let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ADMIN_BYTES).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            if !status.is_success() {
                bail!("{path}: {status}: {text}");
            }
            Ok(text)
        };
        tokio::time::timeout(ADMIN_MAX, asked).await.with_context(|| format!("{path}: no answer"))?
    }
}
