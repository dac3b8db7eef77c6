//! API keys: a program's way in, never wider than what its user may do at that moment.

use contracts::identity::v1::{
    ApiKey, ApiKeyApi, CreateApiKeyRequest, CreateApiKeyResponse, ExchangeApiKeyRequest,
    ExchangeApiKeyResponse, IdentityReason, RotateApiKeyRequest, RotateApiKeyResponse, Tenant, TenantState,
    UpdateApiKeyRequest, User, UserState,
};
use kit::{Duration, Error, OffsetDateTime, Result, Uuid, ensure};
use prost_types::Timestamp;
use store::{Actor, Cx};

use crate::auth::{Auth, user_of};
use crate::grants;
use crate::roles::added;
use crate::secret::Secret;
use crate::tokens::{self, Subject};

/// What every key's text begins with, so that scanners of sources recognise one.
const MARK: &str = "tsk_";

/// How much of the text is shown later on.
const PREFIX_LEN: usize = MARK.len() + 8;

/// How long the token lives that a key is exchanged for: so long may a deleted key go on at the most.
const TOKEN_FOR: Duration = Duration::minutes(5);

/// The time of the last use is kept to the minute: programs that call all the time must not write all the time.
const USE_NOTED_EVERY: Duration = Duration::minutes(1);

/// Answers `ApiKeyService`.
pub struct ApiKeys;

impl ApiKeyApi for ApiKeys {
    async fn create_api_key(
        &self,
        cx: &mut Cx,
        request: CreateApiKeyRequest,
    ) -> Result<CreateApiKeyResponse> {
        let mut key = request.api_key.ok_or_else(|| Error::invalid("api_key", "is required"))?;
        let (user, _) = user_of(cx)?;
        check_scopes(cx, &key.scopes).await?;
        check_end(key.expire_time.as_ref(), cx.now())?;
        let secret = Secret::new(cx.tenant()?)?;
        let text = text(secret);
        key.user_id = user.to_string();
        key.prefix = prefix(&text);
        key.last_use_time = None;
        let key = cx.create(key).await?;
        keep(cx, &key, secret).await?;
        Ok(CreateApiKeyResponse { api_key: Some(key), key: text })
    }

    async fn update_api_key(&self, cx: &mut Cx, request: UpdateApiKeyRequest) -> Result<ApiKey> {
        let patch = request.api_key.ok_or_else(|| Error::invalid("api_key", "is required"))?;
        let before = own(cx, &patch.id).await?;
        let after: ApiKey = cx.update(patch, request.update_mask.as_ref(), "api_key").await?;
        check_scopes(cx, &added(&before.scopes, &after.scopes)).await?;
        if after.expire_time != before.expire_time {
            check_end(after.expire_time.as_ref(), cx.now())?;
        }
        Ok(after)
    }

    async fn rotate_api_key(
        &self,
        cx: &mut Cx,
        request: RotateApiKeyRequest,
    ) -> Result<RotateApiKeyResponse> {
        let mut key = own(cx, &request.id).await?;
        let overlap = request.overlap.unwrap_or_default().seconds;
        let end = cx.now() + Duration::seconds(overlap);
        // A text that runs out earlier, from a rotation before, keeps its end.
        let query = "update api_key_secrets set expire_time = least(expire_time, $2) where api_key_id = $1";
        cx.execute(sqlx::query(query).bind(id_of(&key)?).bind(end)).await?;
        let secret = Secret::new(cx.tenant()?)?;
        let text = text(secret);
        key.prefix = prefix(&text);
        let key = cx.put(key, &["prefix"]).await?;
        keep(cx, &key, secret).await?;
        Ok(RotateApiKeyResponse { api_key: Some(key), key: text })
    }
}

/// A key as the exchange finds it.
type Found = (Uuid, Uuid, Vec<String>, Option<OffsetDateTime>);

