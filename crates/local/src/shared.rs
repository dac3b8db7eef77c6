//! One cluster for all test binaries of a checkout, and fresh databases on it.

use std::env;
use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::OnceCell;

use crate::cluster::blocking;
use crate::sql::checked;
use crate::system::{ServerUser, now};
use crate::url::with_database;
use crate::{Cluster, ClusterOptions, Error, Profile, Result, watchdog};

/// Databases and roles of tests begin with this, and with the time they were made.
const MARK: &str = "tt_";
const TEMPLATE_MARK: &str = "tessera_template_";
const STALE_AFTER_SECONDS: i64 = 3600;
const TEMPLATE_STALE_AFTER_SECONDS: i64 = 7 * 24 * 3600;
const IDLE_SECONDS: u32 = 120;

/// The cluster that all tests of this checkout share.
#[derive(Clone, Debug)]
pub struct SharedCluster {
    admin_url: String,
}

impl SharedCluster {
    /// The administrator's URL, for [`crate::provision`].
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// The administrator's URL of one database.
    pub fn url(&self, database: &str) -> Result<String> {
        with_database(&self.admin_url, database)
    }

    /// Drops a database although it is in use. Tests need not: stale ones are dropped by later runs.
    pub async fn drop_database(&self, database: &str) -> Result<()> {
        let database = checked(database.to_owned())?;
        let mut admin = self.connect().await?;
        run(&mut admin, format!("drop database if exists \"{database}\" with (force)")).await
    }

    async fn connect(&self) -> Result<PgConnection> {
        PgConnection::connect(&self.admin_url)
            .await
            .map_err(Error::database("Cannot log in to the tests' PostgreSQL"))
    }
}

/// The tests' cluster, started when it does not run, and left to the next test binary.
///
/// It lies beside cargo's target folder (`TESSERA_TEST_PG_DIR` moves it), and ends when no test has used it for
/// two minutes (`TESSERA_TEST_PG_IDLE` seconds). `TESSERA_TEST_DATABASE_URL` names a server to use instead.
pub async fn shared_cluster() -> Result<SharedCluster> {
    static SHARED: OnceCell<SharedCluster> = OnceCell::const_new();
    let shared = SHARED.get_or_try_init(|| async {
        let admin_url = match env::var("TESSERA_TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => url,
            _ => blocking(start).await?,
        };
        let cluster = SharedCluster { admin_url };
        sweep(&cluster).await?;
        Ok::<_, Error>(cluster)
    });
    shared.await.cloned()
}

/// Held open as long as the process lives; see the watchdog.
static IN_USE: OnceLock<File> = OnceLock::new();

fn start() -> Result<String> {
    let options =
        ClusterOptions { profile: Profile::Test, port: None, ..ClusterOptions::new(test_folder())? };
    let user = ServerUser::detect_for(&options.folder)?;
    let root = crate::place::Place::prepare(&options.folder, &user)?.root;
    // Before the start: from now on the watchdog does not stop it.
    let _ = IN_USE.set(watchdog::join(&root)?);
    let cluster = Cluster::start_blocking(&options)?;
    let idle =
        env::var("TESSERA_TEST_PG_IDLE").ok().and_then(|text| text.parse().ok()).unwrap_or(IDLE_SECONDS);
    let user = user.adopt_owner(cluster.data_dir())?;
    watchdog::ensure(cluster.place(), &user, idle)?;
    Ok(cluster.url("postgres"))
}

/// Beside the target folder that this test binary lies in, so that all of a checkout find the same.
fn test_folder() -> PathBuf {
    if let Some(dir) = env::var_os("TESSERA_TEST_PG_DIR").filter(|dir| !dir.is_empty()) {
        return PathBuf::from(dir);
    }
    let executable = env::current_exe().unwrap_or_default();
    let target = executable.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file());
    target.map_or_else(
        || env::temp_dir().join(format!("tessera-test-{}", nix::unistd::Uid::effective())),
        |dir| dir.join("tessera-test"),
    )
}

/// A prefix for [`crate::provision`] that no other test has. What it makes is dropped by runs an hour later.
pub fn test_prefix(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
        .take(12)
        .collect();
    format!("{MARK}{:08x}_{:08x}_{count}_{name}_", now().unix_timestamp(), rand::random::<u32>())
}

/// A fresh, empty database, as the administrator's URL. Dropped by runs an hour later.
pub async fn test_database(name_prefix: &str) -> Result<String> {
    create(name_prefix, "template0").await
}

/// A fresh copy of a database that nobody is connected to, with the same owner; see [`test_template`].
pub async fn test_database_from(template: &str, name_prefix: &str) -> Result<String> {
    create(name_prefix, &checked(template.to_owned())?).await
}

async fn create(name_prefix: &str, template: &str) -> Result<String> {
    let cluster = shared_cluster().await?;
    let mut admin = cluster.connect().await?;
    let name = test_prefix(name_prefix).trim_end_matches('_').to_owned();
    let owner: Option<String> = sqlx::query_scalar(
        "select quote_ident(rolname) from pg_database d join pg_roles r on r.oid = d.datdba where datname = $1",
    )
    .bind(template)
    .fetch_optional(&mut admin)
    .await
    .map_err(Error::database("Cannot read the template"))?;
    let owner =
        owner.ok_or_else(|| Error::Invalid(format!("There is no template database `{template}`.")))?;
    run(&mut admin, format!("create database \"{name}\" template \"{template}\" owner {owner}")).await?;
    let _ = admin.close().await;
    cluster.url(&name)
}

