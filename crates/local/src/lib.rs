//! What a laptop needs beside the services: a private PostgreSQL cluster, the services' databases
//! and roles, and the `.tessera` folder that holds both.
//!
//! - [`Cluster`] finds PostgreSQL's binaries, makes a cluster once, starts, reuses and stops it.
//! - [`provision`] gives every service its database and three roles, on that cluster or a real server.
//! - [`Folder`] is `.tessera`: who runs it, where things lie, what was started.
//! - [`shared_cluster`] and [`test_database`] serve tests: one cluster for all test binaries.

mod binaries;
mod cluster;
mod error;
mod folder;
mod npm;
mod place;
mod postmaster;
mod provision;
mod secrets;
mod settings;
mod shared;
mod sql;
mod system;
mod url;
mod watchdog;

pub use binaries::{Binaries, MINIMUM_MAJOR};
pub use cluster::{Cluster, ClusterOptions};
pub use error::{Error, Result};
pub use folder::{Folder, FolderLock, State};
pub use provision::{DEFAULT_PREFIX, DatabaseUrls, Provisioned, provision};
pub use secrets::Secrets;
pub use settings::Profile;
pub use shared::{
    SharedCluster, shared_cluster, test_database, test_database_from, test_prefix, test_template,
};
pub use system::{MINIMUM_FREE_DISK, ensure_disk, free_port, port_is_free, require_port};
pub use url::with_login;
