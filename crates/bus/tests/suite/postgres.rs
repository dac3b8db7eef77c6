//! A real PostgreSQL for the tests.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

/// A private cluster, fsync on. Its keeper stops it and removes its folder when our end of the pipe closes, however
/// this process ends.
pub struct Cluster {
    pub url: String,
    folder: Option<PathBuf>,
    port: u16,
    _keeper: Option<Child>,
}

static SHARED: OnceCell<Cluster> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The cluster that most tests share: `TESSERA_TEST_DATABASE_URL`, else a private one.
pub async fn shared() -> &'static Cluster {
    SHARED
        .get_or_init(async || match std::env::var("TESSERA_TEST_DATABASE_URL") {
            Ok(url) => Cluster { url, folder: None, port: 0, _keeper: None },
            Err(_) => Cluster::start().await,
        })
        .await
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("no PostgreSQL: apt-get install postgresql, or set TESSERA_TEST_DATABASE_URL")
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("no initdb under /usr/lib/postgresql")
}

/// PostgreSQL refuses to run as root.
fn command(program: &Path) -> Command {
    if !nix::unistd::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

impl Cluster {
    pub async fn start() -> Cluster {
        let folder = tempfile::Builder::new().prefix("bus-pg-").tempdir().unwrap().keep();
        let data = folder.join("data");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let made = command(&binaries().join("initdb"))
            .args(["-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let mut settings =
            std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        writeln!(
            settings,
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
             max_connections = 300\nshared_buffers = 64MB\nfsync = on\nrestart_after_crash = on"
        )
        .unwrap();
        let keeper = Command::new("sh")
            .arg("-c")
            .arg("cat >/dev/null; kill -QUIT $(head -1 \"$1/data/postmaster.pid\") 2>/dev/null; sleep 1; rm -rf \"$1\"")
            .arg("keeper")
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let cluster = Cluster { url, folder: Some(folder), port, _keeper: Some(keeper) };
        cluster.run().await;
        cluster
    }

    /// Starts the server, also after it was killed, when its orphans may need a moment to go.
    pub async fn run(&self) {
        let folder = self.folder.as_ref().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let started = command(&binaries().join("pg_ctl"))
                .args(["start", "-w", "-t", "60", "-s", "-D"])
                .arg(folder.join("data"))
                .arg("-l")
                .arg(folder.join("log"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if started.success() && PgConnection::connect(&self.url).await.is_ok() {
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL on port {} does not start", self.port);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// SIGKILL to the server itself.
    pub fn kill(&self) {
        let file = self.folder.as_ref().unwrap().join("data/postmaster.pid");
        let pid: i32 = std::fs::read_to_string(file).unwrap().lines().next().unwrap().parse().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }

    /// A new database; answers its address.
    pub async fn database(&self, purpose: &str) -> String {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("bus_{purpose}_{}_{number}", std::process::id());
        let mut admin = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{name}")
    }
}
