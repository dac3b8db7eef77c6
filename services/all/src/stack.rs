//! From nothing to a running suite: database, event log, services, gateway; and back.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use gateway_grpcweb::{AuthOptions, Backend, Environment, Gateway, LimitOptions, Options, Origins};
use host::{Config, Database, Log, Mesh, Service};
use local::{Cluster, ClusterOptions, Folder, Provisioned, State};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::welcome;

/// What a stack is told.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// Where the gateway listens (`TESSERA_LISTEN`, default `127.0.0.1:8080`).
    pub listen: SocketAddr,
    /// A real PostgreSQL server as its administrator (`TESSERA_DATABASE_URL`); none: a private one.
    pub database_url: Option<String>,
    /// Real Kafka brokers (`TESSERA_KAFKA_BROKERS`); none: the log embedded in PostgreSQL.
    pub kafka_brokers: Option<String>,
    /// Where Prometheus scrapes (`TESSERA_METRICS_LISTEN`); none: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// How long a job stays with a process that may have died, in seconds (`TESSERA_JOB_LEASE_SECONDS`).
    pub job_lease_seconds: u32,
    /// Whether a tenant to play with is made and its login printed.
    pub demo: bool,
    /// The folder that holds the data (`TESSERA_HOME`); none: `.tessera` in the current folder.
    pub folder: Option<PathBuf>,
    /// How the gateway behaves: [`usual_gateway`], but for what its own variables say.
    pub gateway: Options,
}

/// The gateway of a suite in one process: for everybody's pages, with the limits that methods declare
/// and those of addresses, without plans, for imports and measurements would soon run into them.
pub fn usual_gateway() -> Options {
    Options {
        origins: Origins::Any,
        auth: Some(AuthOptions::default()),
        limits: Some(LimitOptions::usual(None)),
        ..Options::default()
    }
}

/// Where the console lies in a checkout, once it is built.
const CONSOLE: &str = "console/dist";

impl StackOptions {
    /// Reads the environment.
    pub fn from_env() -> Result<Self> {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let address = |name: &str, text: String| {
            text.parse()
                .with_context(|| format!("{name} is `{text}`, which is no address like 127.0.0.1:8080"))
        };
        let lease = get("TESSERA_JOB_LEASE_SECONDS").unwrap_or_else(|| "60".to_owned());
        Ok(Self {
            listen: address(
                "TESSERA_LISTEN",
                get("TESSERA_LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            )?,
            database_url: get("TESSERA_DATABASE_URL"),
            kafka_brokers: get("TESSERA_KAFKA_BROKERS"),
            metrics_listen: get("TESSERA_METRICS_LISTEN")
                .map(|text| address("TESSERA_METRICS_LISTEN", text))
                .transpose()?,
            job_lease_seconds: lease.parse().with_context(|| {
                format!("TESSERA_JOB_LEASE_SECONDS is `{lease}`, which is no number of seconds")
            })?,
            demo: true,
            folder: get("TESSERA_HOME").map(PathBuf::from),
            gateway: Environment::of_process()
                .options(Options { console: built_console(), ..usual_gateway() })
                .map_err(anyhow::Error::msg)?,
        })
    }
}

fn built_console() -> Option<PathBuf> {
    Some(PathBuf::from(CONSOLE)).filter(|folder| folder.join("index.html").is_file())
}

/// Runs everything until Ctrl-C or SIGTERM, then stops what it started. Talks to stderr.
pub fn up(options: StackOptions) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let telemetry = host::start_telemetry(options.metrics_listen).map_err(plain)?;
        let begun = Instant::now();
        let stop = host::stop_signal();
        let stack = tokio::select! {
            stack = Stack::start(options) => stack?,
            () = stop.cancelled() => return Ok(()),
        };
        // Who wants lines for machines wants no others, and no password among them.
        let lines = std::env::var("TESSERA_LOG_FORMAT").is_ok_and(|format| format == "json");
        match lines {
            true => tracing::info!(address = %stack.address(), "the suite is up"),
            false => welcome::print(&stack, begun.elapsed()),
        }
        stop.cancelled().await;
        match lines {
            true => tracing::info!("stopping"),
            false => eprintln!("stopping: finishing calls, emptying outboxes …"),
        }
        stack.stop().await?;
        telemetry.flush();
        Ok(())
    })
}

/// A running suite.
pub struct Stack {
    mesh: Mesh,
    gateway: tokio::task::JoinHandle<std::io::Result<()>>,
    stop_gateway: CancellationToken,
    cluster: Option<Cluster>,
    folder: Folder,
    lock: local::FolderLock,
    address: SocketAddr,
    demo: Option<welcome::Demo>,
    kafka: bool,
    console: bool,
}

