//! Signing in with an address and a password.

use contracts::identity::v1::{
    IdentityReason, LoginRequest, LoginResponse, Tenant, TenantState, User, UserState,
};
use kit::{Error, Result, Uuid, ensure};
use prost_types::Timestamp;
use store::{Actor, Cx};

use crate::auth::Auth;
use crate::{attempts, passwords, sessions, tokens};

/// In how many tenants one address may sign in without naming one: each costs the time of a hash.
const CANDIDATES_MAX: i64 = 10;

/// A user with the address, in some tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    tenant: Uuid,
    slug: String,
    tenant_state: TenantState,
    user: Uuid,
    user_state: UserState,
    hash: String,
}

/// Signs in. Nothing is locked and no connection is held while passwords are hashed.
pub async fn login(cx: &mut Cx, auth: &Auth, request: LoginRequest) -> Result<LoginResponse> {
    let keys = auth.keys.current(cx).await?;
    attempts::count(cx, &request.email).await?;
    let candidates = candidates(cx, &request).await?;
    if candidates.is_empty() {
        auth.passwords.pretend(&request.password).await?;
    }
    let mut fitting = Vec::new();
    for candidate in candidates {
        if auth.passwords.fits(&request.password, candidate.hash.clone()).await? {
            fitting.push(candidate);
        }
    }
    ensure!(!fitting.is_empty(), IdentityReason::CredentialsWrong);
    attempts::forgive(cx, &request.email).await?;
    let chosen = choose(fitting)?;
    let session = Uuid::parse_str(&cx.new_id()).map_err(Error::internal)?;
    cx.enter_tenant(&chosen.tenant.to_string()).await?;
    cx.act_as(Actor::User { id: chosen.user, session });
    // Under the lock: whoever disables the user or changes the password meanwhile ends this session too.
    let mut user: User =
        cx.lock(&chosen.user.to_string()).await.map_err(|_| IdentityReason::CredentialsWrong)?;
    ensure!(user.state() == UserState::Active, IdentityReason::UserDisabled);
    let unchanged = passwords::find(cx, chosen.user).await? == Some(chosen.hash);
    ensure!(unchanged, IdentityReason::CredentialsWrong);
    let tenant: Tenant = cx.get(&chosen.tenant.to_string()).await?;
    ensure!(tenant.state() == TenantState::Active, IdentityReason::TenantSuspended);
    let refresh = sessions::begin(cx, chosen.user, session).await?;
    note_login(cx, &mut user).await?;
    let subject = sessions::subject(cx, chosen.user, session).await?;
    let tokens = tokens::pair(&keys, subject, &refresh, cx.now())?;
    Ok(LoginResponse { tokens: Some(tokens), tenant: Some(tenant), user: Some(user) })
}

/// Notes when the user signed in. The etag stays: nobody's edit of the user is stale because of a login.
pub async fn note_login(cx: &mut Cx, user: &mut User) -> Result<()> {
    let now = cx.now();
    let id = Uuid::parse_str(&user.id).map_err(Error::internal)?;
    cx.execute(sqlx::query("update users set last_login_time = $2 where id = $1").bind(id).bind(now)).await?;
    let nanos = i32::try_from(now.nanosecond()).map_err(Error::internal)?;
    user.last_login_time = Some(Timestamp { seconds: now.unix_timestamp(), nanos });
    Ok(())
}

async fn candidates(cx: &mut Cx, request: &LoginRequest) -> Result<Vec<Candidate>> {
    type Row = (Uuid, String, i32, Uuid, i32, String);
    cx.system("find the tenants of a login")?;
    let query = "select t.id, t.slug, t.state, u.id, u.state, p.hash
         from users u
         join tenants t on t.tenant_id = u.tenant_id and t.id = u.tenant_id
         join passwords p on p.tenant_id = u.tenant_id and p.user_id = u.id
         where lower(u.email) = lower($1) and u.delete_time is null and ($2 = '' or t.slug = $2)
         order by u.id limit $3";
    let query =
        sqlx::query_as::<_, Row>(query).bind(&request.email).bind(&request.tenant_slug).bind(CANDIDATES_MAX);
    let rows = cx.rows(query).await?;
    cx.checkpoint().await?;
    let candidate = |(tenant, slug, tenant_state, user, user_state, hash): Row| Candidate {
        tenant,
        slug,
        tenant_state: TenantState::try_from(tenant_state).unwrap_or_default(),
        user,
        user_state: UserState::try_from(user_state).unwrap_or_default(),
        hash,
    };
    Ok(rows.into_iter().map(candidate).collect())
}

/// The one in which the password fits and who may sign in; otherwise why not.
fn choose(fitting: Vec<Candidate>) -> Result<Candidate> {
    let (mut open, closed): (Vec<_>, Vec<_>) = fitting.into_iter().partition(|candidate| {
        candidate.tenant_state == TenantState::Active && candidate.user_state == UserState::Active
    });
    if open.len() > 1 {
        let slugs: Vec<_> = open.into_iter().map(|candidate| candidate.slug).collect();
        return Err(Error::from(IdentityReason::TenantAmbiguous).with("slugs", slugs.join(",")));
    }
    match (open.pop(), closed.first()) {
        (Some(only), _) => Ok(only),
        (None, Some(closed)) if closed.tenant_state != TenantState::Active => {
            Err(IdentityReason::TenantSuspended.into())
        }
        (None, Some(_)) => Err(IdentityReason::UserDisabled.into()),
        (None, None) => Err(IdentityReason::CredentialsWrong.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(slug: &str, tenant_state: TenantState, user_state: UserState) -> Candidate {
        let (tenant, user, hash) = (Uuid::nil(), Uuid::nil(), String::new());
        Candidate { tenant, slug: slug.to_owned(), tenant_state, user, user_state, hash }
    }

    #[test]
    fn the_tenant_is_named_only_when_it_must_be() {
        // One that is open is entered even beside closed ones; several open ones are listed.
        let open = |slug| candidate(slug, TenantState::Active, UserState::Active);
        let disabled = candidate("old", TenantState::Active, UserState::Disabled);
        let suspended = candidate("gone", TenantState::Suspended, UserState::Active);
        assert_eq!(choose(vec![disabled.clone(), open("acme")]).unwrap().slug, "acme");
        let several = choose(vec![open("acme"), open("bolt"), disabled.clone()]).unwrap_err();
        assert!(several.is(IdentityReason::TenantAmbiguous));
        assert_eq!(several.metadata()["slugs"], "acme,bolt");
        assert!(choose(vec![disabled]).unwrap_err().is(IdentityReason::UserDisabled));
        assert!(choose(vec![suspended]).unwrap_err().is(IdentityReason::TenantSuspended));
        assert!(choose(vec![]).unwrap_err().is(IdentityReason::CredentialsWrong));
    }
}
