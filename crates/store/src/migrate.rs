//! Brings a service's database to the newest schema: the engine's own tables first, then the service's.

use kit::{Error, Result};
use sqlx::Connection;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;

/// The engine's own tables.
static ENGINE: Migrator = sqlx::migrate!("./system");

/// Runs what has not run yet, as the owner of the database. Safe to run twice and from several processes.
pub async fn run(owner_url: &str, service: &Migrator) -> Result<()> {
    let mut connection = PgConnection::connect(owner_url)
        .await
        .map_err(|error| Error::unavailable("the database (as its owner)", error))?;
    let mut engine = Migrator { migrations: ENGINE.migrations.clone(), ..Migrator::DEFAULT };
    engine.dangerous_set_table_name("tessera._migrations");
    engine.create_schema("tessera");
    engine.run_direct(None, &mut connection, false).await.map_err(|error| failed("engine", error))?;
    service.run_direct(None, &mut connection, false).await.map_err(|error| failed("service", error))?;
    connection.close().await.map_err(Error::internal)
}

/// Lets nobody but the service's own roles connect to its database, where whoever made it left it open. Only the
/// owner of a database can.
pub async fn close_to_others(owner_url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(owner_url)
        .await
        .map_err(|error| Error::unavailable("the database (as its owner)", error))?;
    // The names are those of the catalogue, quoted by PostgreSQL itself.
    let statement = "do $$ begin
        execute format('revoke all on database %I from public', current_database());
        execute format('grant connect, temporary on database %I to %I', current_database(), tessera.login_role());
    end $$";
    sqlx::raw_sql(statement).execute(&mut connection).await.map_err(Error::internal)?;
    connection.close().await.map_err(Error::internal)
}

fn failed(whose: &str, error: sqlx::migrate::MigrateError) -> Error {
    Error::internal(format!("the {whose}'s migrations failed: {error}"))
}
