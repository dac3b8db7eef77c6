//! The client against a whole suite, and what it is made of.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use all::{Stack, StackOptions};
use client::Session;
use client::contracts::crm::v1::ListAccountsRequest;
use client::contracts::crm::v1::account_service_client::AccountServiceClient;
use client::contracts::identity::v1::TokenPair;

/// Everything on free ports, with the demo tenant.
async fn start(folder: &Path) -> Stack {
    // PostgreSQL runs as another user where tests run as root, and must get through.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = StackOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        database_url: None,
        kafka_brokers: None,
        metrics_listen: None,
        job_lease_seconds: 60,
        demo: true,
        folder: Some(folder.join("home")),
        gateway: all::usual_gateway(),
    };
    Stack::start(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_readme_shows_works() {
    // A newcomer copies the program as it stands.
    let folder = tempfile::tempdir().unwrap();
    let stack = start(folder.path()).await;
    let (address, password) = (format!("http://{}", stack.address()), stack.demo().unwrap().password.clone());
    let mut program = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    program.env("TESSERA_URL", &address).env("TESSERA_PASSWORD", &password);
    let ran = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}\n{wrong}");
    assert!(told.contains("InvalidArgument INVALID_FIELD account.display_name"), "{told}");
    assert!(told.contains("heard account.created"), "{told}");

    stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_renews_its_tokens_once_for_all() {
    // A refresh token works once: two calls that both find the access token ended must not both spend it.
    let folder = tempfile::tempdir().unwrap();
    let stack = start(folder.path()).await;
    let (address, demo) = (format!("http://{}", stack.address()), stack.demo().unwrap());
    let refused = Session::log_in(&address, &demo.email, "not the password").await.unwrap_err();
    assert_eq!(refused.code(), client::Code::Unauthenticated, "{refused:?}");
    let opened = Session::log_in_to(&address, &demo.email, &demo.password, "demo").await.unwrap();
    let ended = TokenPair { access_expire_time: None, ..opened.tokens().await };
    let session = Session::with_tokens(&address, ended.clone()).unwrap();
    let list = || async {
        let mut accounts = AccountServiceClient::new(session.clone());
        accounts.list_accounts(ListAccountsRequest::default()).await
    };
    let (one, other, third) = tokio::join!(list(), list(), list());
    assert!(one.is_ok() && other.is_ok() && third.is_ok(), "{one:?} {other:?} {third:?}");
    let now = session.tokens().await;
    assert_ne!((&now.access_token, &now.refresh_token), (&ended.access_token, &ended.refresh_token));
    let spent = Session::with_tokens(&address, ended).unwrap();
    let status = AccountServiceClient::new(spent).list_accounts(ListAccountsRequest::default()).await;
    assert_eq!(status.unwrap_err().code(), client::Code::Unauthenticated);
    stack.stop().await.unwrap();
}

#[test]
fn the_readme_shows_the_program_that_is_tested() {
    // Two texts that are alike today are not tomorrow.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(here.join("README.md")).unwrap();
    let program = std::fs::read_to_string(here.join("src/bin/quickstart.rs")).unwrap();
    let (_, shown) = page.split_once("```rust\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let (_, program) = program.split_once("\n\n").unwrap();
    assert_eq!(shown, program);
}

#[test]
fn a_caller_gets_no_engine() {
    // Who only calls must not have to build what talks to a database.
    for (package, features) in [("client", ""), ("contracts", "client")] {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"]);
        cargo.args(["--no-default-features", "--features", features, "--package", package]);
        let told = cargo.output().unwrap();
        let tree = String::from_utf8(told.stdout).unwrap();
        let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(names.contains(&"tonic"), "{package}: {}", String::from_utf8_lossy(&told.stderr));
        for engine in ["store", "host", "bus", "sqlx", "sqlx-postgres"] {
            assert!(!names.contains(&engine), "{package} brings {engine}:\n{tree}");
        }
    }
}
