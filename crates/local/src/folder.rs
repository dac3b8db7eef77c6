//! The `.tessera` folder: what a running suite leaves on the disk, and who runs it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::system::{self, folder_mode, lock_file, make_dir, write_private};
use crate::{Error, MINIMUM_FREE_DISK, Result, Secrets};

/// The `.tessera` folder.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// What is running, for `tessera status` and `tessera down`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct State {
    /// The process that runs the services.
    pub pid: u32,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// Addresses by name, such as `gateway` or `crm`.
    pub addresses: BTreeMap<String, String>,
}

impl State {
    /// This process, started now.
    pub fn of_this_process(addresses: BTreeMap<String, String>) -> Self {
        Self { pid: std::process::id(), started_at: system::now(), addresses }
    }
}

impl Folder {
    /// Opens the folder, and creates it when it is new.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        make_dir(root, folder_mode())?;
        let root = root.canonicalize().map_err(Error::io("Cannot resolve", root))?;
        let ignore = root.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(Error::io("Cannot write", &ignore))?;
        }
        Ok(Self { root })
    }

    /// The folder of this checkout: `TESSERA_HOME`, else `.tessera` in the current folder.
    pub fn open_default() -> Result<Self> {
        let root = std::env::var_os("TESSERA_HOME").filter(|value| !value.is_empty());
        Self::open(root.map_or_else(|| PathBuf::from(".tessera"), PathBuf::from))
    }

    /// The folder itself; what [`crate::ClusterOptions`] wants.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// A file or folder in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Where mails land while no SMTP server is configured. Created.
    pub fn mail(&self) -> Result<PathBuf> {
        let path = self.join("mail");
        make_dir(&path, folder_mode())?;
        Ok(path)
    }

    /// Passwords and keys of this machine.
    pub fn secrets(&self) -> Result<Secrets> {
        Secrets::load_or_create(&self.join("secrets.toml"))
    }

    /// Fails with a clear sentence when less than [`MINIMUM_FREE_DISK`] is free.
    pub fn check_disk(&self) -> Result<()> {
        system::ensure_disk(&self.root, MINIMUM_FREE_DISK)
    }

    /// Claims the folder for this process until the lock is dropped or the process ends, however it ends.
    pub fn lock(&self) -> Result<FolderLock> {
        let path = self.lock_path();
        let mut file = lock_file(&path)?;
        let mut attempts = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // `status` looks by locking for a moment itself.
                Err(TryLockError::WouldBlock) if attempts < 5 => {
                    attempts += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::AlreadyRunning { path: self.root.clone(), pid: read_pid(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(Error::io("Cannot lock", &path)(source)),
            }
        }
        let write = |file: &mut File| -> std::io::Result<()> {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            write!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(Error::io("Cannot write", &path))?;
        Ok(FolderLock { _file: file, state: self.state_path() })
    }

    /// The process that holds the folder's lock, if one does.
    pub fn running_pid(&self) -> Result<Option<u32>> {
        let path = self.lock_path();
        let mut file = lock_file(&path)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(read_pid(&mut file))),
            Err(TryLockError::Error(source)) => Err(Error::io("Cannot lock", &path)(source)),
        }
    }

    /// What is running, or nothing when its process is gone.
    pub fn state(&self) -> Result<Option<State>> {
        let path = self.state_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("Cannot read", &path)(error)),
        };
        let Some(pid) = self.running_pid()? else { return Ok(None) };
        // A file of an older version, or of the run before this one, tells nothing.
        Ok(serde_json::from_str::<State>(&text).ok().filter(|state| state.pid == pid))
    }

    fn lock_path(&self) -> PathBuf {
        self.join("lock")
    }

    fn state_path(&self) -> PathBuf {
        self.join("state.json")
    }
}

fn read_pid(file: &mut File) -> u32 {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

/// The claim on a folder. Dropping it gives the folder free and removes the state file.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
    state: PathBuf,
}

impl FolderLock {
    /// Tells `tessera status` what runs here.
    pub fn write_state(&self, state: &State) -> Result<()> {
        let text = serde_json::to_string_pretty(state)
            .map_err(|error| Error::Invalid(format!("Cannot write the state: {error}")))?;
        write_private(&self.state, &text)
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.state);
    }
}
