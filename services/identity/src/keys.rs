//! The keys that sign access tokens: NEXT is published, ACTIVE signs, RETIRED is published until its last
//! token is over.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use contracts::identity::v1::Jwk;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::EncodingKey;
use kit::{Duration, Error, OffsetDateTime, Result, Uuid};
use store::Cx;

use crate::seal::{Seal, random};
use crate::tend;

/// The tenant of what belongs to the installation itself.
pub const PLATFORM: &str = "00000000-0000-0000-0000-000000000000";

/// How long a key signs.
pub const ACTIVE_FOR: Duration = Duration::days(30);
/// How long a retired key is published: longer than a token lives and than key sets may be kept.
pub const RETIRED_FOR: Duration = Duration::hours(1);
/// How long a process goes on with the keys it has read.
const CACHED_FOR: Duration = Duration::seconds(60);

const NEXT: i32 = 1;
const ACTIVE: i32 = 2;
const RETIRED: i32 = 3;

/// The keys as a process knows them.
#[derive(Default)]
pub struct Keys(ArcSwapOption<KeySet>);

/// The keys at one time.
pub struct KeySet {
    read_time: OffsetDateTime,
    /// The public keys, the active one first.
    pub published: Vec<Jwk>,
    /// Names the active key.
    pub kid: String,
    /// The active key.
    pub signer: EncodingKey,
}

impl Keys {
    /// The current keys. Must be called before the handler's first statement in its own tenant: it may leave
    /// the call in the platform's.
    pub async fn current(&self, cx: &mut Cx) -> Result<Arc<KeySet>> {
        let now = cx.now();
        if let Some(set) = self.0.load_full().filter(|set| now < set.read_time + CACHED_FOR) {
            return Ok(set);
        }
        let set = Arc::new(read(cx, now).await?);
        self.0.store(Some(set.clone()));
        Ok(set)
    }
}

/// Key, state, public half, stored secret half.
type Row = (Uuid, i32, Vec<u8>, Vec<u8>);

async fn read(cx: &mut Cx, now: OffsetDateTime) -> Result<KeySet> {
    cx.enter_tenant(PLATFORM).await?;
    let mut rows = select(cx).await?;
    if !rows.iter().any(|(_, state, ..)| *state == ACTIVE) {
        found(cx).await?;
        rows = select(cx).await?;
    }
    cx.checkpoint().await?;
    let (id, _, _, stored) = rows.first().ok_or_else(|| Error::internal("there is no signing key"))?;
    let seed = Seal::from_env()?.open(stored, id.as_bytes())?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| Error::internal("a signing key has another length"))?;
    let der = SigningKey::from_bytes(&seed).to_pkcs8_der().map_err(Error::internal)?;
    Ok(KeySet {
        read_time: now,
        published: rows.iter().map(|(id, _, public, _)| jwk(*id, public)).collect(),
        kid: id.to_string(),
        signer: EncodingKey::from_ed_der(der.as_bytes()),
    })
}

/// The active key first, then the next one, then the retired ones, youngest first.
async fn select(cx: &mut Cx) -> Result<Vec<Row>> {
    let query = "select id, state, public_key, secret_key from signing_keys
         order by case state when 2 then 0 else state end, retire_time desc limit 100";
    cx.rows(sqlx::query_as::<_, Row>(query)).await
}

/// Makes the first keys of the installation. Another process may be as quick: the unique index lets one win.
async fn found(cx: &mut Cx) -> Result<()> {
    insert(cx, ACTIVE).await?;
    insert(cx, NEXT).await?;
    let now = cx.now();
    cx.enqueue(tend::KIND, "", now + tend::EVERY);
    Ok(())
}

/// Lets the next key sign when the active one has done so for long enough, and drops keys whose tokens are over.
pub async fn rotate(cx: &mut Cx) -> Result<()> {
    let now = cx.now();
    let lock = "select activate_time from signing_keys where state = 2 for update";
    let active = cx.row(sqlx::query_as::<_, (OffsetDateTime,)>(lock)).await?;
    let Some((activate_time,)) = active else { return found(cx).await };
    if activate_time + ACTIVE_FOR <= now {
        let retire = sqlx::query("update signing_keys set state = $1, retire_time = $2 where state = $3");
        cx.execute(retire.bind(RETIRED).bind(now).bind(ACTIVE)).await?;
        let activate = sqlx::query("update signing_keys set state = $1, activate_time = $2 where state = $3");
        cx.execute(activate.bind(ACTIVE).bind(now).bind(NEXT)).await?;
        insert(cx, NEXT).await?;
        tracing::info!("the next signing key is active");
    }
    let drop = sqlx::query("delete from signing_keys where state = $1 and retire_time < $2");
    cx.execute(drop.bind(RETIRED).bind(now - RETIRED_FOR)).await?;
    Ok(())
}

/// Seals the keys anew that do not lie under the master key of now. One that cannot be read is told and left: a turn of
/// the keys replaces it.
pub async fn reseal(cx: &mut Cx) -> Result<()> {
    let seal = Seal::from_env()?;
    for (id, state, _, stored) in select(cx).await? {
        // The secret half of a retired key is of no use to anybody.
        if state == RETIRED || !seal.is_stale(&stored, id.as_bytes()) {
            continue;
        }
        let secret = match seal.open(&stored, id.as_bytes()) {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(key = %id, %error, "a signing key cannot be sealed anew");
                continue;
            }
        };
        let sealed = seal.seal(&secret, id.as_bytes())?;
        // Only what was read: another process may have done the same, or replaced the key.
        let query = sqlx::query("update signing_keys set secret_key = $2 where id = $1 and secret_key = $3");
        cx.execute(query.bind(id).bind(sealed).bind(stored)).await?;
        tracing::info!(key = %id, "a signing key is sealed under the master key of now");
    }
    Ok(())
}

async fn insert(cx: &mut Cx, state: i32) -> Result<()> {
    let now = cx.now();
    let id = Uuid::parse_str(&cx.new_id()).map_err(Error::internal)?;
    let seed: [u8; 32] = random()?;
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let secret = Seal::from_env()?.seal(&seed, id.as_bytes())?;
    let query = sqlx::query(
        "insert into signing_keys (id, state, public_key, secret_key, create_time, activate_time)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
    );
    let activate_time = (state == ACTIVE).then_some(now);
    let query = query.bind(id).bind(state).bind(public.to_vec()).bind(secret).bind(now).bind(activate_time);
    cx.execute(query).await?;
    Ok(())
}

fn jwk(id: Uuid, public: &[u8]) -> Jwk {
    Jwk {
        kid: id.to_string(),
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: BASE64_URL_SAFE_NO_PAD.encode(public),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
    }
}
