//! The running suite.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::{GetJwksRequest, SignUpRequest};
use futures::future::try_join_all;
use local::{Folder, FolderLock, State};
use manifests::model::GATEWAY;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Options;
use super::control::Control;
use super::ground::Ground;
use crate::envoy::Envoy;
use crate::mesh::Mesh;
use crate::program::Program;
use crate::translate::Pod;
use crate::world::World;

/// The service whose keys the sidecars need before they start.
const IDENTITY: &str = "identity";
/// How long a program may take to be ready, its migrations included.
const START_MAX: Duration = Duration::from_secs(120);
/// How long a program may take to stop: 25 seconds for calls, 15 for what runs behind them.
pub(super) const STOP_MAX: Duration = Duration::from_secs(45);
/// How long a sidecar may take to stop when its program has.
pub(super) const SIDECAR_STOP_MAX: Duration = Duration::from_secs(5);
/// How often it is asked.
const READY_EVERY: Duration = Duration::from_millis(10);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A running suite. Dropping it kills its processes; [`Suite::stop`] drains it.
pub struct Suite {
    pub(super) options: Options,
    folder: Folder,
    lock: FolderLock,
    pub(super) ground: Ground,
    pub(super) mesh: Mesh,
    address: SocketAddr,
    pub(super) members: Vec<Member>,
    /// Where the programs came from that a release has replaced.
    pub(super) former: BTreeMap<String, PathBuf>,
    edge: Option<Envoy>,
}

/// A pod with what runs in it.
pub(super) struct Member {
    pub(super) pod: Pod,
    pub(super) program: Option<Program>,
    pub(super) sidecar: Option<Envoy>,
    /// The folder that its program comes from.
    pub(super) programs: PathBuf,
    /// Whether it migrates the database of its service.
    pub(super) first: bool,
}

impl Suite {
    /// Starts everything; what fails says so in a sentence, and what was started before it is stopped.
    pub async fn start(options: &Options) -> Result<Self> {
        let folder = Folder::open(&options.folder)?;
        folder.check_disk()?;
        let lock = folder.lock()?;
        let address = free(options.listen).await?;
        let world = World::read(&options.root)?;
        for name in world.workloads.keys() {
            let program = options.programs.join(name);
            ensure!(program.exists(), "{} is not there: `make mesh` builds it", program.display());
        }
        let own = fresh(&folder)?;
        let mesh = Mesh::new(world, &own, &options.envoy, r#"{"keys": []}"#.to_owned())?;
        let ground = Ground::prepare(options, &folder, &own).await?;
        let mut suite = Self {
            options: options.clone(),
            folder,
            lock,
            ground,
            mesh,
            address,
            members: Vec::new(),
            former: BTreeMap::new(),
            edge: None,
        };
        match suite.start_all().await {
            Ok(()) => Ok(suite),
            Err(error) => {
                // The first failure is the one to tell.
                let _ = suite.stop().await;
                Err(error)
            }
        }
    }

    async fn start_all(&mut self) -> Result<()> {
        let mut names = self.ground.services.clone();
        names.push(GATEWAY.to_owned());
        for name in &names {
            for number in 0..self.options.replicas.max(1) {
                let pod = self.mesh.pod(name, &[])?;
                let programs = self.options.programs.clone();
                self.members.push(Member { pod, program: None, sidecar: None, programs, first: number == 0 });
            }
        }
        // The keys of tokens are part of each sidecar's configuration, and identity makes them when it first runs.
        let identity = self.members.iter().position(|one| one.first && one.pod.workload.name == IDENTITY);
        let identity = identity.context("there is no service that gives tokens")?;
        self.start_programs(|member| member.first && member.pod.workload.name == IDENTITY).await?;
        let keys =
            keys(self.members[identity].pod.addresses.program(self.members[identity].pod.workload.port))
                .await?;
        self.mesh.set_keys(keys);
        self.publish();
        let sidecars = self.members.iter().map(|member| self.mesh.sidecar(&member.pod));
        let sidecars = try_join_all(sidecars).await?;
        for (member, sidecar) in self.members.iter_mut().zip(sidecars) {
            member.sidecar = Some(sidecar);
        }
        self.start_programs(|member| member.first).await?;
        self.start_programs(|_| true).await?;
        self.edge = Some(self.mesh.edge(self.address).await?);
        sign_up(self.address, &self.ground.password).await?;
        let addresses = BTreeMap::from([(GATEWAY.to_owned(), format!("http://{}", self.address))]);
        self.lock.write_state(&State::of_this_process(addresses))?;
        Ok(())
    }

    /// Starts those of the chosen programs that do not run, and waits until they are ready.
    async fn start_programs(&mut self, chosen: impl Fn(&Member) -> bool) -> Result<()> {
        let waiting = (0..self.members.len()).filter(|place| {
            let member = &self.members[*place];
            member.program.is_none() && chosen(member)
        });
        let waiting: Vec<usize> = waiting.collect();
        let started = waiting.iter().map(|place| {
            let member = &self.members[*place];
            self.program(&member.pod, &member.programs, member.first)
        });
        let started = try_join_all(started).await?;
        for (place, program) in waiting.into_iter().zip(started) {
            self.members[place].program = Some(program);
        }
        Ok(())
    }

    /// Starts the program of a pod, and waits until it is ready.
    pub(super) async fn program(&self, pod: &Pod, programs: &Path, first: bool) -> Result<Program> {
        let environment = self.ground.environment(&self.mesh, pod, first)?;
        let path = programs.join(&pod.workload.name);
        let mut program = Program::start(&pod.name, &path, &[], &environment, &self.mesh.log(&pod.name))?;
        wait(&mut program, pod).await?;
        Ok(program)
    }

    /// Lets all pods get calls.
    pub(super) fn publish(&self) {
        self.mesh.publish(&self.members.iter().map(|member| &member.pod).collect::<Vec<_>>());
    }

    /// Where the edge takes calls.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that holds the data.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The password of the demo user.
    pub fn password(&self) -> &str {
        &self.ground.password
    }

    /// The pods.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.members.iter().map(|member| &member.pod)
    }

