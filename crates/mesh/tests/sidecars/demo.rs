//! The whole suite in the mesh, and the demo company through it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use contracts::orders::v1::ListOrdersRequest;
use contracts::orders::v1::order_service_client::OrderServiceClient;
use mesh::envoy;
use mesh::run::{Options, Suite};
use serde_json::Value;
use tokio::process::Command;
use tonic::transport::Endpoint;

use crate::support::root;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_company_is_loaded_through_the_mesh() {
    // Orders travel from service to service: what a policy forgets to open shows itself as an order that fails.
    let folder = tempfile::tempdir().unwrap();
    // PostgreSQL runs as another user where tests run as root, and must get through.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let root = root();
    let programs = Path::new(env!("CARGO_BIN_EXE_mesh")).parent().unwrap().to_owned();
    let options = Options {
        envoy: envoy::find(&root).unwrap_or_else(|error| panic!("{error:#}")),
        root,
        folder: folder.path().join("home"),
        programs: programs.clone(),
        listen: ([127, 0, 0, 1], 0).into(),
        replicas: 1,
    };
    let suite = Suite::start(&options).await.unwrap_or_else(|error| panic!("{error:#}"));
    let ran = demo(&programs, folder.path()).await;
    let summary: Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(summary["reconciled"], true, "{summary:#}");
    assert!(summary["orders"]["completed"].as_u64().unwrap_or(0) >= 60, "{summary:#}");

    // Every service of an order's way was called by its sidecar, and by nothing that lacks a certificate.
    let taken = suite.stats("http.inbound_").await.unwrap();
    for (pod, stats) in &taken {
        let calls: u64 =
            stats.iter().filter(|(name, _)| name.ends_with("rq_completed")).map(|(_, count)| count).sum();
        assert!(calls > 0 || pod.starts_with("notification"), "{pod} was not called: {stats:?}");
    }
    let pod = suite.pods().find(|pod| pod.workload.name == "orders").unwrap().clone();
    let outside = pod.addresses.sidecar(pod.workload.port);
    let plain = Endpoint::from_shared(format!("http://{outside}")).unwrap().connect_lazy();
    let refused = OrderServiceClient::new(plain).list_orders(ListOrdersRequest::default()).await;
    assert!(refused.is_err(), "{refused:?}");
    suite.stop().await.unwrap();
}

/// Runs `tessera demo` as somebody at the desk would.
async fn demo(programs: &Path, folder: &Path) -> Output {
    let tessera: PathBuf = programs.join("tessera");
    assert!(tessera.exists(), "{} is not there: `make test-mesh` builds it", tessera.display());
    let mut command = Command::new(tessera);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TESSERA_")) {
        command.env_remove(name);
    }
    command
        .arg("demo")
        .env("TESSERA_HOME", folder.join("home"))
        .env("TESSERA_CONFIG", folder.join("login.toml"));
    command.env("NO_COLOR", "1").current_dir(folder).kill_on_drop(true);
    command.output().await.expect("the command runs")
}
