//! A release that goes out while the suite is used, and one that goes back.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use contracts::catalog::v1::ListProductsRequest;
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::crm::v1::account_service_client::AccountServiceClient;
use contracts::crm::v1::{Account, CreateAccountRequest};
use contracts::identity::v1::LoginRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use futures::future::join_all;
use mesh::run::Suite;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::suite::{Desk, programs, tessera};
use crate::support::root;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// A release whose payments do not run.
const SICK: &str = "9.9.9";

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_out_under_load_and_a_sick_one_goes_back() {
    // Nobody who works with the suite may notice the one or the other.
    let Desk { folder, mut suite } = Desk::start().await;
    let before = pods(&suite);
    let user = User::sign_in(&suite).await;
    let releases = sick_release(folder.path());

    let ours = root().join("releases").display().to_string();
    let (ran, calls) = under_load(&mut suite, &user, apply(folder.path(), VERSION, &ours)).await;
    assert_eq!(ran.0, Some(0), "{}", ran.1);
    assert!(ran.1.ends_with(&format!("release {VERSION}: 5 stages of 5\n")), "{}", ran.1);
    assert!(calls > 100, "{calls} calls are too few to tell");
    let after = pods(&suite);
    for (workload, pod) in &before {
        assert_ne!(after.get(workload), Some(pod), "{workload} is the pod of before");
    }

    let (ran, _) = under_load(&mut suite, &user, apply(folder.path(), SICK, &releases)).await;
    assert_eq!(ran.0, Some(3), "{}", ran.1);
    assert!(ran.1.contains("stopped in stage 2 of 5 at payments: roll-out payments"), "{}", ran.1);
    assert!(ran.1.contains("has ended (exit status: 7)"), "the program's own words: {}", ran.1);
    assert!(ran.1.contains("not begun: orders audit gateway"), "{}", ran.1);
    assert!(ran.1.contains("identity: rolled back"), "{}", ran.1);
    let last = pods(&suite);
    for untouched in ["gateway", "orders", "payments"] {
        assert_eq!(last.get(untouched), after.get(untouched), "{untouched}");
    }
    suite.stop().await.unwrap();
}

/// The pod of each workload.
fn pods(suite: &Suite) -> BTreeMap<String, String> {
    suite.pods().map(|pod| (pod.workload.name.clone(), pod.name.clone())).collect()
}

/// A release like ours whose payments end as soon as they are started, with its programs where the mesh looks for them.
fn sick_release(folder: &Path) -> String {
    let ours = std::fs::read_to_string(root().join(format!("releases/{VERSION}.yaml"))).unwrap();
    let releases = folder.join("releases");
    std::fs::create_dir(&releases).unwrap();
    std::fs::write(releases.join(format!("{SICK}.yaml")), ours.replace(VERSION, SICK)).unwrap();
    let images = folder.join("images").join(SICK);
    std::fs::create_dir_all(&images).unwrap();
    for name in ["catalog", "crm", "finance", "gateway", "identity", "inventory", "notification", "orders"] {
        symlink(programs().join(name), images.join(name)).unwrap();
    }
    let payments = images.join("payments");
    std::fs::write(&payments, "#!/bin/sh\n[ \"$1\" = migrate ] && exit 0\necho 'no such card' >&2\nexit 7\n")
        .unwrap();
    std::fs::set_permissions(&payments, std::fs::Permissions::from_mode(0o755)).unwrap();
    releases.display().to_string()
}

/// Its exit code, and what it said.
async fn apply(folder: &Path, version: &str, releases: &str) -> (Option<i32>, String) {
    let mesh = env!("CARGO_BIN_EXE_mesh");
    let ran =
        tessera(folder, &[&"release", &"apply", &version, &"--releases", &releases, &"--run", &mesh]).await;
    (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

/// What becomes of something while the mesh does what it is asked for and a user works, and how many calls that were.
async fn under_load<T>(suite: &mut Suite, user: &User, something: impl Future<Output = T>) -> (T, usize) {
    let over = AtomicBool::new(false);
    let something = async {
        let done = something.await;
        over.store(true, Ordering::Relaxed);
        done
    };
    let working = async { tokio::join!(something, join_all((0..4).map(|number| user.work(number, &over)))) };
    tokio::select! {
        served = suite.serve() => panic!("the mesh has ended: {served:?}"),
        (done, calls) = working => (done, calls.into_iter().sum()),
    }
}

struct User {
    edge: Channel,
    token: String,
}

impl User {
    async fn sign_in(suite: &Suite) -> Self {
        let edge = Endpoint::from_shared(format!("http://{}", suite.address())).unwrap().connect_lazy();
        let request = LoginRequest {
            email: all::DEMO_EMAIL.to_owned(),
            password: suite.password().to_owned(),
            ..LoginRequest::default()
        };
        let tokens = AuthServiceClient::new(edge.clone()).login(request).await.unwrap().into_inner().tokens;
        Self { edge, token: tokens.unwrap().access_token }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let token = format!("Bearer {}", self.token).parse().expect("a token is ASCII");
        request.metadata_mut().insert("authorization", token);
        request
    }

    /// Reads and writes by turns; no call may fail.
    async fn work(&self, number: usize, over: &AtomicBool) -> usize {
        let mut calls = 0;
        while !over.load(Ordering::Relaxed) {
            let failed = if number.is_multiple_of(2) {
                let mut products = ProductServiceClient::new(self.edge.clone());
                products.list_products(self.request(ListProductsRequest::default())).await.err()
            } else {
                let display_name = format!("customer {number}-{calls}");
                let account = Some(Account { display_name, ..Account::default() });
                let request = CreateAccountRequest { account, ..CreateAccountRequest::default() };
                AccountServiceClient::new(self.edge.clone()).create_account(self.request(request)).await.err()
            };
            assert!(failed.is_none(), "call {calls} of worker {number}: {failed:?}");
            calls += 1;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        calls
    }
}
