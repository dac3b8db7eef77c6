//! The machine: who runs the server, who may enter a folder, what is free.

use std::fs::{self, DirBuilder};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Uid, User};
use time::OffsetDateTime;

use crate::{Error, Result};

/// Below this much free space nothing is started: a full disk in the middle of work is worse.
pub const MINIMUM_FREE_DISK: u64 = 500 * 1024 * 1024;

/// The account that runs the server. PostgreSQL refuses to run as root.
#[derive(Clone, Debug)]
pub(crate) struct ServerUser {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// Whether commands must change to it, which only root does.
    pub switch: bool,
}

impl ServerUser {
    /// The current user, or for root `postgres`, or else `nobody`.
    pub fn detect() -> Result<Self> {
        let uid = Uid::effective();
        if !uid.is_root() {
            return Ok(Self {
                name: name_of(uid),
                uid: uid.as_raw(),
                gid: nix::unistd::Gid::effective().as_raw(),
                switch: false,
            });
        }
        ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten()).map(Self::of).ok_or_else(
            || {
                Error::Invalid(
                    "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it. \
                     Run Tessera as an ordinary user, or create one of them (`useradd --system postgres`)."
                        .into(),
                )
            },
        )
    }

    /// The same, or the owner of the cluster that lies in this `.tessera` folder already: what an ordinary
    /// user made is gone on with when root comes, not begun anew.
    pub fn detect_for(folder: &Path) -> Result<Self> {
        let user = Self::detect()?;
        if user.switch { user.adopt_owner(&folder.join("pg/data")) } else { Ok(user) }
    }

    /// The owner of a data folder that exists already must go on running it.
    pub fn adopt_owner(self, data: &Path) -> Result<Self> {
        let Ok(owner) = fs::metadata(data).map(|meta| meta.uid()) else { return Ok(self) };
        if owner == self.uid {
            return Ok(self);
        }
        let refuse = |reason: String| Error::NotUsable { path: data.to_owned(), reason };
        if !self.switch {
            let owner = name_of(Uid::from_raw(owner));
            return Err(refuse(format!(
                "it belongs to the user {owner}, and you are {}. Run as {owner}, or choose another folder.",
                self.name
            )));
        }
        match User::from_uid(Uid::from_raw(owner)) {
            Ok(Some(user)) if !user.uid.is_root() => Ok(Self::of(user)),
            // Root's own folder is one whose making was cut short before it was given away.
            _ if owner == 0 => Ok(self),
            _ => {
                Err(refuse(format!("it belongs to user number {owner}, who has no account on this machine.")))
            }
        }
    }

    fn of(user: User) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), switch: true }
    }

    /// A command that runs as this user, in `dir`, undisturbed by the caller's PostgreSQL settings.
    pub fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env("LC_ALL", "C");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(name);
            }
        }
        if self.switch {
            // As root, std also drops the supplementary groups.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a file or folder to this user.
    pub fn own(&self, path: &Path) -> Result<()> {
        if !self.switch {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(Error::io("Cannot give away", path))
    }

    /// The first folder on the way to `path` that this user cannot enter.
    pub fn blocked_at(&self, path: &Path) -> Option<PathBuf> {
        if !self.switch {
            return None;
        }
        let mut ancestors: Vec<_> = path.ancestors().collect();
        ancestors.reverse();
        ancestors
            .into_iter()
            .find(|dir| fs::metadata(dir).is_ok_and(|meta| meta.is_dir() && !self.may_enter(&meta)))
            .map(Path::to_owned)
    }

    fn may_enter(&self, meta: &fs::Metadata) -> bool {
        let mode = meta.mode();
        let bit = match () {
            () if meta.uid() == self.uid => 0o100,
            () if meta.gid() == self.gid => 0o010,
            () => 0o001,
        };
        mode & bit != 0
    }
}

fn name_of(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

/// Makes a folder with its parents, with exactly this mode when it is new.
pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let make = || -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    make().map_err(Error::io("Cannot create", path))
}

/// The mode of a folder of ours: others pass through it only when the server runs as another user.
pub(crate) fn folder_mode() -> u32 {
    if Uid::effective().is_root() { 0o711 } else { 0o700 }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(name);
    let write = || -> std::io::Result<()> {
        let _ = fs::remove_file(&fresh);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        if let (true, Ok(old)) = (Uid::effective().is_root(), fs::metadata(path)) {
            std::os::unix::fs::chown(&fresh, Some(old.uid()), Some(old.gid()))?;
        }
        fs::rename(&fresh, path)
    };
    write().map_err(Error::io("Cannot write", path))
}

/// Opens, and creates, a file that is only there to be locked.
pub(crate) fn lock_file(path: &Path) -> Result<fs::File> {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(Error::io("Cannot open", path))
}

/// Fails with a clear sentence when the disk that holds `path` has fewer than `needed` bytes free.
pub fn ensure_disk(path: &Path, needed: u64) -> Result<()> {
    let existing = path.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let stat = nix::sys::statvfs::statvfs(existing)
        .map_err(|errno| Error::io("Cannot measure the disk of", existing)(errno.into()))?;
    #[expect(clippy::useless_conversion, reason = "the blocks are counted in 32 bits on other systems")]
    let free = u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size()));
    if free >= needed {
        return Ok(());
    }
    let mb = |bytes: u64| bytes / (1024 * 1024);
    Err(Error::DiskFull { path: path.to_owned(), free_mb: mb(free), needed_mb: mb(needed) })
}

/// Whether nobody listens on this port of 127.0.0.1.
pub fn port_is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A free port of 127.0.0.1: `preferred` when it is free, else any.
pub fn free_port(preferred: Option<u16>) -> Result<u16> {
    if let Some(port) = preferred.filter(|&port| port != 0 && port_is_free(port)) {
        return Ok(port);
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| Error::Invalid(format!("No free port on 127.0.0.1: {source}")))
}

/// The port that was asked for by number, or an error that names the setting to change.
pub fn require_port(port: u16, setting: &str) -> Result<u16> {
    if port_is_free(port) { Ok(port) } else { Err(Error::PortTaken { port, setting: setting.to_owned() }) }
}

/// The wall clock. This crate runs before and beside the services, whose clock tests may turn.
#[expect(
    clippy::disallowed_methods,
    reason = "this crate serves processes and files, not the services' time"
)]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A password or a key: 32 hexadecimal digits that need no quoting anywhere.
pub(crate) fn random_secret() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
