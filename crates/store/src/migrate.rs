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

fn failed(whose: &str, error: sqlx::migrate::MigrateError) -> Error {
    Error::internal(format!("the {whose}'s migrations failed: {error}"))
}
