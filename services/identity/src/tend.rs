//! The hourly round: turns signing keys, seals them and throws away what has run out.

use kit::{Duration, OffsetDateTime, Result};
use store::{Cx, Next};

use crate::attempts::FORGET_AFTER;
use crate::keys::{self, PLATFORM};

/// The job's kind. It runs in the platform's tenant.
pub const KIND: &str = "identity.tend";
/// How often it runs.
pub const EVERY: Duration = Duration::hours(1);

/// How long sessions that are over are kept for those who look into an incident.
const SESSIONS_KEPT: Duration = Duration::days(30);

/// Runs the round.
pub async fn run(cx: &mut Cx, _key: String) -> Result<Next> {
    keys::rotate(cx).await?;
    keys::reseal(cx).await?;
    cx.checkpoint().await?;
    cx.system("throw away sessions and attempts that have run out")?;
    let now = cx.now();
    let rules: [(&'static str, OffsetDateTime); 5] = [
        ("delete from refresh_tokens where expire_time < $1", now),
        ("delete from api_key_secrets where expire_time < $1", now),
        ("delete from sessions where end_time < $1", now - SESSIONS_KEPT),
        ("delete from sessions where expire_time < $1", now - SESSIONS_KEPT),
        ("delete from login_attempts where last_time < $1", now - FORGET_AFTER),
    ];
    for (statement, before) in rules {
        cx.execute(sqlx::query(statement).bind(before)).await?;
    }
    // The engine ends the job in the scope that it began in.
    cx.enter_tenant(PLATFORM).await?;
    Ok(Next::At(now + EVERY))
}
