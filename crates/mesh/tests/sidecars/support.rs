//! A mesh of instances that do as they are told, and callers in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ed25519_dalek::{Signer as _, SigningKey};
use futures::future::join_all;
use http::uri::PathAndQuery;
use manifests::objects::{self, Object};
use mesh::certificates::Identity;
use mesh::envoy::{self, Envoy};
use mesh::mesh::Mesh;
use mesh::program::Program;
use mesh::translate::Pod;
use mesh::world::World;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

/// The service whose pods the instances are.
pub const SERVICE: &str = "orders";
/// Its host.
pub const HOST: &str = "orders.tessera-core.svc.cluster.local";
/// A method that reads, by the manifests.
pub const READ: &str = "/erp.orders.v1.OrderService/GetOrder";
/// A method that writes.
pub const WRITE: &str = "/erp.orders.v1.OrderService/PlaceOrder";
/// The cluster that calls go to unless a route says otherwise.
pub const STABLE: &str = "outbound|50051|stable|orders.tessera-core.svc.cluster.local";
/// How long a test waits for what other processes do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a program may take to stop: what the manifests grant, less what its pod has waited.
const STOP_MAX: Duration = Duration::from_secs(55);

/// A mesh with the manifests of the project, and what runs in it.
pub struct Ground {
    /// The mesh.
    pub mesh: Mesh,
    folder: TempDir,
    token: String,
    calls: AtomicU64,
}

/// An instance in a pod, with its sidecar.
pub struct Instance {
    /// Its pod.
    pub pod: Pod,
    /// Its program.
    pub program: Program,
    /// Its sidecar.
    pub sidecar: Envoy,
}

/// A pod that calls.
pub struct Caller {
    /// Its sidecar.
    pub sidecar: Envoy,
    pub channel: Channel,
}

/// A call that an instance has executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The call.
    pub call: String,
    /// The instance's pod.
    pub instance: String,
}

/// What a call asks the instances to do.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Its name in the book; empty: a new one.
    pub call: String,
    /// How long it takes.
    pub wait: Duration,
    /// `NAME=CODE`.
    pub fail: String,
    /// Without a token, or with this one.
    pub token: Option<String>,
    /// Other headers.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Ask {
    /// A call that takes so long.
    pub fn wait(millis: u64) -> Self {
        Self { wait: Duration::from_millis(millis), ..Self::default() }
    }

    /// A call that fails there with this code.
    pub fn fail(instance: &str, code: u8) -> Self {
        Self { fail: format!("{instance}={code}"), ..Self::default() }
    }
}

impl Ground {
    /// With the manifests as they are.
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// With Istio's objects as changed for the test.
    pub fn with(change: impl FnOnce(&mut Vec<Object>)) -> Self {
        let root = root();
        let mut istio = objects::collect(&root.join("istio")).expect("istio's manifests can be read");
        change(&mut istio);
        let kubernetes =
            objects::collect(&root.join("k8s/services")).expect("the services' manifests can be read");
        let values =
            std::fs::read_to_string(root.join("istio/values.yaml")).expect("istio's values can be read");
        let values = objects::parse(&values).expect("istio's values are YAML").remove(0);
        let world = World::of(&istio, &kubernetes, &values.0).unwrap_or_else(|error| panic!("{error:#}"));
        let envoy = envoy::find(&root).unwrap_or_else(|error| panic!("{error:#}"));
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let key = SigningKey::from_bytes(&[7; 32]);
        let mesh = Mesh::new(world, folder.path(), &envoy, key_set(&key))
            .unwrap_or_else(|error| panic!("{error:#}"));
        Self { mesh, folder, token: token(&key), calls: AtomicU64::new(0) }
    }

    /// Starts instances, which get no calls before they are published.
    pub async fn instances(&mut self, number: usize) -> Vec<Instance> {
        let mut instances = Vec::with_capacity(number);
        for _ in 0..number {
            instances.push(self.instance(&[]).await);
        }
        instances
    }

    /// Starts an instance whose pod has other labels as well.
    pub async fn instance(&mut self, labels: &[(&str, &str)]) -> Instance {
        self.instance_of(SERVICE, labels).await
    }

