//! The suite under load, in a process of its own as in production, and clients of it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use contracts::identity::v1::SignUpRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use local::{Cluster, ClusterOptions, Folder, Secrets};
use sqlx::{Connection as _, PgConnection};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

/// A running suite with a tenant.
pub struct Suite {
    process: Process,
    cluster: Cluster,
    _data: tempfile::TempDir,
    folder: Folder,
    channels: Vec<Channel>,
    token: Token,
    pub tenant_id: String,
    pub started: Duration,
}

/// Sends the token.
#[derive(Clone)]
pub struct Token(MetadataValue<Ascii>);

impl Interceptor for Token {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub type Transport = InterceptedService<Channel, Token>;

impl Suite {
    /// Starts a private server, then the suite twice: the second start finds everything made.
    pub async fn start() -> Result<Self> {
        let data = tempfile::Builder::new().prefix("tessera-bench").tempdir()?;
        let folder = Folder::open(data.path())?;
        let cluster = Cluster::start(ClusterOptions::new(folder.path())?).await?;
        let port = local::free_port(None)?;
        let (first, _) = launch(&folder, &cluster, port).await?;
        first.stop()?;
        let (process, started) = launch(&folder, &cluster, port).await?;
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
        let mut channels = Vec::new();
        for _ in 0..8 {
            channels.push(endpoint.connect().await?);
        }
        let request = SignUpRequest {
            company_name: "Bench".to_owned(),
            slug: "bench".to_owned(),
            email: "bench@example.com".to_owned(),
            password: "correct horse battery".to_owned(),
            display_name: "Bench".to_owned(),
            base_currency: "EUR".to_owned(),
        };
        let answer = AuthServiceClient::new(channels[0].clone()).sign_up(request).await?.into_inner();
        let token = answer.tokens.context("sign-up gives tokens")?.access_token;
        let token = Token(format!("Bearer {token}").parse()?);
        let tenant_id = answer.tenant.context("sign-up gives the tenant")?.id;
        Ok(Self { process, cluster, _data: data, folder, channels, token, tenant_id, started })
    }

    /// A client on one of the connections.
    pub fn client<C>(&self, place: u64, new: impl FnOnce(Transport) -> C) -> C {
        let channel = self.channels[usize::try_from(place).unwrap_or(0) % self.channels.len()].clone();
        new(InterceptedService::new(channel, self.token.clone()))
    }

    /// The URL of a service's database as its own role.
    pub fn database_url(&self, service: &str) -> Result<String> {
        let mut secrets: Secrets = self.folder.secrets()?;
        let role = format!("{}{service}", local::DEFAULT_PREFIX);
        let password = secrets.get_or_generate(&role)?;
        Ok(local::with_login(&url(&self.cluster), &role, &password, &role)?)
    }

    /// Gives the planner statistics at once; by itself the server does so within a minute or so.
    pub async fn analyze(&self, service: &str) -> Result<()> {
        let database =
            local::with_database(&url(&self.cluster), &format!("{}{service}", local::DEFAULT_PREFIX))?;
        let mut connection = PgConnection::connect(&database).await?;
        sqlx::raw_sql("analyze").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Resident memory of the suite's process, in MiB.
    pub fn memory_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Waits until the events of what was done before are handled, so that one figure is not another one's aftermath: until
    /// the suite's process needs less than a tenth of a core.
    pub async fn rest(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(300);
        let mut before = self.ticks()?;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = self.ticks()?;
            if now - before < 10 {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "the suite does not come to rest");
            before = now;
        }
    }

    /// Hundredths of a second of a core that the suite's process has needed.
    fn ticks(&self) -> Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.0.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no name of the process")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut next = || fields.next().context("no times of the process")?.parse::<u64>().context("a time");
        Ok(next()? + next()?)
    }

    /// Stops the suite and its server.
    pub async fn stop(self) -> Result<()> {
        self.process.stop()?;
        self.cluster.stop().await?;
        Ok(())
    }
}

/// Starts the all-in-one process on the running server and waits for its first answer.
async fn launch(folder: &Folder, cluster: &Cluster, port: u16) -> Result<(Process, Duration)> {
    let binary = std::env::current_exe()?.with_file_name("all");
    let begun = Instant::now();
    let process = Command::new(&binary)
        .env("TESSERA_HOME", folder.path())
        .env("TESSERA_DATABASE_URL", url(cluster))
        .env("TESSERA_LISTEN", format!("127.0.0.1:{port}"))
        // Figures are those of calls that are let in.
        .env("TESSERA_LIMITS", "off")
        .env("RUST_LOG", "warn")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Process)
        .with_context(|| format!("{} is missing: run `make bench`", binary.display()))?;
    loop {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
            && let Ok(channel) = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect().await
            && AuthServiceClient::new(channel)
                .get_jwks(contracts::identity::v1::GetJwksRequest::default())
                .await
                .is_ok()
        {
            return Ok((process, begun.elapsed()));
        }
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(60), "the suite did not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The same way to the server for the suite and for what it is compared with.
fn url(cluster: &Cluster) -> String {
    cluster.socket_url("postgres").unwrap_or_else(|| cluster.url("postgres"))
}

/// The suite's process, which does not outlive a run that fails.
struct Process(Child);

impl Process {
    /// Has it drain and waits for its end.
    fn stop(mut self) -> Result<()> {
        Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to kill after a stop.
        let _ = self.0.kill();
    }
}
