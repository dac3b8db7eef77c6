//! The mesh as a process of its own, on databases that outlive it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host::{ServiceIdentities, ServiceIdentity};
use local::{Provisioned, Secrets};

use crate::plan::Plan;

const SECRET: &str = "the secret of all services in this test";
/// How long the mesh may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// What the child does: the mesh, with all that it needs from the environment.
pub fn serve() {
    if std::env::var_os("TESSERA_CHAOS").is_none() {
        return;
    }
    let mut services = vec![
        catalog::service(),
        inventory::service(),
        payments::service(),
        finance::service(),
        orders::service(),
    ];
    // The same in every life, as in production, where they come from a file.
    let identities = services.iter().map(|service| {
        let permissions = service.permissions().into_iter().map(str::to_owned).collect();
        (service.name().to_owned(), ServiceIdentity { secret: SECRET.to_owned(), permissions })
    });
    services.push(identity::service(ServiceIdentities(identities.collect())));
    host::serve(services);
}

/// The databases.
pub struct Ground {
    databases: Provisioned,
}

impl Ground {
    /// Fresh ones.
    pub async fn prepare() -> Self {
        let cluster = local::shared_cluster().await.expect("the tests' cluster runs");
        let names = ["catalog", "inventory", "payments", "finance", "orders", "identity"];
        let (prefix, mut secrets) = (local::test_prefix("chaos"), Secrets::in_memory());
        let databases = local::provision(cluster.admin_url(), &prefix, &names, &mut secrets).await;
        Self { databases: databases.expect("databases can be made") }
    }

    /// Starts the mesh. One without a plan migrates the databases, which the others find as it left them.
    pub async fn start(&self, plan: Option<&Plan>) -> Life {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        drop(listener);
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.args(["mesh", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("TESSERA_CHAOS", "1").env("TESSERA_LISTEN", address.to_string());
        command.env("TESSERA_SERVICE_SECRET", SECRET).env("TESSERA_JOB_LEASE_SECONDS", "1");
        command.env("TESSERA_POOL_MAX", "6").env("TESSERA_LOG_DATABASE_URL", &self.databases.log_url);
        for (name, urls) in &self.databases.services {
            let name = name.to_uppercase();
            command.env(format!("TESSERA_{name}_DATABASE_URL"), &urls.url);
            if plan.is_none() {
                command.env(format!("TESSERA_{name}_OWNER_DATABASE_URL"), &urls.owner_url);
            }
        }
        if let Some(plan) = plan {
            command.env("TESSERA_CRASH", plan.to_text());
        }
        let quiet = std::env::var_os("TESSERA_CHAOS_LOG").is_none();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(if quiet { Stdio::null() } else { Stdio::inherit() });
        let child = command.spawn().expect("this program can be started");
        let mut life = Life { child, address };
        life.wait_until_it_listens().await;
        life
    }

    /// A connection to a service's database that sees every row.
    pub async fn look_into(&self, service: &str) -> sqlx::PgConnection {
        let cluster = local::shared_cluster().await.expect("the tests' cluster runs");
        let url = cluster.url(&self.databases.services[service].database).expect("it has a URL");
        <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.expect("the administrator can connect")
    }
}

/// A mesh that runs, or has.
pub struct Life {
    child: Child,
    address: SocketAddr,
}

impl Life {
    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it has died, as it was planned.
    pub fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt as _;
        let Some(status) = self.child.try_wait().expect("a child can be asked") else { return false };
        assert_eq!(status.signal(), Some(9), "the mesh ended by itself: {status}");
        true
    }

    /// Kills it, unless it is dead.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    async fn wait_until_it_listens(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            // A plan can come off while it starts, with what the life before it has left.
            if self.was_killed() {
                return;
            }
            assert!(begun.elapsed() < START_MAX, "the mesh does not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.kill();
    }
}
