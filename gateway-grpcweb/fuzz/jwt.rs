//! Access tokens: what is taken was signed by the one known key, for this audience and this time.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde_json::{Value, json};
use tokens::{Jwk, KeySource, Verifier};

/// The second at which every check is made.
const NOW: i64 = 1_800_000_000;
/// How far the verifier lets clocks be apart, in seconds.
const LEEWAY: i64 = 5;

struct Keys;

impl KeySource for Keys {
    async fn fetch(&self) -> Result<Vec<Jwk>, String> {
        let x = BASE64.encode(signer().verifying_key().as_bytes());
        Ok(vec![Jwk { kid: "one".to_owned(), x }])
    }
}

struct Standing;

impl kit::Clock for Standing {
    fn now(&self) -> time::OffsetDateTime {
        time::OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(NOW)
    }
}

static VERIFIER: LazyLock<Arc<Verifier<Keys>>> =
    LazyLock::new(|| Arc::new(Verifier::new(Keys, Arc::new(Standing))));

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "one"})
}

fn claims() -> Value {
    json!({"iss": "tessera", "aud": "tessera", "sub": "u", "perms": [], "iat": NOW, "nbf": NOW, "exp": NOW + 60})
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let signature = signer().sign(text.as_bytes());
    format!("{text}.{}", BASE64.encode(signature.to_bytes()))
}

/// The first byte tells what the others are: a whole token; the header or the claims of one that is
/// signed well; or changes to a good token, each a place and a byte.
pub fn jwt(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    let good = || signed(header().to_string().as_bytes(), claims().to_string().as_bytes());
    let token = match kind % 4 {
        0 => match std::str::from_utf8(bytes) {
            Ok(token) => token.to_owned(),
            Err(_) => return,
        },
        1 => signed(bytes, claims().to_string().as_bytes()),
        2 => signed(header().to_string().as_bytes(), bytes),
        _ => {
            let mut token = good().into_bytes();
            for change in bytes.chunks_exact(2) {
                let at = usize::from(change[0]) * 2 % token.len();
                token[at] = change[1] & 0x7F;
            }
            String::from_utf8_lossy(&token).into_owned()
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let Ok(taken) = runtime.block_on(VERIFIER.check(&token)) else {
        assert!(token != good(), "a good token is taken");
        return;
    };
    assert!(is_signed(&token), "taken unsigned: {token}");
    let claims = &taken.claims;
    assert_eq!((&*claims.iss, &*claims.aud), ("tessera", "tessera"), "{token}");
    assert!(claims.exp > NOW - LEEWAY && claims.nbf <= NOW + LEEWAY, "{token}");
}

/// Whether the known key signed it as an access token: read by other means than the verifier's.
fn is_signed(token: &str) -> bool {
    let read = || {
        let (text, signature) = token.rsplit_once('.')?;
        let (header, _) = text.split_once('.')?;
        let header: Value = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
        let signature = Signature::from_slice(&BASE64.decode(signature).ok()?).ok()?;
        let signed = signer().verifying_key().verify_strict(text.as_bytes(), &signature).is_ok();
        Some(signed && header["alg"] == "EdDSA" && header["typ"] == "at+jwt" && header["kid"] == "one")
    };
    read().unwrap_or(false)
}
