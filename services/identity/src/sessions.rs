//! Sessions: begun by a login, carried on by refresh tokens that work once, ended for good.

use contracts::identity::v1::{IdentityReason, RefreshTokenResponse, Tenant, TenantState, User, UserState};
use kit::{Duration, Error, OffsetDateTime, Result, Uuid, ensure};
use store::{Actor, Cx};

use crate::grants;
use crate::keys::KeySet;
use crate::secret::Secret;
use crate::tokens::{self, Subject};

/// How long a refresh token lives, and with it a session that nobody uses.
pub const REFRESH_FOR: Duration = Duration::days(30);

/// Begins the session of whom the call acts as, see [`Cx::act_as`].
pub async fn begin(cx: &mut Cx, user: Uuid, session: Uuid) -> Result<Secret> {
    let now = cx.now();
    let query = "insert into sessions (id, user_id, create_time, last_use_time, expire_time) values ($1, $2, $3, $3, $4)";
    cx.execute(sqlx::query(query).bind(session).bind(user).bind(now).bind(now + REFRESH_FOR)).await?;
    issue(cx, session, now).await
}

async fn issue(cx: &mut Cx, session: Uuid, now: OffsetDateTime) -> Result<Secret> {
    let token = Secret::new(cx.tenant()?)?;
    let query =
        "insert into refresh_tokens (hash, session_id, create_time, expire_time) values ($1, $2, $3, $4)";
    cx.execute(sqlx::query(query).bind(token.hash()).bind(session).bind(now).bind(now + REFRESH_FOR)).await?;
    Ok(token)
}

/// A refresh token as the database has it.
#[derive(Clone, Copy)]
struct Found {
    session: Uuid,
    user: Uuid,
    expire_time: OffsetDateTime,
    spend_time: Option<OffsetDateTime>,
    end_time: Option<OffsetDateTime>,
}

/// What a refresh token is worth.
#[derive(Debug, PartialEq, Eq)]
enum Worth {
    Good,
    Nothing,
    /// Somebody has copied it.
    Copied,
}

impl Found {
    fn worth(self, now: OffsetDateTime) -> Worth {
        match (self.end_time, self.spend_time) {
            _ if self.expire_time <= now => Worth::Nothing,
            (Some(_), _) => Worth::Nothing,
            (None, Some(_)) => Worth::Copied,
            (None, None) => Worth::Good,
        }
    }
}

/// Exchanges a refresh token for the next pair.
pub async fn refresh(cx: &mut Cx, keys: &KeySet, text: &str) -> Result<RefreshTokenResponse> {
    let invalid = || Error::from(IdentityReason::RefreshTokenInvalid);
    let token = Secret::parse(text).ok_or_else(invalid)?;
    cx.enter_tenant(&token.tenant().to_string()).await?;
    let now = cx.now();
    let found = find(cx, &token).await?.ok_or_else(invalid)?;
    match found.worth(now) {
        Worth::Good => {}
        Worth::Nothing => return Err(invalid()),
        Worth::Copied => {
            end(cx, found.session).await?;
            // The session must be over although this call fails.
            cx.checkpoint().await?;
            tracing::warn!(user = %found.user, session = %found.session, "a spent refresh token came again");
            return Err(IdentityReason::RefreshTokenReused.into());
        }
    }
    cx.act_as(Actor::User { id: found.user, session: found.session });
    let user: User = cx.find(&found.user.to_string()).await?.ok_or_else(invalid)?;
    let tenant: Tenant = cx.get(&cx.tenant()?.to_string()).await?;
    ensure!(tenant.state() == TenantState::Active, IdentityReason::TenantSuspended);
    ensure!(user.state() == UserState::Active, IdentityReason::RefreshTokenInvalid);
    let spend = sqlx::query("update refresh_tokens set spend_time = $2 where hash = $1");
    cx.execute(spend.bind(token.hash()).bind(now)).await?;
    let prolong = sqlx::query("update sessions set last_use_time = $2, expire_time = $3 where id = $1");
    cx.execute(prolong.bind(found.session).bind(now).bind(now + REFRESH_FOR)).await?;
    let next = issue(cx, found.session, now).await?;
    let subject = subject(cx, found.user, found.session).await?;
    Ok(RefreshTokenResponse { tokens: Some(tokens::pair(keys, subject, &next, now)?) })
}

/// Of whom the access tokens of a session speak.
pub async fn subject(cx: &mut Cx, user: Uuid, session: Uuid) -> Result<Subject> {
    let permissions = grants::of_user(cx, user).await?;
    Ok(Subject { name: user.to_string(), tenant: Some(cx.tenant()?), session: Some(session), permissions })
}

/// Ends the session of a refresh token, if it is one of this user's.
pub async fn end_by_token(cx: &mut Cx, user: Uuid, text: &str) -> Result<()> {
    let Some(token) = Secret::parse(text) else { return Ok(()) };
    match find(cx, &token).await? {
        Some(found) if found.user == user => end(cx, found.session).await,
        _ => Ok(()),
    }
}

/// Ends all sessions of a user but this one, and tells how many were open.
pub async fn end_all(cx: &mut Cx, user: Uuid, but: Option<Uuid>) -> Result<i32> {
    let now = cx.now();
    // Counted are those that could still be used, ended are all.
    let query = "with ended as (
             update sessions set end_time = $2 where user_id = $1 and end_time is null and id is distinct from $3
             returning expire_time)
         select count(*) from ended where expire_time > $2";
    let row = cx.row(sqlx::query_as::<_, (i64,)>(query).bind(user).bind(now).bind(but)).await?;
    Ok(row.map_or(0, |(count,)| i32::try_from(count).unwrap_or(i32::MAX)))
}

/// Ends a session, unless it is over already.
pub async fn end(cx: &mut Cx, session: Uuid) -> Result<()> {
    let now = cx.now();
    let query = sqlx::query("update sessions set end_time = $2 where id = $1 and end_time is null");
    cx.execute(query.bind(session).bind(now)).await?;
    Ok(())
}

/// Two exchanges of one token meet here: the second waits and then finds it spent.
async fn find(cx: &mut Cx, token: &Secret) -> Result<Option<Found>> {
    type Row = (Uuid, Uuid, OffsetDateTime, Option<OffsetDateTime>, Option<OffsetDateTime>);
    let query = "select s.id, s.user_id, t.expire_time, t.spend_time, s.end_time
         from refresh_tokens t join sessions s on s.tenant_id = t.tenant_id and s.id = t.session_id
         where t.hash = $1 for update";
    let row = cx.row(sqlx::query_as::<_, Row>(query).bind(token.hash())).await?;
    Ok(row.map(|(session, user, expire_time, spend_time, end_time)| Found {
        session,
        user,
        expire_time,
        spend_time,
        end_time,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_token_of_a_living_session_is_a_copy() {
        // Only then is there a session to end; what is over or too old is merely worth nothing.
        let now = OffsetDateTime::UNIX_EPOCH;
        let good = Found {
            session: Uuid::nil(),
            user: Uuid::nil(),
            expire_time: now + REFRESH_FOR,
            spend_time: None,
            end_time: None,
        };
        assert_eq!(good.worth(now), Worth::Good);
        assert_eq!(good.worth(good.expire_time), Worth::Nothing);
        assert_eq!(Found { spend_time: Some(now), ..good }.worth(now), Worth::Copied);
        assert_eq!(Found { spend_time: Some(now), end_time: Some(now), ..good }.worth(now), Worth::Nothing);
        assert_eq!(Found { end_time: Some(now), ..good }.worth(now), Worth::Nothing);
    }
}
