//! What a program or a browser keeps to come in again: refresh tokens and API keys.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use kit::{Result, Uuid};
use sha2::{Digest, Sha256};

use crate::seal::random;

/// 32 bytes that nobody can guess, and the tenant's id, so that no search over all tenants is needed.
#[derive(Clone, Copy)]
pub struct Secret([u8; 48]);

impl Secret {
    /// A new one for a tenant.
    pub fn new(tenant: Uuid) -> Result<Self> {
        let random: [u8; 32] = random()?;
        let mut bytes = [0; 48];
        bytes[..32].copy_from_slice(&random);
        bytes[32..].copy_from_slice(tenant.as_bytes());
        Ok(Self(bytes))
    }

    /// Reads what a caller sent; none: it was never one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// What the caller keeps.
    pub fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The tenant it belongs to.
    pub fn tenant(&self) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[32..]);
        Uuid::from_bytes(bytes)
    }

    /// What the database keeps.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_finds_its_tenant_and_is_never_the_same() {
        // Its text alone must lead to the tenant, and whoever saw one must not know the next.
        let tenant = Uuid::from_u128(7);
        let (one, two) = (Secret::new(tenant).unwrap(), Secret::new(tenant).unwrap());
        let read = Secret::parse(&one.text()).unwrap();
        assert_eq!((read.tenant(), read.hash()), (tenant, one.hash()));
        assert_ne!(one.text()[..8], two.text()[..8]);
        for wrong in ["", "abc", &one.text()[1..], &format!("{}A", one.text()), "ü"] {
            assert!(Secret::parse(wrong).is_none(), "{wrong}");
        }
    }
}
