//! The tests' cluster ends by itself, also when its last user was killed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local::{Cluster, shared_cluster};

/// Runs in a process of its own, started below: it uses the cluster until it is killed.
#[tokio::test]
#[ignore = "a helper of the test below"]
async fn child() {
    shared_cluster().await.unwrap();
    std::fs::write(std::env::var("TESSERA_TEST_READY").unwrap(), "").unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

fn spawn(folder: &Path, ready: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored"])
        .env("TESSERA_TEST_PG_DIR", folder)
        .env("TESSERA_TEST_PG_IDLE", "4")
        .env("TESSERA_TEST_READY", ready)
        .env_remove("TESSERA_TEST_DATABASE_URL")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn wait_for(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !done() {
        assert!(Instant::now() < deadline, "{what} took more than {seconds} s");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_cluster_outlives_its_users_for_a_while_and_then_ends() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let folder = dir.path().join("shared");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let running = || Cluster::running_in(&folder).unwrap();

    let mut first = spawn(&folder, &one);
    let mut second = spawn(&folder, &two);
    wait_for("Starting", 60, || one.exists() && two.exists());
    first.kill().unwrap();
    first.wait().unwrap();
    // Longer than the idle time: the second process still uses it.
    std::thread::sleep(Duration::from_secs(8));
    let port = running();
    assert!(port.is_some());
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(running(), port);
    wait_for("Stopping", 30, || running().is_none());
}
