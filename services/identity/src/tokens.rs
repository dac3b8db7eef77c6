//! Access tokens: what they say and how they are signed.

use contracts::identity::v1::TokenPair;
use host::{AUDIENCE, Claims, ISSUER};
use jsonwebtoken::{Algorithm, Header};
use kit::{Duration, Error, IdSource as _, OffsetDateTime, Result, Uuid, UuidV7};
use prost_types::Timestamp;

use crate::keys::KeySet;
use crate::secret::Secret;
use crate::sessions::REFRESH_FOR;

/// How long an access token lives.
pub const ACCESS_FOR: Duration = Duration::minutes(15);

/// Of whom a token speaks.
pub struct Subject {
    /// The user's id, or `service:<name>`.
    pub name: String,
    pub tenant: Option<Uuid>,
    pub session: Option<Uuid>,
    pub permissions: Vec<String>,
}

/// A signed token and when it runs out.
pub fn sign(
    keys: &KeySet,
    subject: Subject,
    now: OffsetDateTime,
    lasts: Duration,
) -> Result<(String, Timestamp)> {
    let expire_time = now + lasts;
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: subject.name,
        tenant_id: subject.tenant,
        sid: subject.session,
        jti: Some(UuidV7.new_id()),
        perms: without_covered(subject.permissions),
        iat: now.unix_timestamp(),
        nbf: now.unix_timestamp(),
        exp: expire_time.unix_timestamp(),
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(keys.kid.clone());
    let token = jsonwebtoken::encode(&header, &claims, &keys.signer).map_err(Error::internal)?;
    Ok((token, Timestamp { seconds: claims.exp, nanos: 0 }))
}

/// The answer to whoever began a session or goes on with it.
pub fn pair(keys: &KeySet, subject: Subject, refresh: &Secret, now: OffsetDateTime) -> Result<TokenPair> {
    let (access_token, access_expire_time) = sign(keys, subject, now, ACCESS_FOR)?;
    let refresh_expire_time = Timestamp { seconds: (now + REFRESH_FOR).unix_timestamp(), nanos: 0 };
    Ok(TokenPair {
        access_token,
        access_expire_time: Some(access_expire_time),
        refresh_token: refresh.text(),
        refresh_expire_time: Some(refresh_expire_time),
    })
}

/// Tokens travel with every call: `crm.contacts.read` beside `crm.*` says nothing.
fn without_covered(permissions: Vec<String>) -> Vec<String> {
    let covered = |held: &String| permissions.iter().any(|other| other != held && store::covers(other, held));
    permissions.iter().filter(|held| !covered(held)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_star_covers_is_left_out() {
        // Nothing may be lost by it, and a plain permission never covers another.
        let of = |held: &[&str]| without_covered(held.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(of(&["crm.*", "crm.contacts.read", "ops.jobs.read"]), ["crm.*", "ops.jobs.read"]);
        assert_eq!(of(&["*", "crm.*", "crm.contacts.read"]), ["*"]);
        assert_eq!(of(&["crm.contacts.read", "crm.contacts.write"]).len(), 2);
    }
}
