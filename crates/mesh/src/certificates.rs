//! The authority of a mesh, and a certificate for each identity: `spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kit::{Clock as _, Duration, SystemClock};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};

/// The name of the mesh in every identity.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// How long certificates hold. A mesh on a desk is started anew sooner, and gets new ones.
const LIFE: Duration = Duration::days(7);
/// Clocks of one machine agree; this is for those who look at certificates with another.
const BEFORE: Duration = Duration::minutes(5);

/// Who a pod is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// The namespace of its ServiceAccount.
    pub namespace: String,
    /// The ServiceAccount's name.
    pub name: String,
}

impl Account {
    /// As certificates have it.
    pub fn spiffe(&self, trust_domain: &str) -> String {
        format!("spiffe://{trust_domain}/ns/{}/sa/{}", self.namespace, self.name)
    }
}

/// Signs certificates, and keeps them in a folder that only its owner reads.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// The files that a sidecar shows and checks certificates with.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority whose certificates it believes.
    pub authority: PathBuf,
}

impl Authority {
    /// A new authority, which nothing outside this folder trusts.
    pub fn new(folder: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, TRUST_DOMAIN);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        live(&mut params);
        let key = KeyPair::generate()?;
        write(&folder.join("authority.crt"), &params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);
        Ok(Self { folder: folder.to_owned(), issuer })
    }

    /// A certificate for an account. The authority's own key is nowhere but in this process.
    pub fn issue(&self, account: &Account) -> Result<Identity> {
        self.issue_in(TRUST_DOMAIN, account)
    }

    /// The same for an account of another mesh that shares the authority.
    pub fn issue_in(&self, trust_domain: &str, account: &Account) -> Result<Identity> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let name = Ia5String::try_from(account.spiffe(trust_domain))?;
        params.subject_alt_names = vec![SanType::URI(name)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        live(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let Account { namespace, name } = account;
        let file = |ending: &str| self.folder.join(format!("{trust_domain}.{namespace}.{name}.{ending}"));
        let identity = Identity {
            certificate: file("crt"),
            key: file("key"),
            authority: self.folder.join("authority.crt"),
        };
        write(&identity.certificate, &certificate.pem())?;
        write(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

fn live(params: &mut CertificateParams) {
    let now = SystemClock.now();
    params.not_before = now - BEFORE;
    params.not_after = now + LIFE;
}

/// Writes a file that only its owner reads. A new one each time: an old one may have had another mode.
fn write(path: &Path, text: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        if path.exists() {
            fs::remove_file(path)?;
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_for_their_owner_alone() {
        // Whoever reads a key is that service.
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(&folder.path().join("certificates")).unwrap();
        let account = Account { namespace: "tessera-core".into(), name: "orders".into() };
        let identity = authority.issue(&account).unwrap();
        for file in [&identity.certificate, &identity.key, &identity.authority] {
            let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.display());
        }
        assert!(fs::read_to_string(identity.key).unwrap().contains("PRIVATE KEY"));
        // Issued again, it is another key in the same place.
        let before = fs::read_to_string(&identity.certificate).unwrap();
        authority.issue(&account).unwrap();
        assert_ne!(before, fs::read_to_string(&identity.certificate).unwrap());
    }

    #[test]
    fn an_identity_is_spelled_as_istio_does() {
        // Policies name identities in this form; another spelling would match none of them.
        let account = Account { namespace: "tessera-core".into(), name: "orders".into() };
        assert_eq!(account.spiffe(TRUST_DOMAIN), "spiffe://cluster.local/ns/tessera-core/sa/orders");
    }
}