    /// Starts an instance that stands for another workload.
    pub async fn instance_of(&mut self, workload: &str, labels: &[(&str, &str)]) -> Instance {
        let pod = self.mesh.pod(workload, labels).expect("there is such a workload");
        let sidecar = self.mesh.sidecar(&pod).await.unwrap_or_else(|error| panic!("{error:#}"));
        let program = self.program(&pod).await;
        Instance { pod, program, sidecar }
    }

    /// Starts an instance behind a sidecar with another's certificate.
    pub async fn impostor(&mut self, identity: &Identity) -> Instance {
        let pod = self.mesh.pod(SERVICE, &[]).expect("there is such a workload");
        let sidecar = self.mesh.sidecar_as(&pod, identity).await.unwrap_or_else(|error| panic!("{error:#}"));
        let program = self.program(&pod).await;
        Instance { pod, program, sidecar }
    }

    /// Starts the program of an instance, and waits until it listens.
    pub async fn program(&self, pod: &Pod) -> Program {
        let at = pod.addresses.program(pod.workload.port);
        let environment = BTreeMap::from([
            ("TESSERA_LISTEN".to_owned(), at.to_string()),
            ("INSTANCE_NAME".to_owned(), pod.name.clone()),
            ("INSTANCE_BOOK".to_owned(), self.book().display().to_string()),
        ]);
        let path = Path::new(env!("CARGO_BIN_EXE_mesh-instance"));
        let mut program = Program::start(&pod.name, path, &[], &environment, &self.mesh.log(&pod.name))
            .unwrap_or_else(|error| panic!("{error:#}"));
        eventually("the instance listens", async || {
            program.check().unwrap_or_else(|error| panic!("{error:#}"));
            TcpStream::connect(at).await.is_ok().then_some(())
        })
        .await;
        program
    }

    /// Lets exactly these instances get calls.
    pub fn publish(&self, ready: &[&Instance]) {
        let pods: Vec<&Pod> = ready.iter().map(|instance| &instance.pod).collect();
        self.mesh.publish(&pods);
    }

    /// Starts a pod of a workload that calls.
    pub async fn caller(&mut self, workload: &str) -> Caller {
        self.caller_of(workload, HOST).await
    }

    /// Starts a pod that calls another service.
    pub async fn caller_of(&mut self, workload: &str, host: &str) -> Caller {
        let pod = self.mesh.pod(workload, &[]).expect("there is such a workload");
        let sidecar = self.mesh.sidecar(&pod).await.unwrap_or_else(|error| panic!("{error:#}"));
        let at = self.mesh.peer(&pod, host).expect("there is such a service");
        let channel = Endpoint::from_shared(format!("http://{at}")).expect("it is an address").connect_lazy();
        Caller { sidecar, channel }
    }

    /// Calls through a caller's sidecar. Tells which instance has answered.
    pub async fn call(&self, caller: &Caller, path: &'static str, ask: &Ask) -> Result<String, Status> {
        self.send(caller.channel.clone(), path, ask).await
    }

    /// Calls by a channel of the test's own.
    pub async fn send(&self, channel: Channel, path: &'static str, ask: &Ask) -> Result<String, Status> {
        let mut request = Request::new(());
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let call = if ask.call.is_empty() { format!("call-{number}") } else { ask.call.clone() };
        let mut set = |name: &'static str, value: &str| {
            request.metadata_mut().insert(name, value.parse().expect("a header is ASCII"));
        };
        set("x-call", &call);
        set("x-wait-ms", &ask.wait.as_millis().to_string());
        set("x-fail", &ask.fail);
        let token = ask.token.as_ref().unwrap_or(&self.token);
        if !token.is_empty() {
            set("authorization", &format!("Bearer {token}"));
        }
        for (name, value) in &ask.headers {
            set(name, value);
        }
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let answer =
            grpc.unary(request, PathAndQuery::from_static(path), ProstCodec::<(), ()>::default()).await?;
        let instance = answer.metadata().get("x-instance").and_then(|name| name.to_str().ok());
        Ok(instance.unwrap_or_default().to_owned())
    }

    /// Everything that instances have executed.
    pub fn executed(&self) -> Vec<Executed> {
        let book = std::fs::read_to_string(self.book()).unwrap_or_default();
        let executed = book.lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some(Executed { call: words.next()?.to_owned(), instance: words.next()?.to_owned() })
        });
        executed.collect()
    }

    /// A place for files of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn book(&self) -> PathBuf {
        self.path("book")
    }
}