/// Gives a token for a key. Why a key is not valid is not told: whoever tries some learns nothing.
pub async fn exchange(
    cx: &mut Cx,
    auth: &Auth,
    request: ExchangeApiKeyRequest,
) -> Result<ExchangeApiKeyResponse> {
    let invalid = || Error::from(IdentityReason::ApiKeyInvalid);
    let secret = request.api_key.strip_prefix(MARK).and_then(Secret::parse).ok_or_else(invalid)?;
    let keys = auth.keys.current(cx).await?;
    cx.enter_tenant(&secret.tenant().to_string()).await?;
    let (key, user, scopes, last_use) = find(cx, secret).await?.ok_or_else(invalid)?;
    let owner: User = cx.find(&user.to_string()).await?.ok_or_else(invalid)?;
    let tenant: Tenant = cx.get(&cx.tenant()?.to_string()).await?;
    let open = owner.state() == UserState::Active && owner.delete_time.is_none();
    ensure!(open && tenant.state() == TenantState::Active, IdentityReason::ApiKeyInvalid);
    // The audit finds the key by the session's id.
    cx.act_as(Actor::User { id: user, session: key });
    let permissions = grants::within(&grants::of_user(cx, user).await?, &scopes);
    let now = cx.now();
    if last_use.is_none_or(|at| now - at >= USE_NOTED_EVERY) {
        let query = sqlx::query("update api_keys set last_use_time = $2 where id = $1");
        cx.execute(query.bind(key).bind(now)).await?;
    }
    let subject =
        Subject { name: user.to_string(), tenant: Some(cx.tenant()?), session: Some(key), permissions };
    let (access_token, expire_time) = tokens::sign(&keys, subject, now, TOKEN_FOR)?;
    Ok(ExchangeApiKeyResponse { access_token, access_expire_time: Some(expire_time) })
}

async fn find(cx: &mut Cx, secret: Secret) -> Result<Option<Found>> {
    let query = "select k.id, k.user_id, k.scopes, k.last_use_time
         from api_key_secrets s join api_keys k on k.tenant_id = s.tenant_id and k.id = s.api_key_id
         where s.hash = $1 and coalesce(s.expire_time > $2, true) and coalesce(k.expire_time > $2, true)";
    let now = cx.now();
    cx.row(sqlx::query_as::<_, Found>(query).bind(secret.hash()).bind(now)).await
}

async fn keep(cx: &mut Cx, key: &ApiKey, secret: Secret) -> Result<()> {
    let query = sqlx::query("insert into api_key_secrets (hash, api_key_id) values ($1, $2)");
    cx.execute(query.bind(secret.hash()).bind(id_of(key)?)).await?;
    Ok(())
}

/// The key, if it is the caller's own: whoever changes a key can do with it what its user may.
async fn own(cx: &mut Cx, id: &str) -> Result<ApiKey> {
    let (user, _) = user_of(cx)?;
    let key: ApiKey = cx.lock(id).await?;
    ensure!(key.user_id == user.to_string(), IdentityReason::ApiKeyForeign);
    Ok(key)
}

async fn check_scopes(cx: &mut Cx, scopes: &[String]) -> Result<()> {
    grants::check_known(scopes)?;
    grants::check_held(&grants::of_caller(cx).await?, scopes)
}

fn check_end(expire_time: Option<&Timestamp>, now: OffsetDateTime) -> Result<()> {
    ensure!(expire_time.is_none_or(|end| end.seconds > now.unix_timestamp()), IdentityReason::ApiKeyTime);
    Ok(())
}

fn text(secret: Secret) -> String {
    format!("{MARK}{}", secret.text())
}

fn prefix(text: &str) -> String {
    text.chars().take(PREFIX_LEN).collect()
}

fn id_of(key: &ApiKey) -> Result<Uuid> {
    Uuid::parse_str(&key.id).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_in_the_future_or_never() {
        // A key that is dead from the beginning is a typing error, not a wish.
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(1);
        let at = |seconds: i64| Timestamp { seconds: now.unix_timestamp() + seconds, nanos: 0 };
        assert!(check_end(None, now).is_ok() && check_end(Some(&at(1)), now).is_ok());
        for wrong in [0, -1] {
            assert!(check_end(Some(&at(wrong)), now).unwrap_err().is(IdentityReason::ApiKeyTime));
        }
    }
}
