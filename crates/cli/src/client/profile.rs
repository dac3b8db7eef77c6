//! The stored login, in a file that only its owner reads.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use contracts::identity::v1::TokenPair;
use local::Folder;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Result;
use crate::failure::{Failure, of_file};

pub use all::DEMO_EMAIL;

/// A login.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Profile {
    /// Where the gateway is.
    pub address: String,
    /// The tenant's slug.
    pub tenant: String,
    /// The user's address.
    pub email: String,
    /// Sent with each call.
    pub access_token: String,
    /// When the access token runs out.
    #[serde(with = "time::serde::rfc3339")]
    pub access_expire_time: OffsetDateTime,
    /// Exchanged for the next pair, once.
    pub refresh_token: String,
    /// True for the demo login of a local suite, which is renewed by itself.
    #[serde(default)]
    pub demo: bool,
}

impl Profile {
    /// `TESSERA_CONFIG`, else `tessera/config.toml` in the user's configuration folder.
    pub fn path() -> Result<PathBuf> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = set("TESSERA_CONFIG") {
            return Ok(path);
        }
        let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        let base = base.ok_or_else(|| {
            Failure::new("there is no place for the login: neither HOME nor TESSERA_CONFIG is set")
                .next("TESSERA_CONFIG=./tessera.toml tessera login")
        })?;
        Ok(base.join("tessera").join("config.toml"))
    }

    /// The stored login, if there is one.
    pub fn load() -> Result<Option<Self>> {
        let path = Self::path()?;
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map(Some).map_err(|error| {
                Failure::new(format!("{} is no stored login: {}", path.display(), error.message()))
                    .next(format!("rm {} && tessera login", path.display()))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(of_file("read", &path, error)),
        }
    }

    /// Writes it, whole or not at all.
    pub fn save(&self) -> Result<()> {
        let path = Self::path()?;
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        let text = toml::to_string(self)
            .map_err(|error| Failure::new(format!("the login cannot be written: {error}")))?;
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let _ = fs::remove_file(&fresh);
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(b"# The login of the `tessera` command. Keep it to yourself.\n")?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        };
        write().map_err(|error| of_file("write", &path, error))
    }

    /// Forgets the stored login. True when there was one.
    pub fn forget() -> Result<bool> {
        let path = Self::path()?;
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(of_file("remove", &path, error)),
        }
    }

    /// Keeps other processes from using up the same refresh token; which would end the session.
    pub fn lock() -> Result<File> {
        let path = Self::path()?.with_extension("lock");
        let open = || -> std::io::Result<File> {
            if let Some(folder) = path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(|error| of_file("lock", &path, error))
    }

    /// The same login with the next tokens.
    #[must_use]
    pub fn with_tokens(self, tokens: TokenPair) -> Self {
        let seconds = tokens.access_expire_time.map_or(0, |time| time.seconds);
        Self {
            access_token: tokens.access_token,
            access_expire_time: OffsetDateTime::from_unix_timestamp(seconds)
                .unwrap_or(OffsetDateTime::UNIX_EPOCH),
            refresh_token: tokens.refresh_token,
            ..self
        }
    }
}

/// The folder of the suite that was started here, if one ever was.
pub fn local_folder() -> Option<Folder> {
    let root = std::env::var_os("TESSERA_HOME").filter(|value| !value.is_empty());
    let root = root.map_or_else(|| PathBuf::from(".tessera"), PathBuf::from);
    // Only looking: a folder that is not there is not made.
    if root.is_dir() { Folder::open(root).ok() } else { None }
}

/// The password of the demo login of the suite that was started here.
pub fn demo_password() -> Result<Option<String>> {
    let Some(folder) = local_folder() else { return Ok(None) };
    Ok(folder.secrets()?.get(all::DEMO_SECRET).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_survives_the_file() {
        // The file is read by the next command, and by the next version.
        let profile = Profile {
            address: "http://127.0.0.1:8080".to_owned(),
            tenant: "demo".to_owned(),
            email: "a@b.example".to_owned(),
            access_token: "a".to_owned(),
            access_expire_time: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(),
            refresh_token: "r".to_owned(),
            demo: false,
        };
        let text = toml::to_string(&profile).unwrap();
        assert!(toml::from_str::<Profile>(&text).unwrap() == profile, "{text}");
    }
}