/// A database made once for many copies, such as one with all migrations applied. Returns its name.
///
/// `key` must change with what `build` makes (take a digest of the migrations). `build` gets the
/// administrator's URL; its failure is returned, and the next call begins anew.
pub async fn test_template<F, E>(key: &str, build: impl FnOnce(String) -> F) -> Result<String>
where
    F: Future<Output = std::result::Result<(), E>>,
    E: std::fmt::Display,
{
    let cluster = shared_cluster().await?;
    let name = checked(format!("{TEMPLATE_MARK}{key}"))?;
    let mut admin = cluster.connect().await?;
    let failed = || Error::database(format!("Cannot make the template database {name}"));
    // Ends with this connection, also when the process is killed.
    sqlx::query("select pg_advisory_lock(hashtext($1))")
        .bind(&name)
        .execute(&mut admin)
        .await
        .map_err(failed())?;
    // The comment is written last: a template without one was left half built.
    let done: Option<String> = sqlx::query_scalar(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = $1 and not datallowconn",
    )
    .bind(&name)
    .fetch_optional(&mut admin)
    .await
    .map_err(failed())?
    .flatten();
    if done.is_some() {
        return Ok(name);
    }
    run(&mut admin, format!("drop database if exists \"{name}\" with (force)")).await?;
    run(&mut admin, format!("create database \"{name}\" template template0")).await?;
    build(cluster.url(&name)?)
        .await
        .map_err(|error| Error::Invalid(format!("Building the template {name} failed: {error}")))?;
    // A copy is refused while anybody is connected, be it a pool that closes late.
    run(&mut admin, format!("alter database \"{name}\" allow_connections false")).await?;
    sqlx::query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1")
        .bind(&name)
        .execute(&mut admin)
        .await
        .map_err(failed())?;
    let made = now().unix_timestamp();
    run(&mut admin, format!("comment on database \"{name}\" is '{made}'")).await?;
    let _ = admin.close().await;
    Ok(name)
}

/// How long a run of tests waits for the leftovers of others: on a disk that discards freed blocks each database takes
/// a tenth of a second or more.
const SWEEP_MAX: Duration = Duration::from_secs(2);

/// Drops what tests of earlier runs left, once for each process. Whoever comes second leaves it to the first.
async fn sweep(cluster: &SharedCluster) -> Result<()> {
    let mut admin = cluster.connect().await?;
    let failed = || Error::database("Cannot list the databases of earlier tests");
    let first: bool = sqlx::query_scalar("select pg_try_advisory_lock(hashtext('tessera test sweep'))")
        .fetch_one(&mut admin)
        .await
        .map_err(failed())?;
    if !first {
        return Ok(());
    }
    let databases: Vec<(String, Option<String>)> = sqlx::query_as(
        "select datname::text, shobj_description(oid, 'pg_database') from pg_database d
         where (datname like 'tt\\_%' or datname like 'tessera\\_template\\_%')
           and not exists (select from pg_stat_activity a where a.datid = d.oid)",
    )
    .fetch_all(&mut admin)
    .await
    .map_err(failed())?;
    let now = now().unix_timestamp();
    let stale = |(name, comment): &&(String, Option<String>)| match made_at(name) {
        Some(made) => now - made > STALE_AFTER_SECONDS,
        None => comment
            .as_ref()
            .and_then(|made| made.parse::<i64>().ok())
            .is_some_and(|made| now - made > TEMPLATE_STALE_AFTER_SECONDS),
    };
    let until = Instant::now() + SWEEP_MAX;
    for (name, _) in databases.iter().filter(stale) {
        if Instant::now() > until {
            // The runs after this one go on with the rest.
            break;
        }
        // Somebody else may drop or use it meanwhile; then it is not ours to drop.
        let _ = admin.execute(AssertSqlSafe(format!("drop database if exists \"{name}\""))).await;
    }
    let roles: Vec<String> =
        sqlx::query_scalar("select rolname::text from pg_roles where rolname like 'tt\\_%'")
            .fetch_all(&mut admin)
            .await
            .map_err(failed())?;
    for name in roles.iter().filter(|name| made_at(name).is_some_and(|made| now - made > STALE_AFTER_SECONDS))
    {
        let _ = admin.execute(AssertSqlSafe(format!("drop role if exists \"{name}\""))).await;
    }
    let _ = admin.close().await;
    Ok(())
}

/// The time in a name made by [`test_prefix`].
fn made_at(name: &str) -> Option<i64> {
    i64::from_str_radix(name.strip_prefix(MARK)?.split('_').next()?, 16).ok()
}

async fn run(admin: &mut PgConnection, statement: String) -> Result<()> {
    let action = statement.split(" \"").next().unwrap_or_default().to_owned();
    admin
        .execute(AssertSqlSafe(statement))
        .await
        .map(drop)
        .map_err(Error::database(format!("Cannot {action}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_name_tells_its_age_and_leaves_room_for_a_service() {
        let prefix = test_prefix("Orders-saga under failure");
        assert!(made_at(&prefix).is_some_and(|made| (now().unix_timestamp() - made).abs() < 5));
        assert!(checked(format!("{prefix}notification_system")).is_ok(), "{prefix}");
        assert_ne!(prefix, test_prefix("Orders-saga under failure"));
        assert_eq!(made_at("tessera_template_x"), None);
    }
}
