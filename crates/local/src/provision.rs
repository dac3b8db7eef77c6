//! Gives every service its database and roles, on a private cluster or a real server alike.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};

use crate::sql::{COMPLETE, Names};
use crate::system::write_private;
use crate::url::with_login;
use crate::{Error, MINIMUM_MAJOR, Result, Secrets};

/// What the names of databases and roles begin with, unless a test asks for its own.
pub const DEFAULT_PREFIX: &str = "tessera_";

/// One service's way to its database.
#[derive(Clone, Debug)]
pub struct DatabaseUrls {
    /// The database.
    pub database: String,
    /// Logs in as the role that owns all tables; for migrations only.
    pub owner_url: String,
    /// Logs in as the role that only uses them; for the service.
    pub url: String,
    /// The role behind `owner_url`.
    pub owner_role: String,
    /// The role behind `url`.
    pub role: String,
    /// The second door: what the login role may `set role` to.
    pub system_role: String,
}

/// What [`provision`] found or made.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// By service.
    pub services: BTreeMap<String, DatabaseUrls>,
    /// The event log's database, whose role owns it.
    pub log_url: String,
    /// The services (and `log`) that were made or mended now; empty when all stood already.
    pub changed: Vec<String>,
}

/// Makes what is missing of the services' databases and roles, and of the event log's.
///
/// Passwords are taken from `secrets` or made and kept there, under the roles' names. Roles that exist, but whose
/// password is not known there, get a new one: two machines that use one server must share their secrets file.
pub async fn provision(
    admin_url: &str,
    prefix: &str,
    services: &[&str],
    secrets: &mut Secrets,
) -> Result<Provisioned> {
    let mut all =
        services.iter().map(|service| Names::of_service(prefix, service)).collect::<Result<Vec<_>>>()?;
    all.push(Names::of_log(prefix)?);
    let logins: Vec<String> = all.iter().flat_map(Names::logins).collect();
    let fresh = secrets.generate_missing(&logins)?;

    let mut admin = connect(admin_url).await?;
    check_version(&admin)?;
    let mut changed = Vec::new();
    let mut missing = missing(&mut admin, prefix, &all, &fresh).await?;
    if missing.is_empty() && !password_fits(admin_url, &all, secrets).await? {
        // Another server than the one these secrets were made for, or another file.
        missing = all.clone();
    }
    if !missing.is_empty() {
        changed = missing.iter().map(|names| names.service.clone()).collect();
        make(&mut admin, prefix, &missing, secrets).await?;
    }
    let _ = admin.close().await;
    result(admin_url, &all, secrets, changed)
}

async fn connect(admin_url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions =
        admin_url.parse().map_err(Error::database("The administrator's database URL cannot be read"))?;
    let server = format!("{}:{}", options.get_host(), options.get_port());
    // What it is told holds the passwords of the roles, which no log may have, however slow the statement is.
    let options = options.disable_statement_logging();
    options.connect().await.map_err(Error::database(format!("Cannot log in to PostgreSQL at {server}")))
}

fn check_version(admin: &PgConnection) -> Result<()> {
    // As the server told it at login, so it costs no round trip.
    match admin.server_version_num().map(|number| number / 10_000) {
        Some(found) if found < MINIMUM_MAJOR => {
            Err(Error::WrongVersion { what: "The database server".into(), found, minimum: MINIMUM_MAJOR })
        }
        _ => Ok(()),
    }
}

/// Those that are incomplete, or whose password was made just now.
async fn missing(
    admin: &mut PgConnection,
    prefix: &str,
    all: &[Names],
    fresh: &[String],
) -> Result<Vec<Names>> {
    let services: Vec<&str> = all.iter().map(|names| names.service.as_str()).collect();
    let complete: Vec<String> = sqlx::query_scalar(COMPLETE)
        .bind(prefix)
        .bind(&services)
        .fetch_all(admin)
        .await
        .map_err(Error::database("Cannot list the databases"))?;
    let lacks = |names: &&Names| {
        !complete.contains(&names.service) || names.logins().iter().any(|role| fresh.contains(role))
    };
    Ok(all.iter().filter(lacks).cloned().collect())
}

