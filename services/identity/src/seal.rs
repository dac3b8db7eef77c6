//! Keeps secret keys unreadable in the database, under the master key of the installation.
//!
//! `TESSERA_MASTER_KEY` is 32 bytes in base64. Without it keys are stored as they are, which the log tells;
//! keys stored before it was set are still read, and rotation replaces them.

use base64::prelude::{BASE64_STANDARD, Engine};
use kit::{Error, Result};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// The variable with the master key.
const VARIABLE: &str = "TESSERA_MASTER_KEY";

/// The first byte of what is stored tells how.
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

/// Seals and opens.
pub struct Seal(Option<LessSafeKey>);

impl Seal {
    /// With the master key of the environment, if there is one.
    pub fn from_env() -> Result<Self> {
        match std::env::var(VARIABLE) {
            Ok(text) if !text.is_empty() => Self::with_key(&text),
            _ => Ok(Self(None)),
        }
    }

    fn with_key(text: &str) -> Result<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).unwrap_or_default();
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| Error::internal(format!("{VARIABLE} must be 32 bytes in base64")))?;
        Ok(Self(Some(LessSafeKey::new(key))))
    }

    /// What is to be stored of a secret. It opens only together with the same `context`.
    pub fn seal(&self, secret: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        let Some(key) = &self.0 else {
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
        match (stored.split_first(), &self.0) {
            (Some((&PLAIN, secret)), _) => Ok(secret.to_vec()),
            (Some((&SEALED, sealed)), Some(key)) => {
                let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or_else(unreadable)?;
                let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
                let mut secret = sealed.to_vec();
                let opened =
                    key.open_in_place(nonce, Aad::from(context), &mut secret).map_err(|_| unreadable())?;
                Ok(opened.to_vec())
            }
            (Some((&SEALED, _)), None) => {
                Err(Error::internal(format!("a key is sealed and {VARIABLE} is not set")))
            }
            _ => Err(unreadable()),
        }
    }
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
        Seal::with_key(&BASE64_STANDARD.encode([byte; 32])).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_only() {
        // Neither another master key nor another row's context may open a secret, nor may it be stored readable.
        let stored = key(1).seal(b"secret", b"row 1").unwrap();
        assert!(!stored.windows(6).any(|part| part == b"secret"));
        assert_eq!(key(1).open(&stored, b"row 1").unwrap(), b"secret");
        assert!(key(2).open(&stored, b"row 1").is_err());
        assert!(key(1).open(&stored, b"row 2").is_err());
        assert!(Seal(None).open(&stored, b"row 1").is_err());
    }

    #[test]
    fn keys_from_before_the_master_key_stay_readable() {
        // Setting a master key on a running installation must not end all sessions.
        let stored = Seal(None).seal(b"secret", b"row").unwrap();
        assert_eq!(key(1).open(&stored, b"row").unwrap(), b"secret");
    }

    #[test]
    fn a_malformed_master_key_is_refused() {
        // A short key must not be filled up silently.
        assert!(Seal::with_key("c2hvcnQ=").is_err());
        assert!(Seal::with_key("not base64!").is_err());
    }
}