impl Stack {
    /// Starts everything; what fails says so in a sentence, and what was started before it is stopped.
    pub async fn start(options: StackOptions) -> Result<Self> {
        let folder = Folder::open(options.folder.clone().unwrap_or_else(|| PathBuf::from(".tessera")))?;
        folder.check_disk()?;
        let lock = folder.lock()?;
        // Bound first: a port that is taken must be told before anything has been started.
        let listener = TcpListener::bind(options.listen).await.with_context(|| {
            format!("cannot listen on {}: is another program there? Choose another with TESSERA_LISTEN=127.0.0.1:PORT", options.listen)
        })?;
        let cluster = match options.database_url {
            Some(_) => None,
            None => Some(Cluster::start(ClusterOptions::new(folder.path())?).await?),
        };
        let started = Self::start_on(&options, &folder, cluster.as_ref()).await;
        let (mesh, demo) = match started {
            Ok(started) => started,
            Err(error) => {
                stop_cluster(cluster).await?;
                return Err(error);
            }
        };
        let address = listener.local_addr()?;
        let stop_gateway = CancellationToken::new();
        let gateway = tokio::spawn(
            gateway(&mesh, options.gateway.clone())?.serve(listener, stop_gateway.clone().cancelled_owned()),
        );
        let addresses = BTreeMap::from([("gateway".to_owned(), format!("http://{address}"))]);
        lock.write_state(&State::of_this_process(addresses))?;
        Ok(Self {
            mesh,
            gateway,
            stop_gateway,
            cluster,
            folder,
            lock,
            address,
            demo,
            kafka: options.kafka_brokers.is_some(),
            console: options.gateway.console.is_some(),
        })
    }

    async fn start_on(
        options: &StackOptions,
        folder: &Folder,
        cluster: Option<&Cluster>,
    ) -> Result<(Mesh, Option<welcome::Demo>)> {
        let mail = notification::Mail::from_env(Some(folder.mail()?)).map_err(plain)?;
        let (services, identities) = crate::services(mail);
        let names: Vec<&str> = services.iter().map(Service::name).collect();
        let admin_url = match (&options.database_url, cluster) {
            (Some(url), _) => url.clone(),
            (None, Some(cluster)) => {
                cluster.socket_url("postgres").unwrap_or_else(|| cluster.url("postgres"))
            }
            (None, None) => anyhow::bail!("there is neither a private nor a named database server"),
        };
        let mut secrets = folder.secrets()?;
        let provisioned = local::provision(&admin_url, local::DEFAULT_PREFIX, &names, &mut secrets).await?;
        let proofs = identities.0.iter().map(|(name, one)| (name.clone(), one.secret.clone())).collect();
        let mesh = Mesh::start(services, config(options, &provisioned, proofs)).await.map_err(plain)?;
        let demo = match options.demo {
            true => Some(welcome::Demo::prepare(&mesh, &mut secrets).await?),
            false => None,
        };
        Ok((mesh, demo))
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that holds the data.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The tenant to play with.
    pub fn demo(&self) -> Option<&welcome::Demo> {
        self.demo.as_ref()
    }

    /// Whether events go to real brokers.
    pub fn uses_kafka(&self) -> bool {
        self.kafka
    }

    /// Whether the web console is served.
    pub fn has_console(&self) -> bool {
        self.console
    }

    /// The services, for calls without a socket.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Finishes calls, empties outboxes, stops what was started.
    pub async fn stop(self) -> Result<()> {
        self.mesh.stop_serving();
        self.stop_gateway.cancel();
        self.gateway.await.context("the gateway panicked")??;
        self.mesh.drain().await;
        stop_cluster(self.cluster).await?;
        drop(self.lock);
        Ok(())
    }
}

/// Stops the private server, unless it ran before us.
async fn stop_cluster(cluster: Option<Cluster>) -> Result<()> {
    if let Some(cluster) = cluster
        && cluster.started_here()
    {
        cluster.stop().await?;
    }
    Ok(())
}

fn gateway(mesh: &Mesh, options: Options) -> Result<Gateway> {
    Ok(Gateway::new(contracts::DESCRIPTORS, Backend::new(mesh.channel()), options)?)
}

fn config(options: &StackOptions, provisioned: &Provisioned, secrets: HashMap<String, String>) -> Config {
    let database = |urls: &local::DatabaseUrls| Database {
        url: urls.url.clone(),
        owner_url: Some(urls.owner_url.clone()),
    };
    Config {
        listen: options.listen,
        metrics_listen: None,
        databases: provisioned.services.iter().map(|(name, urls)| (name.clone(), database(urls))).collect(),
        log: match &options.kafka_brokers {
            Some(brokers) => Log::Kafka(brokers.clone()),
            None => Log::Postgres(provisioned.log_url.clone()),
        },
        peers: HashMap::new(),
        secrets,
        // Nine services and the log share the two hundred connections of the private server.
        pool_max: 12,
        job_lease_seconds: options.job_lease_seconds,
    }
}

/// An error as the sentence it has for a person; the cause of what the caller can't mend included.
fn plain(error: kit::Error) -> anyhow::Error {
    match error.cause() {
        Some(cause) => anyhow::anyhow!("{}: {cause}", error.text()),
        None => anyhow::anyhow!("{}", error.text()),
    }
}