/// Whether the server takes the password on file; tried with one role for all.
async fn password_fits(admin_url: &str, all: &[Names], secrets: &Secrets) -> Result<bool> {
    let Some(names) = all.first() else { return Ok(true) };
    let url = login_url(admin_url, &names.login, &names.database, secrets)?;
    match PgConnection::connect(&url).await {
        Ok(connection) => {
            let _ = connection.close().await;
            Ok(true)
        }
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("28P01") => Ok(false),
        Err(error) => Err(Error::database(format!("Cannot log in as {}", names.login))(error)),
    }
}

/// Makes or mends these, one process at a time.
async fn make(admin: &mut PgConnection, prefix: &str, missing: &[Names], secrets: &Secrets) -> Result<()> {
    let rights = sqlx::query(
        "select current_user::text, rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user",
    )
    .fetch_one(&mut *admin)
    .await
    .and_then(|row| Ok((row.try_get::<String, _>(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)));
    let (role, superuser, roles, databases): (String, bool, bool, bool) =
        rights.map_err(Error::database("Cannot read the administrator's rights"))?;
    let lacking = match (superuser || roles, superuser || databases) {
        (true, true) => None,
        (false, true) => Some("create roles"),
        (true, false) => Some("create databases"),
        (false, false) => Some("create roles or databases"),
    };
    if let Some(lacking) = lacking {
        return Err(missing_rights(role, lacking, missing, secrets));
    }
    let failed = || Error::database("Cannot make the services' databases");
    sqlx::query("select pg_advisory_lock(hashtext('tessera provision ' || $1))")
        .bind(prefix)
        .execute(&mut *admin)
        .await
        .map_err(failed())?;
    let mut statements = Vec::new();
    for names in missing {
        statements.extend(names.roles(|role| secrets.get(role).unwrap_or_default().to_owned()));
        if !superuser {
            statements.push(names.become_owner());
        }
    }
    run(admin, &statements).await.map_err(failed())?;
    let existing: Vec<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname = any($1)")
            .bind(missing.iter().map(|names| names.database.clone()).collect::<Vec<_>>())
            .fetch_all(&mut *admin)
            .await
            .map_err(failed())?;
    for names in missing.iter().filter(|names| !existing.contains(&names.database)) {
        // Not in the batch: this statement takes no transaction around it.
        admin.execute(AssertSqlSafe(names.create_database())).await.map_err(failed())?;
    }
    let statements: Vec<String> = missing.iter().flat_map(Names::close_database).collect();
    run(admin, &statements).await.map_err(failed())
}

/// All in one round trip and one transaction.
async fn run(admin: &mut PgConnection, statements: &[String]) -> sqlx::Result<()> {
    admin.execute(sqlx::raw_sql(AssertSqlSafe(statements.join(";\n")))).await.map(drop)
}

/// The error that tells an administrator what to run. The passwords go into a file that only we read.
fn missing_rights(role: String, lacking: &str, missing: &[Names], secrets: &Secrets) -> Error {
    let script = |password: &dyn Fn(&str) -> String| {
        missing.iter().map(|names| names.script(password)).collect::<Vec<_>>().join("\n")
    };
    let full = script(&|role| secrets.get(role).unwrap_or_default().to_owned());
    let path: Option<PathBuf> = secrets.path().map(|path| path.with_file_name("provision.sql"));
    let file = match path.filter(|path| write_private(path, &full).is_ok()) {
        Some(path) => format!(" ({} holds the same with the passwords, for `psql -f`)", path.display()),
        None => String::new(),
    };
    Error::MissingRights {
        role,
        missing: lacking.to_owned(),
        file,
        sql: script(&|role| format!("<password of {role}>")),
    }
}

fn login_url(admin_url: &str, role: &str, database: &str, secrets: &Secrets) -> Result<String> {
    with_login(admin_url, role, secrets.get(role).unwrap_or_default(), database)
}

fn result(admin_url: &str, all: &[Names], secrets: &Secrets, changed: Vec<String>) -> Result<Provisioned> {
    let mut services = BTreeMap::new();
    let mut log_url = String::new();
    for names in all {
        let url = login_url(admin_url, &names.login, &names.database, secrets)?;
        let Some(system) = &names.system else {
            log_url = url;
            continue;
        };
        let urls = DatabaseUrls {
            database: names.database.clone(),
            owner_url: login_url(admin_url, &names.owner, &names.database, secrets)?,
            url,
            owner_role: names.owner.clone(),
            role: names.login.clone(),
            system_role: system.clone(),
        };
        services.insert(names.service.clone(), urls);
    }
    Ok(Provisioned { services, log_url, changed })
}
