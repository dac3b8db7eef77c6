//! Where the cluster's files lie: in the folder itself, or elsewhere when the server's user cannot get there.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::system::{ServerUser, folder_mode, make_dir};
use crate::{Error, Result};

/// The folders of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Holds all below.
    pub root: PathBuf,
    /// PostgreSQL's data folder; belongs to the server's user.
    pub data: PathBuf,
    /// Socket and log; belongs to the server's user.
    pub run: PathBuf,
    /// Where npm unpacks binaries if the machine has none.
    pub npm: PathBuf,
    /// Says why the files are not where they were asked for.
    pub note: Option<String>,
}

impl Place {
    /// Decides for `folder`, the `.tessera` folder, and creates what is missing but the data folder.
    pub fn prepare(folder: &Path, user: &ServerUser) -> Result<Self> {
        let folder = &std::path::absolute(folder).map_err(Error::io("Cannot resolve", folder))?;
        let (base, note) = match user.blocked_at(folder) {
            None => (folder.clone(), None),
            Some(dir) => {
                let base = elsewhere(folder, user)?;
                let note = format!(
                    "PostgreSQL runs as the user {} here, who cannot enter {}. Its files are therefore kept in {}.",
                    user.name,
                    dir.display(),
                    base.display()
                );
                (base, Some(note))
            }
        };
        make_dir(&base, folder_mode())?;
        let base = base.canonicalize().map_err(Error::io("Cannot resolve", &base))?;
        if let Some(dir) = user.blocked_at(&base) {
            return Err(Error::NotUsable {
                reason: format!(
                    "the user {} cannot enter it. Allow it with `chmod o+x {}`.",
                    user.name,
                    dir.display()
                ),
                path: dir,
            });
        }
        let root = base.join("pg");
        make_dir(&root, folder_mode())?;
        let run = root.join("run");
        if !run.is_dir() {
            make_dir(&run, 0o700)?;
            user.own(&run)?;
        }
        Ok(Self { data: root.join("data"), run, npm: base.join("npm"), root, note })
    }

    /// Where the cluster of `folder` would be, without creating anything.
    pub fn look(folder: &Path, user: &ServerUser) -> Result<PathBuf> {
        let folder = std::path::absolute(folder).map_err(Error::io("Cannot resolve", folder))?;
        let base = match user.blocked_at(&folder) {
            None => folder,
            Some(_) => choose_elsewhere(&folder, user)?.1,
        };
        let base = base.canonicalize().unwrap_or(base);
        Ok(base.join("pg/data"))
    }

    pub fn log(&self) -> PathBuf {
        self.run.join("server.log")
    }
}

/// A folder of the same meaning that the server's user can enter: `$XDG_STATE_HOME/tessera/<name>`, or
/// `/var/tmp/tessera-<uid>/<name>`.
fn elsewhere(folder: &Path, user: &ServerUser) -> Result<PathBuf> {
    let (parent, path) = choose_elsewhere(folder, user)?;
    make_dir(&parent, folder_mode())?;
    // Anybody may create folders in /var/tmp: what lies there under our name must be ours.
    let meta = fs::symlink_metadata(&parent).map_err(Error::io("Cannot read", &parent))?;
    if meta.uid() != nix::unistd::Uid::effective().as_raw() || !meta.is_dir() {
        return Err(Error::NotUsable {
            path: parent,
            reason: "it belongs to another user. Remove it.".into(),
        });
    }
    Ok(path)
}

fn choose_elsewhere(folder: &Path, user: &ServerUser) -> Result<(PathBuf, PathBuf)> {
    let project = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or("root");
    let digest = hex::encode(Sha256::digest(folder.as_os_str().as_encoded_bytes()));
    let name = format!("{project}-{}", &digest[..8]);
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let uid = nix::unistd::Uid::effective();
    state
        .map(|dir| dir.join("tessera"))
        .into_iter()
        .chain([PathBuf::from(format!("/var/tmp/tessera-{uid}"))])
        .find(|dir| user.blocked_at(dir).is_none())
        .map(|parent| (parent.clone(), parent.join(name)))
        .ok_or_else(|| Error::NotUsable {
            path: folder.to_owned(),
            reason: format!(
                "the user {} can enter neither it, nor $XDG_STATE_HOME, nor /var/tmp.",
                user.name
            ),
        })
}
