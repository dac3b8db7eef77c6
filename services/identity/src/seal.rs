//! Keeps secret keys unreadable in the database, under the master key of the installation.
//!
//! `TESSERA_MASTER_KEY` is 32 bytes in base64, or several of them parted by commas: the first seals, each opens, so that
//! a master key can be changed while processes of the old one still run. Without it keys are stored as they are, which
//! the log tells; keys stored before it was set are still read. The hourly round seals anew what the first has not sealed.

use base64::prelude::{BASE64_STANDARD, Engine};
use kit::{Error, Result};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// The variable with the master key.
const VARIABLE: &str = "TESSERA_MASTER_KEY";

/// The first byte of what is stored tells how.
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

/// Seals with the first key, opens with any.
pub struct Seal(Vec<LessSafeKey>);

impl Seal {
    /// With the master keys of the environment, if there are any.
    pub fn from_env() -> Result<Self> {
        Self::with_keys(&std::env::var(VARIABLE).unwrap_or_default())
    }

    fn with_keys(text: &str) -> Result<Self> {
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(master_key);
        keys.collect::<Result<_>>().map(Self)
    }

    /// What is to be stored of a secret. It opens only together with the same `context`.
    pub fn seal(&self, secret: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        let Some(key) = self.0.first() else {
            tracing::warn!("a signing key is stored without encryption: {VARIABLE} is not set");
            return Ok([&[PLAIN], secret].concat());
        };
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = secret.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut sealed)
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([&[SEALED], nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// The secret that was stored.
    pub fn open(&self, stored: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        match stored.split_first() {
            Some((&PLAIN, secret)) => Ok(secret.to_vec()),
            Some((&SEALED, _)) if self.0.is_empty() => {
                Err(Error::internal(format!("a key is sealed and {VARIABLE} is not set")))
            }
            Some((&SEALED, sealed)) => {
                self.0.iter().find_map(|key| unseal(key, sealed, context)).ok_or_else(unreadable)
            }
            _ => Err(unreadable()),
        }
    }

    /// Whether a master key is there that has not sealed this: it lies open, or under another one.
    pub fn is_stale(&self, stored: &[u8], context: &[u8]) -> bool {
        let sealed = stored.strip_prefix(&[SEALED]);
        self.0.first().is_some_and(|key| sealed.and_then(|sealed| unseal(key, sealed, context)).is_none())
    }
}

fn master_key(text: &str) -> Result<LessSafeKey> {
    let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
    let key = UnboundKey::new(&AES_256_GCM, &bytes)
        .map_err(|_| Error::internal(format!("{VARIABLE} must be 32 bytes in base64")))?;
    Ok(LessSafeKey::new(key))
}

/// What was sealed under this key, in this context.
fn unseal(key: &LessSafeKey, sealed: &[u8], context: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut secret = sealed.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(context), &mut secret).ok()?;
    Some(opened.to_vec())
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}

fn unreadable() -> Error {
    Error::internal(format!("a stored key cannot be read with this {VARIABLE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Seal {
        keys(&[byte])
    }

    fn keys(bytes: &[u8]) -> Seal {
        let texts: Vec<String> = bytes.iter().map(|byte| BASE64_STANDARD.encode([*byte; 32])).collect();
        Seal::with_keys(&texts.join(", ")).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_only() {
        // Neither another master key nor another row's context may open a secret, nor may it be stored readable.
        let stored = key(1).seal(b"secret", b"row 1").unwrap();
        assert!(!stored.windows(6).any(|part| part == b"secret"));
        assert_eq!(key(1).open(&stored, b"row 1").unwrap(), b"secret");
        assert!(key(2).open(&stored, b"row 1").is_err());
        assert!(key(1).open(&stored, b"row 2").is_err());
        assert!(keys(&[]).open(&stored, b"row 1").is_err());
    }

    #[test]
    fn a_master_key_is_changed_while_both_are_in_use() {
        // Processes that have both keys, in either order, read what each other have sealed; only the first one seals.
        let (old, new) = (keys(&[1, 2]), keys(&[2, 1]));
        for (one, other) in [(&old, &new), (&new, &old)] {
            let stored = one.seal(b"secret", b"row").unwrap();
            assert_eq!(other.open(&stored, b"row").unwrap(), b"secret");
            assert!(!one.is_stale(&stored, b"row") && other.is_stale(&stored, b"row"));
        }
        let stored = new.seal(b"secret", b"row").unwrap();
        assert!(key(2).open(&stored, b"row").is_ok() && key(1).open(&stored, b"row").is_err());
    }

    #[test]
    fn keys_from_before_the_master_key_stay_readable() {
        // Setting a master key on a running installation must not end all sessions; without one nothing is laid open.
        let stored = keys(&[]).seal(b"secret", b"row").unwrap();
        assert_eq!(key(1).open(&stored, b"row").unwrap(), b"secret");
        assert!(key(1).is_stale(&stored, b"row"));
        let sealed = key(1).seal(b"secret", b"row").unwrap();
        assert!(!keys(&[]).is_stale(&stored, b"row") && !keys(&[]).is_stale(&sealed, b"row"));
    }

    #[test]
    fn a_malformed_master_key_is_refused() {
        // A short key must not be filled up silently, nor be passed over beside a good one.
        let good = BASE64_STANDARD.encode([1; 32]);
        assert!(Seal::with_keys("c2hvcnQ=").is_err());
        assert!(Seal::with_keys("not base64!").is_err());
        assert!(Seal::with_keys(&format!("{good},c2hvcnQ=")).is_err());
    }
}