    /// The processes of the programs, by pod.
    pub fn processes(&self) -> BTreeMap<String, u32> {
        let running = self
            .members
            .iter()
            .filter_map(|member| Some((member.pod.name.clone(), member.program.as_ref()?.id()?)));
        running.collect()
    }

    /// How long one more program of a service takes from its start until it is ready, when its database is migrated.
    pub async fn cold_start(&mut self, service: &str) -> Result<Duration> {
        let pod = self.mesh.pod(service, &[])?;
        // Without its sidecar it could not reach its peers, nor tell its health of them.
        let _sidecar = self.mesh.sidecar(&pod).await?;
        let begun = Instant::now();
        let mut program = self.program(&pod, &self.options.programs, false).await?;
        let took = begun.elapsed();
        program.stop(STOP_MAX).await?;
        Ok(took)
    }

    /// All counters of all sidecars whose name holds this text, by pod.
    pub async fn stats(&self, part: &str) -> Result<BTreeMap<String, BTreeMap<String, u64>>> {
        let mut all = BTreeMap::new();
        for member in &self.members {
            if let Some(sidecar) = &member.sidecar {
                all.insert(member.pod.name.clone(), sidecar.stats(part).await?);
            }
        }
        Ok(all)
    }

    /// Does what another terminal asks for, until a process ends by itself, and says which.
    pub async fn serve(&mut self) -> Result<()> {
        let mut control = Control::open(&self.folder)?;
        loop {
            tokio::select! {
                asked = control.next() => {
                    let asked = asked?;
                    let done = self.take(&asked.step).await;
                    asked.answer(done).await;
                }
                () = tokio::time::sleep(Duration::from_secs(1)) => self.check()?,
            }
        }
    }

    fn check(&mut self) -> Result<()> {
        for member in &mut self.members {
            member.program.as_mut().map_or(Ok(()), Program::check)?;
            member.sidecar.as_mut().map_or(Ok(()), |sidecar| sidecar.program().check())?;
        }
        self.edge.as_mut().map_or(Ok(()), |edge| edge.program().check())
    }

