//! Everything that can go wrong on a laptop, each as one sentence that names the way out.

use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the cluster, the folder or the databases could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither binaries on the machine nor a way to fetch them.
    #[error(
        "No PostgreSQL server was found ({looked}). Install one (Debian, Ubuntu: `apt-get install postgresql`), \
         or install npm, or name its bin folder in TESSERA_PG_BINDIR, or point TESSERA_DATABASE_URL at a running server."
    )]
    NoServer {
        /// Where it was looked for, and what was wrong there.
        looked: String,
    },
    /// The server, or its binaries, are too old.
    #[error("{what} is PostgreSQL {found}, but Tessera needs {minimum} or newer.")]
    WrongVersion {
        /// The folder of binaries, or the server's address.
        what: String,
        /// Its major version.
        found: u32,
        /// The oldest that will do.
        minimum: u32,
    },
    /// The data were written by another major version than any that is installed.
    #[error(
        "The data in {data} belong to PostgreSQL {wrote}, but the server found here is PostgreSQL {found} ({bindir}). \
         Install PostgreSQL {wrote} and name its bin folder in TESSERA_PG_BINDIR, or move that folder away to begin anew."
    )]
    DataVersion {
        /// The data folder.
        data: PathBuf,
        /// The major version in its `PG_VERSION`.
        wrote: String,
        /// The major version of the binaries found.
        found: u32,
        /// The folder of those binaries.
        bindir: PathBuf,
    },
    /// A folder that somebody else owns, or that the server's user cannot enter.
    #[error("{path} cannot be used: {reason}")]
    NotUsable {
        /// The folder or file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// Too little room.
    #[error(
        "The disk that holds {path} has {free_mb} MB free, and at least {needed_mb} MB are needed. \
         Free some space and try again."
    )]
    DiskFull {
        /// A path on that disk.
        path: PathBuf,
        /// What is left.
        free_mb: u64,
        /// What is needed.
        needed_mb: u64,
    },
    /// A port that was asked for by number is in use.
    #[error(
        "Port {port} on 127.0.0.1 is taken by another program. Stop it, or choose another port with {setting}."
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// The setting that chooses another.
        setting: String,
    },
    /// One of PostgreSQL's programs failed.
    #[error("{action} failed: {detail}")]
    Server {
        /// What was being done.
        action: String,
        /// What the program said.
        detail: String,
    },
    /// Somebody runs this folder already.
    #[error(
        "Tessera is already running from {path} (process {pid}). Use it, or stop it with `tessera down`."
    )]
    AlreadyRunning {
        /// The `.tessera` folder.
        path: PathBuf,
        /// Who runs it; 0 while it has not said so yet.
        pid: u32,
    },
    /// The admin login may not make roles or databases.
    #[error(
        "The role {role} may not {missing}. Ask an administrator of the server to run this once, then try again{file}:\n\n{sql}"
    )]
    MissingRights {
        /// The role that the admin URL logs in as.
        role: String,
        /// What it may not do.
        missing: String,
        /// Names the file that holds the same with the passwords, when there is one.
        file: String,
        /// The statements, with the passwords left out.
        sql: String,
    },
    /// A name or a URL that cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// The server answered with an error, or not at all.
    #[error("{action}: {source}")]
    Database {
        /// What was being done.
        action: String,
        /// What the driver said.
        source: Box<sqlx::Error>,
    },
    /// The operating system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was being done, as in "Cannot read".
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Its answer.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.raw_os_error() {
            Some(code) if code == nix::errno::Errno::ENOSPC as i32 => {
                Self::DiskFull { path, free_mb: 0, needed_mb: crate::MINIMUM_FREE_DISK / (1024 * 1024) }
            }
            _ => Self::Io { action, path, source },
        }
    }

    /// For `map_err` on statements.
    pub(crate) fn database(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let action = action.into();
        move |source| Self::Database { action, source: Box::new(source) }
    }
}
