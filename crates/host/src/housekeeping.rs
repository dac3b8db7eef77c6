//! Looks after the database: statistics of new tables, and what the engine's tables need not keep.

use std::time::Duration;

use kit::Result;
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
        if let Err(error) = once(&env).await {
            tracing::warn!(service = env.service(), %error, "housekeeping failed");
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn once(env: &Env) -> Result<()> {
    let mut cx = system_cx(env, "housekeeping");
    cx.execute(sqlx::query("select tessera.analyze_new()")).await?;
    cx.checkpoint().await?;
    for (statement, hours) in RULES {
        let before = cx.now() - time::Duration::hours(*hours);
        cx.execute(sqlx::query(*statement).bind(before)).await?;
        cx.checkpoint().await?;
    }
    Ok(())
}
