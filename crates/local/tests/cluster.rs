//! The private cluster: made, started, stopped, killed, and refused with a sentence.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use local::{Binaries, Cluster, ClusterOptions, Error, Folder};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

/// A `.tessera` folder that the server's user can enter, and whose server ends with it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("tessera-local-").tempdir().unwrap();
        // As root the server runs as another user, who must get through.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(dir.path(), mode).unwrap();
        Self(dir)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join(".tessera")
    }

    fn options(&self) -> ClusterOptions {
        ClusterOptions { port: None, ..ClusterOptions::new(self.folder()).unwrap() }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = self.folder();
        std::thread::scope(|scope| {
            let _ = scope.spawn(|| runtime.block_on(Cluster::stop_in(&folder))).join();
        });
        // Not within another runtime, as tests drop this.
        runtime.shutdown_background();
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

fn postmaster_pid(cluster: &Cluster) -> i32 {
    let text = fs::read_to_string(cluster.data_dir().join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

#[test]
fn a_disk_without_room_is_told_in_numbers() {
    // Also for a folder that does not exist yet: what is asked is the disk that it will be on.
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("not/there/yet");
    local::ensure_disk(&folder, 1).unwrap();
    let error = local::ensure_disk(&folder, u64::MAX).unwrap_err().to_string();
    let needed = u64::MAX / (1024 * 1024);
    assert!(
        error.contains("MB free") && error.contains(&format!("at least {needed} MB are needed")),
        "{error}"
    );
}

#[tokio::test]
async fn data_and_port_survive_a_restart_and_a_running_server_is_reused() {
    let home = Home::new();
    let cluster = Cluster::start(home.options()).await.unwrap();
    assert!(cluster.started_here());
    let mut pg = connect(&cluster.url("postgres")).await;
    pg.execute("create table kept (n int); insert into kept values (7)").await.unwrap();
    let fsync: String = sqlx::query_scalar("show fsync").fetch_one(&mut pg).await.unwrap();
    let encoding: String = sqlx::query_scalar("show server_encoding").fetch_one(&mut pg).await.unwrap();
    assert_eq!((fsync.as_str(), encoding.as_str()), ("on", "UTF8"));

    let again = Cluster::start(home.options()).await.unwrap();
    assert!(!again.started_here());
    assert_eq!(again.url("x"), cluster.url("x"));
    assert_eq!(Cluster::running_in(&home.folder()).unwrap(), Some(cluster.port()));

    assert!(cluster.stop().await.unwrap());
    assert!(!cluster.stop().await.unwrap());
    assert_eq!(Cluster::running_in(&home.folder()).unwrap(), None);

    let third = Cluster::start(home.options()).await.unwrap();
    assert!(third.started_here());
    assert_eq!(third.port(), cluster.port());
    let mut pg = connect(&third.socket_url("postgres").unwrap_or_else(|| third.url("postgres"))).await;
    let n: i32 = sqlx::query_scalar("select n from kept").fetch_one(&mut pg).await.unwrap();
    assert_eq!(n, 7);
}

#[tokio::test]
async fn two_starters_at_once_get_one_server() {
    let home = Home::new();
    let (a, b) = tokio::join!(Cluster::start(home.options()), Cluster::start(home.options()));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.port(), b.port());
    assert!(a.started_here() != b.started_here());
}

#[tokio::test]
async fn a_killed_server_starts_again_with_what_was_committed() {
    let home = Home::new();
    let cluster = Cluster::start(home.options()).await.unwrap();
    let mut pg = connect(&cluster.url("postgres")).await;
    pg.execute("create table kept (n int); insert into kept values (7)").await.unwrap();
    let pid = postmaster_pid(&cluster);
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    // At once, while the killed server's children may still be there.
    let again = Cluster::start(home.options()).await.unwrap();
    assert_ne!(postmaster_pid(&again), pid);
    let mut pg = connect(&again.url("postgres")).await;
    let n: i32 = sqlx::query_scalar("select n from kept").fetch_one(&mut pg).await.unwrap();
    assert_eq!(n, 7);
    again.stop().await.unwrap();

    // The file of a server that was killed, whose number is another process's by now.
    let stale =
        format!("{}\n{}\n1\n1\n\n127.0.0.1\n\nready\n", std::process::id(), again.data_dir().display());
    fs::write(again.data_dir().join("postmaster.pid"), stale).unwrap();
    assert_eq!(Cluster::running_in(&home.folder()).unwrap(), None);
    assert!(Cluster::start(home.options()).await.unwrap().started_here());
}

#[tokio::test]
async fn a_taken_port_is_named_when_asked_for_and_passed_over_when_not() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port();
    let error = Cluster::start(ClusterOptions { port: Some(taken), ..home.options() }).await.unwrap_err();
    assert!(matches!(error, Error::PortTaken { port, .. } if port == taken), "{error}");
    assert!(error.to_string().contains("TESSERA_PG_PORT"), "{error}");

    let cluster = Cluster::start(home.options()).await.unwrap();
    cluster.stop().await.unwrap();
    let occupant = TcpListener::bind(("127.0.0.1", cluster.port())).unwrap();
    let moved = Cluster::start(home.options()).await.unwrap();
    assert_ne!(moved.port(), cluster.port());
    drop(occupant);
}

#[tokio::test]
async fn data_of_another_version_are_refused_by_name() {
    let home = Home::new();
    let cluster = Cluster::start(home.options()).await.unwrap();
    cluster.stop().await.unwrap();
    let version = cluster.data_dir().join("PG_VERSION");
    fs::write(&version, "9\n").unwrap();
    let error = Cluster::start(home.options()).await.unwrap_err();
    assert!(matches!(error, Error::DataVersion { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("belong to PostgreSQL 9") && text.contains("is PostgreSQL 1"), "{text}");
}

/// A folder of programs that claim to be this version.
fn pretend(home: &Home, version: &str) -> PathBuf {
    let bindir = home.0.path().join(format!("bin-{version}"));
    fs::create_dir(&bindir).unwrap();
    for program in ["postgres", "initdb", "pg_ctl"] {
        let path = bindir.join(program);
        fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    bindir
}

#[tokio::test]
async fn binaries_that_are_too_old_or_missing_are_refused_by_name() {
    let home = Home::new();
    let start = |bindir| Cluster::start(ClusterOptions { bindir: Some(bindir), ..home.options() });
    let error = start(pretend(&home, "13.4")).await.unwrap_err();
    assert!(error.to_string().contains("is PostgreSQL 13, but Tessera needs 15 or newer"), "{error}");
    let error = start(home.0.path().join("nowhere")).await.unwrap_err();
    assert!(error.to_string().contains("TESSERA_PG_BINDIR"), "{error}");
    // An initdb that says nothing useful still ends in an error, not in a cluster.
    let error = start(pretend(&home, "16.1")).await.unwrap_err();
    assert!(matches!(error, Error::Io { .. } | Error::Server { .. }), "{error}");
    let _: fn(&Binaries) -> u32 = |binaries| binaries.major;
}

#[tokio::test]
async fn a_folder_that_the_server_cannot_enter_is_replaced_and_said_so() {
    let home = Home::new();
    let private = home.0.path().join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let folder = private.join(".tessera");
    let cluster = Cluster::start(ClusterOptions { folder: folder.clone(), ..home.options() }).await.unwrap();
    // Only root's server runs as somebody else.
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    assert_eq!(cluster.note().is_some(), is_root);
    connect(&cluster.url("postgres")).await;
    assert_eq!(Cluster::running_in(&folder).unwrap(), Some(cluster.port()));
    assert!(Cluster::stop_in(&folder).await.unwrap());
    if is_root {
        assert!(cluster.note().unwrap().contains("private"), "{:?}", cluster.note());
        let base = cluster.data_dir().parent().unwrap().parent().unwrap();
        assert!(base.starts_with("/var/tmp") || std::env::var_os("XDG_STATE_HOME").is_some());
        fs::remove_dir_all(base).unwrap();
    }
}

#[test]
fn a_second_run_is_told_who_holds_the_folder() {
    let home = Home::new();
    let folder = Folder::open(home.folder()).unwrap();
    folder.check_disk().unwrap();
    assert_eq!(folder.running_pid().unwrap(), None);
    let lock = folder.lock().unwrap();
    let state = local::State::of_this_process([("gateway".into(), "http://127.0.0.1:1".into())].into());
    lock.write_state(&state).unwrap();
    assert_eq!(folder.state().unwrap(), Some(state));
    let started = Instant::now();
    match folder.lock() {
        Err(Error::AlreadyRunning { pid, .. }) => assert_eq!(pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() < Duration::from_secs(1));
    drop(lock);
    assert_eq!(folder.state().unwrap(), None);
    folder.lock().unwrap();
    assert!(matches!(local::ensure_disk(folder.path(), u64::MAX), Err(Error::DiskFull { .. })));
}
