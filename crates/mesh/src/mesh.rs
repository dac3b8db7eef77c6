//! The mesh on this machine: pods with their addresses, certificates and sidecars, and who of them gets calls.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::certificates::{Account, Authority, Identity};
use crate::discovery::{Discovery, Published};
use crate::envoy::Envoy;
use crate::network::Network;
use crate::translate::{self, Pod, Surroundings};
use crate::world::World;

/// The account of the edge's pods, which Istio makes for a Gateway.
const EDGE: &str = "edge-istio";

/// A mesh on this machine. Its pods' programs are whoever's it is to start them.
pub struct Mesh {
    world: World,
    folder: PathBuf,
    envoy: PathBuf,
    network: Network,
    authority: Authority,
    keys: String,
    pods: usize,
    discovery: Discovery,
}

impl Mesh {
    /// A mesh without pods in a folder that is its alone. `keys` is the JSON Web Key Set that tokens are checked with. To
    /// be called in a runtime, as it tells sidecars who is there.
    pub fn new(world: World, folder: &Path, envoy: &Path, keys: String) -> Result<Self> {
        for part in ["log", "sidecars"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        }
        let network = Network::claim()?;
        Ok(Self {
            authority: Authority::new(&folder.join("certificates"))?,
            discovery: Discovery::serve(network.listener()?)?,
            network,
            folder: folder.to_owned(),
            envoy: envoy.to_owned(),
            keys,
            pods: 0,
            world,
        })
    }

    /// What the manifests say.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Checks tokens of sidecars that are yet to be started with these keys.
    pub fn set_keys(&mut self, keys: String) {
        self.keys = keys;
    }

    /// A new pod of a workload, with labels beside those of the manifests.
    pub fn pod(&mut self, workload: &str, labels: &[(&str, &str)]) -> Result<Pod> {
        let workload = self.world.workload(workload)?.clone();
        let number = self.pods;
        self.pods += 1;
        let mut all = workload.labels.clone();
        all.extend(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Ok(Pod {
            name: format!("{}-{number}", workload.name),
            addresses: self.network.pod(number)?,
            labels: all,
            workload,
        })
    }

    /// Where a pod's program calls a service: at its own sidecar.
    pub fn peer(&self, pod: &Pod, host: &str) -> Result<SocketAddr> {
        let number = self.world.services.iter().position(|service| service.host == host);
        Ok(pod.addresses.peer(number.with_context(|| format!("there is no service {host}"))?))
    }

    /// Starts a pod's sidecar with the certificate of its account, and waits until it takes calls.
    pub async fn sidecar(&self, pod: &Pod) -> Result<Envoy> {
        let identity = self.authority.issue(&pod.workload.account)?;
        self.sidecar_as(pod, &identity).await
    }

    /// The same with another's certificate.
    pub async fn sidecar_as(&self, pod: &Pod, identity: &Identity) -> Result<Envoy> {
        let configuration = translate::sidecar(&self.surroundings(identity), pod)?;
        self.start(pod, &configuration).await
    }

    /// Starts the edge, which takes calls of the world at `listen`.
    pub async fn edge(&mut self, listen: SocketAddr) -> Result<Envoy> {
        let namespace = self.world.edge.namespace.clone();
        let mut pod = self.pod("gateway", &[])?;
        pod.workload.account = Account { namespace, name: EDGE.to_owned() };
        pod.workload.name = "edge".to_owned();
        pod.name = "edge".to_owned();
        let identity = self.authority.issue(&pod.workload.account)?;
        let configuration = translate::edge(&self.surroundings(&identity), &pod, listen)?;
        self.start(&pod, &configuration).await
    }

    /// Issues certificates of this mesh.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Lets exactly these pods get calls. Sidecars notice within moments, as they do in a cluster.
    pub fn publish(&self, ready: &[&Pod]) {
        let mut published = Published::new();
        for service in &self.world.services {
            for (cluster, labels) in translate::clusters(service) {
                let behind = ready.iter().filter(|pod| pod.is_behind(service, labels));
                let addresses = behind.map(|pod| pod.addresses.sidecar(pod.workload.port)).collect();
                published.insert(cluster, addresses);
            }
        }
        self.discovery.publish(published);
    }

    /// The variables that the manifests give a pod's program, with the addresses it has here.
    pub fn environment(&self, pod: &Pod) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        for (name, value) in &pod.workload.environment {
            let value = match (value.strip_prefix("0.0.0.0:"), value.strip_prefix("http://")) {
                (Some(port), _) => format!("{}:{port}", pod.addresses.inside),
                (None, Some(authority)) => {
                    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
                    self.peer(pod, host).map_or_else(|_| value.clone(), |at| format!("http://{at}"))
                }
                (None, None) => value.clone(),
            };
            environment.insert(name.clone(), value);
        }
        environment
    }

    /// Where a pod's program and its sidecar write their lines.
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join("log").join(format!("{name}.log"))
    }

    fn surroundings<'a>(&'a self, identity: &'a Identity) -> Surroundings<'a> {
        Surroundings { world: &self.world, identity, discovery: self.network.discovery(), keys: &self.keys }
    }

    async fn start(&self, pod: &Pod, configuration: &Value) -> Result<Envoy> {
        let path = self.folder.join("sidecars").join(format!("{}.json", pod.name));
        fs::write(&path, serde_json::to_vec_pretty(configuration)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let drain = pod.workload.proxy.termination_drain_duration.0.max(Duration::from_secs(1));
        let log = self.log(&format!("{}.sidecar", pod.name));
        Envoy::start(&self.envoy, &pod.name, &path, pod.addresses.admin(), drain, &log).await
    }
}