    /// Finishes calls, empties outboxes, stops what was started: first who calls, then who is called.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(edge) = &mut self.edge {
            edge.program().stop(SIDECAR_STOP_MAX).await?;
        }
        let (gateways, services): (Vec<_>, Vec<_>) =
            self.members.iter_mut().partition(|member| member.pod.workload.name == GATEWAY);
        for group in [gateways, services] {
            let programs = group.into_iter().filter_map(|member| member.program.as_mut());
            try_join_all(programs.map(|program| program.stop(STOP_MAX))).await?;
        }
        let sidecars = self.members.iter_mut().filter_map(|member| member.sidecar.as_mut());
        try_join_all(sidecars.map(|sidecar| sidecar.program().stop(SIDECAR_STOP_MAX))).await?;
        self.ground.stop().await?;
        drop(self.lock);
        Ok(())
    }
}

/// The address, when nobody listens there; with port 0 one that is free.
async fn free(listen: SocketAddr) -> Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}: is another program there? Choose another with TESSERA_LISTEN=127.0.0.1:PORT")
    })?;
    Ok(listener.local_addr()?)
}

/// The mesh's own folder, without what an earlier run left in it.
fn fresh(folder: &Folder) -> Result<PathBuf> {
    let own: PathBuf = folder.join("mesh");
    let make = |own: &Path| -> std::io::Result<()> {
        if own.exists() {
            fs::remove_dir_all(own)?;
        }
        DirBuilder::new().mode(0o700).create(own)
    };
    make(&own).with_context(|| format!("cannot make {}", own.display()))?;
    Ok(own)
}

/// Waits as the kubelet does: a service says by its health that its database answers.
async fn wait(program: &mut Program, pod: &Pod) -> Result<()> {
    let at = pod.addresses.program(pod.workload.port);
    let begun = Instant::now();
    loop {
        program.check()?;
        let ready = is_ready(pod, at).await;
        if ready {
            return Ok(());
        }
        ensure!(begun.elapsed() < START_MAX, "{} is not ready after {START_MAX:?}", pod.name);
        tokio::time::sleep(READY_EVERY).await;
    }
}

pub(super) async fn is_ready(pod: &Pod, at: SocketAddr) -> bool {
    if pod.workload.name == GATEWAY {
        return TcpStream::connect(at).await.is_ok();
    }
    let Ok(channel) = channel(at) else { return false };
    let request = HealthCheckRequest { service: "readiness".to_owned() };
    let answer = HealthClient::new(channel).check(request).await;
    answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}

fn channel(at: SocketAddr) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{at}"))?.timeout(ANSWER_MAX).connect_lazy())
}

/// The keys of tokens as istiod would fetch them.
async fn keys(identity: SocketAddr) -> Result<String> {
    let answer = AuthServiceClient::new(channel(identity)?).get_jwks(GetJwksRequest::default()).await;
    let keys = answer.context("identity does not tell its keys")?.into_inner().keys;
    let keys: Vec<_> = keys
        .iter()
        .map(|key| json!({"kid": key.kid, "kty": key.kty, "crv": key.crv, "x": key.x, "alg": key.alg, "use": key.r#use}))
        .collect();
    Ok(json!({"keys": keys}).to_string())
}

/// Signs the demo tenant up through edge, gateway and both their sidecars, unless it is there already. Sidecars may take
/// a moment to notice who is there.
async fn sign_up(edge: SocketAddr, password: &str) -> Result<()> {
    let request = SignUpRequest {
        company_name: "Demo Company".to_owned(),
        slug: "demo".to_owned(),
        email: all::DEMO_EMAIL.to_owned(),
        password: password.to_owned(),
        display_name: "Demo User".to_owned(),
        base_currency: "EUR".to_owned(),
    };
    let mut client = AuthServiceClient::new(channel(edge)?);
    let begun = Instant::now();
    loop {
        let is_early = |status: &Status| status.code() == Code::Unavailable && begun.elapsed() < START_MAX;
        match client.sign_up(request.clone()).await {
            Ok(_) => return Ok(()),
            Err(status) if status.code() == Code::AlreadyExists => return Ok(()),
            Err(status) if is_early(&status) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(status) => return Err(status).context("cannot sign the demo tenant up through the mesh"),
        }
    }
}