/// Lets 64 callers ask on for five seconds while every instance fails. Tells how many calls they made, and how many
/// were executed.
pub async fn calls_while_all_fail() -> (u32, u32) {
    let mut ground = Ground::new();
    let instances = ground.instances(3).await;
    ground.publish(&instances.iter().collect::<Vec<_>>());
    let caller = ground.caller("gateway").await;
    let ask = Ask { wait: Duration::from_millis(20), ..Ask::fail("*", 14) };
    let end = Instant::now() + Duration::from_secs(5);
    let worker = || async {
        let mut calls = 0;
        while Instant::now() < end {
            let status = ground.call(&caller, READ, &ask).await.expect_err("all instances fail");
            assert_eq!(status.code(), Code::Unavailable);
            calls += 1;
        }
        calls
    };
    let calls: u32 = join_all((0..64).map(|_| worker())).await.into_iter().sum();
    let executed = u32::try_from(ground.executed().len()).expect("a book of seconds is short");
    (calls, executed)
}

/// What Kubernetes does to a pod, in its order: it is taken from its Service, waits, is asked to stop, and its sidecar
/// goes last. Then it comes back.
pub async fn restart(ground: &Ground, caller: &Caller, instances: &mut [Instance], place: usize) {
    let others: Vec<&Instance> =
        instances.iter().enumerate().filter(|(number, _)| *number != place).map(|(_, one)| one).collect();
    ground.publish(&others);
    let instance = &mut instances[place];
    tokio::time::sleep(Duration::from_secs(instance.pod.workload.wait_seconds)).await;
    let ended = instance.program.stop(STOP_MAX).await.expect("it can be stopped");
    assert!(ended.success(), "the program was stopped and not killed: {ended}");
    instance.sidecar.drain().await.expect("the admin answers");
    instance.sidecar.program().stop(Duration::from_secs(5)).await.expect("it can be stopped");
    instance.sidecar = ground.mesh.sidecar(&instance.pod).await.unwrap_or_else(|error| panic!("{error:#}"));
    instance.program = ground.program(&instance.pod).await;
    ground.publish(&instances.iter().collect::<Vec<_>>());
    knows(caller, STABLE, instances.len()).await;
}

/// Waits until a caller's sidecar knows exactly so many endpoints of a cluster.
pub async fn knows(caller: &Caller, cluster: &str, number: usize) {
    eventually("the caller's sidecar knows who is there", async || {
        let known = caller.sidecar.endpoints(cluster).await.expect("the admin answers");
        (known.len() == number).then_some(())
    })
    .await;
}

/// Waits until `look` finds something, and returns it. Panics, naming `what`, when it never does.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "in vain awaited: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Istio's object of this kind for the service of the instances.
pub fn of_service<'a>(objects: &'a mut [Object], kind: &str) -> &'a mut Value {
    let found = objects.iter_mut().find(|one| one.kind() == kind && one.name() == SERVICE);
    &mut found.expect("the manifests have rules for every service").0
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = own.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    found.expect("this crate lies in a workspace").to_owned()
}

/// A token as identity gives it.
fn token(key: &SigningKey) -> String {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "test"}));
    // In the year 2100.
    let claims =
        json!({"iss": host::ISSUER, "aud": host::AUDIENCE, "sub": "somebody", "exp": 4_102_444_800_u64});
    let signed = format!("{head}.{}", part(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
    format!("{signed}.{signature}")
}

fn key_set(key: &SigningKey) -> String {
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
    json!({"keys": [{"kid": "test", "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": x}]})
        .to_string()
}
