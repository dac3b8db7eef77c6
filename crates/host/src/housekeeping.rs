//! Looks after the database: statistics of new tables, and what the engine's tables need not keep.

use std::time::Duration;

use kit::Result;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use store::Env;
use store::jobs::system_cx;
use tokio_util::sync::CancellationToken;

/// The pauses begin short, while a fresh database is being filled, and double up to the usual one.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// What is thrown away: the statement and how many hours a row is kept. Answers are kept a day, as AIP-155
/// advises; inbox rows as long as the longest topic keeps its events.
const RULES: &[(&str, i64)] = &[
    ("delete from tessera.idempotency where create_time < $1", 24),
    ("delete from tessera.inbox where receive_time < $1", 31 * 24),
];

/// Looks after the database until the token is cancelled.
pub(crate) async fn run(env: Env, stop: CancellationToken) {
    let mut pause = PAUSES.0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        // Each by itself: a table that somebody has locked must not keep the others from being tidied.
        let analyzed = run_once(&env, sqlx::query("select tessera.analyze_new()")).await;
        warn(&env, "statistics of new tables", analyzed);
        for (statement, hours) in RULES {
            let before = env.clock().now() - time::Duration::hours(*hours);
            warn(&env, statement, run_once(&env, sqlx::query(*statement).bind(before)).await);
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn run_once(env: &Env, query: Query<'_, Postgres, PgArguments>) -> Result<()> {
    let mut cx = system_cx(env, "housekeeping");
    cx.execute(query).await?;
    cx.checkpoint().await
}

fn warn(env: &Env, what: &str, done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(service = env.service(), what, %error, "housekeeping failed");
    }
}
