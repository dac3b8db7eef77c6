//! What the verifier takes, refuses and asks its source.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::{Clock, ManualClock, OffsetDateTime, Uuid};
use tokens::{AUDIENCE, Claims, ISSUER, Jwk, KeySource, TokenError, Verifier};

/// A source whose keys and fate the test sets.
#[derive(Clone)]
struct Source {
    keys: Arc<Mutex<Result<Vec<Jwk>, String>>>,
    fetches: Arc<AtomicUsize>,
}

impl Source {
    fn set(&self, keys: Result<&[&Key], &str>) {
        let keys = keys.map(|keys| keys.iter().map(|key| key.jwk()).collect());
        *self.keys.lock().unwrap() = keys.map_err(str::to_owned);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

impl KeySource for Source {
    async fn fetch(&self) -> Result<Vec<Jwk>, String> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        self.keys.lock().unwrap().clone()
    }
}

struct Key {
    kid: &'static str,
    signer: SigningKey,
}

impl Key {
    fn new(kid: &'static str, seed: u8) -> Self {
        Self { kid, signer: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn jwk(&self) -> Jwk {
        let x = URL_SAFE_NO_PAD.encode(self.signer.verifying_key().as_bytes());
        Jwk { kid: self.kid.to_owned(), x }
    }

    fn sign(&self, typ: &str, claims: &Claims) -> String {
        let header = Header {
            kid: Some(self.kid.to_owned()),
            typ: Some(typ.to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        let der = self.signer.to_pkcs8_der().unwrap();
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(der.as_bytes())).unwrap()
    }
}

struct Setting {
    clock: Arc<ManualClock>,
    source: Source,
    verifier: Arc<Verifier<Source>>,
}

fn setting(keys: &[&Key]) -> Setting {
    let clock = Arc::new(ManualClock::new(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()));
    let source = Source { keys: Arc::new(Mutex::new(Ok(Vec::new()))), fetches: Arc::default() };
    source.set(Ok(keys));
    let verifier = Arc::new(Verifier::new(source.clone(), clock.clone()));
    Setting { clock, source, verifier }
}

fn claims(now: OffsetDateTime) -> Claims {
    let now = now.unix_timestamp();
    Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: Uuid::nil().to_string(),
        tenant_id: Some(Uuid::nil()),
        sid: None,
        jti: None,
        perms: vec!["crm.*".to_owned()],
        iat: now,
        nbf: now,
        exp: now + 900,
    }
}

fn refused(message: &'static str) -> Option<TokenError> {
    Some(TokenError::Refused(message))
}

#[tokio::test]
async fn only_tokens_that_are_right_in_everything_count() {
    let (key, stranger) = (Key::new("one", 1), Key::new("one", 2));
    let Setting { clock, verifier, .. } = setting(&[&key]);
    let right = claims(clock.now());
    let token = key.sign("at+jwt", &right);
    assert_eq!(verifier.check(&token).await.unwrap().claims.perms, ["crm.*"]);

    let wrong = "the token's signature, issuer or audience is wrong";
    let cases = [
        (stranger.sign("at+jwt", &right), wrong),
        (key.sign("at+jwt", &Claims { iss: "other".into(), ..right.clone() }), wrong),
        (key.sign("at+jwt", &Claims { aud: "other".into(), ..right.clone() }), wrong),
        (key.sign("JWT", &right), "the token is of another kind"),
        (key.sign("at+jwt", &Claims { exp: right.iat - 5, ..right.clone() }), "the token has expired"),
        (key.sign("at+jwt", &Claims { nbf: right.iat + 6, ..right.clone() }), "the token is not valid yet"),
        ("x.y.z".to_owned(), "the token is malformed"),
        (String::new(), "the token is malformed"),
        ("x".repeat(100_000), "the token is malformed"),
        (Key::new("two", 1).sign("at+jwt", &right), "the token's key is unknown"),
    ];
    for (token, why) in cases {
        assert_eq!(verifier.check(&token).await.err(), refused(why), "{token:.80}");
    }
    // An algorithm that anybody can compute with the public key.
    let header = Header { kid: Some("one".into()), typ: Some("at+jwt".into()), ..Header::default() };
    let public = key.signer.verifying_key();
    let forged = jsonwebtoken::encode(&header, &right, &EncodingKey::from_secret(public.as_bytes())).unwrap();
    assert_eq!(verifier.check(&forged).await.err(), refused("the token is of another kind"));

    clock.advance(kit::Duration::seconds(905));
    assert_eq!(verifier.check(&token).await.err(), refused("the token has expired"), "also one remembered");
}

#[tokio::test(start_paused = true)]
async fn keys_rotate_and_are_not_asked_for_too_often() {
    let (old, new) = (Key::new("old", 1), Key::new("new", 2));
    let Setting { clock, source, verifier } = setting(&[&old]);
    let (by_old, by_new) =
        (old.sign("at+jwt", &claims(clock.now())), new.sign("at+jwt", &claims(clock.now())));
    verifier.check(&by_old).await.unwrap();
    assert_eq!(source.fetches(), 1);
    // A flood of tokens of keys that nobody has does not become a flood of calls.
    for _ in 0..100 {
        assert_eq!(verifier.check(&by_new).await.err(), refused("the token's key is unknown"));
    }
    assert_eq!(source.fetches(), 1);
    source.set(Ok(&[&new]));
    tokio::time::advance(Duration::from_secs(6)).await;
    verifier.check(&by_new).await.unwrap();
    assert_eq!(source.fetches(), 2);
    assert_eq!(
        verifier.check(&by_old).await.err(),
        refused("the token's key is unknown"),
        "it was taken back"
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_good_keys_outlive_their_source() {
    let key = Key::new("one", 1);
    let Setting { clock, source, verifier } = setting(&[&key]);
    source.set(Err("away"));
    let token = key.sign("at+jwt", &claims(clock.now()));
    let away = Some(TokenError::NoKeys("away".into()));
    for _ in 0..100 {
        assert_eq!(verifier.check(&token).await.err(), away);
    }
    assert_eq!(source.fetches(), 1, "failures are not repeated for everybody");
    source.set(Ok(&[&key]));
    tokio::time::advance(Duration::from_secs(2)).await;
    verifier.check(&token).await.unwrap();

    source.set(Err("away"));
    for minutes in 1..=3 {
        tokio::time::advance(Duration::from_secs(301)).await;
        let other = key.sign("at+jwt", &Claims { iat: minutes, ..claims(clock.now()) });
        verifier.check(&other).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(source.fetches() >= 4, "it goes on asking: {}", source.fetches());
}
