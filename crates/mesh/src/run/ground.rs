//! What the programs stand on: databases, secrets, the variables of each.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use local::{Cluster, ClusterOptions, Folder, Provisioned};
use manifests::model::{GATEWAY, Model};
use manifests::settings::Settings;
use serde_json::json;

use super::Options;
use crate::mesh::Mesh;
use crate::translate::Pod;

/// How many connections to its database a pod may hold: all pods and the log share those of the private server.
const POOL_MAX: &str = "5";
/// Variables whose other end is not on this machine: brokers, collector.
const ELSEWHERE: [&str; 2] = ["TESSERA_KAFKA_BROKERS", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What the programs stand on.
pub struct Ground {
    /// The names of the services.
    pub services: Vec<String>,
    /// The password of the demo user.
    pub password: String,
    cluster: Cluster,
    databases: Provisioned,
    secrets: BTreeMap<String, String>,
    identities: PathBuf,
    descriptors: PathBuf,
    mail: PathBuf,
    /// The folder of the built web console, if it was built.
    console: Option<PathBuf>,
}

impl Ground {
    /// Starts PostgreSQL and makes what is missing in it, as `make up` does: both go on with the same data.
    pub async fn prepare(options: &Options, folder: &Folder, own: &Path) -> Result<Self> {
        let model = Model::of_suite(&Settings::read(&options.root.join("k8s/services.toml"))?)?;
        let services: Vec<String> = model.services.iter().map(|node| node.place.name.clone()).collect();
        let cluster = Cluster::start(ClusterOptions::new(folder.path())?).await?;
        let made = Self::on(&cluster, &model, &services, folder, own).await;
        let (databases, secrets, password) = match made {
            Ok(made) => made,
            Err(error) => {
                stop(&cluster).await?;
                return Err(error);
            }
        };
        let descriptors = own.join("contracts.binpb");
        std::fs::write(&descriptors, contracts::DESCRIPTORS)?;
        let console = options.root.join("console/dist");
        Ok(Self {
            services,
            password,
            cluster,
            databases,
            secrets,
            identities: own.join("identities.json"),
            descriptors,
            mail: folder.mail()?,
            console: Some(console).filter(|folder| folder.join("index.html").is_file()),
        })
    }

    async fn on(
        cluster: &Cluster,
        model: &Model,
        services: &[String],
        folder: &Folder,
        own: &Path,
    ) -> Result<(Provisioned, BTreeMap<String, String>, String)> {
        let admin = cluster.socket_url("postgres").unwrap_or_else(|| cluster.url("postgres"));
        let mut secrets = folder.secrets()?;
        let names: Vec<&str> = services.iter().map(String::as_str).collect();
        let databases = local::provision(&admin, local::DEFAULT_PREFIX, &names, &mut secrets).await?;
        let password = secrets.get_or_generate(all::DEMO_SECRET)?;
        let permissions = model.services.iter().flat_map(|node| &node.identities);
        let mut proofs = BTreeMap::new();
        let mut identities = serde_json::Map::new();
        for (service, permissions) in permissions {
            let secret = secrets.get_or_generate(&format!("service_{service}"))?;
            identities.insert(service.clone(), json!({"secret": secret, "permissions": permissions}));
            proofs.insert(service.clone(), secret);
        }
        write_private(&own.join("identities.json"), &serde_json::to_string(&identities)?)?;
        Ok((databases, proofs, password))
    }

    /// The variables of a pod's program. The first pod of a service migrates its database, as a Job does in a cluster.
    pub fn environment(&self, mesh: &Mesh, pod: &Pod, first: bool) -> Result<BTreeMap<String, String>> {
        let mut environment = mesh.environment(pod);
        for name in ELSEWHERE {
            environment.remove(name);
        }
        let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
        let service = pod.workload.name.as_str();
        if service == GATEWAY {
            set("TESSERA_DESCRIPTOR_SET", self.descriptors.display().to_string());
            // In an image it lies beside the program.
            set(
                "TESSERA_CONSOLE",
                self.console.as_ref().map_or_else(String::new, |it| it.display().to_string()),
            );
            // As `make up` has it: whoever fills a suite on a desk would soon run into the limits of a plan.
            set("TESSERA_PLANS", "off".to_owned());
            set("TESSERA_ADDRESS_LIMIT", "off".to_owned());
            set("TESSERA_CORS_ORIGINS", "*".to_owned());
            // The edge is stopped before, so that no more calls come.
            set("TESSERA_GATEWAY_DRAIN_WAIT_MS", "0".to_owned());
            return Ok(environment);
        }
        let databases = self.databases.services.get(service);
        let databases = databases.with_context(|| format!("there is no database of {service}"))?;
        let upper = service.to_uppercase();
        set(&format!("TESSERA_{upper}_DATABASE_URL"), databases.url.clone());
        if first {
            set(&format!("TESSERA_{upper}_OWNER_DATABASE_URL"), databases.owner_url.clone());
        }
        set("TESSERA_LOG_DATABASE_URL", self.databases.log_url.clone());
        set("TESSERA_POOL_MAX", POOL_MAX.to_owned());
        set("TESSERA_MAIL_DIR", self.mail.display().to_string());
        set("TESSERA_SERVICE_IDENTITIES", self.identities.display().to_string());
        if let Some(secret) = self.secrets.get(service) {
            set("TESSERA_SERVICE_SECRET", secret.clone());
        }
        Ok(environment)
    }

    /// Stops PostgreSQL, unless it ran before.
    pub async fn stop(&self) -> Result<()> {
        stop(&self.cluster).await
    }
}

async fn stop(cluster: &Cluster) -> Result<()> {
    if cluster.started_here() {
        cluster.stop().await?;
    }
    Ok(())
}

/// Writes a new file that only its owner reads.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
