//! Throws away what the engine's tables need not keep.

use std::time::Duration;

use store::Env;
use store::jobs::system_cx;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(300);

/// What is thrown away: the statement and how many hours a row is kept. Answers are kept a day, as AIP-155
/// advises; inbox rows as long as the longest topic keeps its events.
const RULES: &[(&str, i64)] = &[
    ("delete from tessera.idempotency where create_time < $1", 24),
    ("delete from tessera.inbox where receive_time < $1", 31 * 24),
];

/// Throws away until the token is cancelled.
pub(crate) async fn run(env: Env, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        for (statement, hours) in RULES {
            let mut cx = system_cx(&env, "housekeeping");
            let before = cx.now() - time::Duration::hours(*hours);
            let done = match cx.execute(sqlx::query(*statement).bind(before)).await {
                Ok(_) => cx.checkpoint().await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                tracing::warn!(service = env.service(), %error, "housekeeping failed");
            }
        }
    }
}
