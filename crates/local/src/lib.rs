//! What a laptop needs beside the services: a private PostgreSQL cluster, the services' databases
//! and roles, and the `.tessera` folder that holds both.
//!
//! - [`Cluster`] finds PostgreSQL's binaries, makes a cluster once, starts, reuses and stops it.
//! - [`provision`] gives every service its database and three roles, on that cluster or a real server.
//! - [`Folder`] is `.tessera`: who runs it, where things lie, what was started.
//! - [`shared_cluster`] and [`test_database`] serve tests: one cluster for all test binaries.
//!
//! # Where the data lie
//!
//! In `.tessera/pg`. PostgreSQL refuses to run as root: for root it runs as `postgres`, or else `nobody`, or as
//! whoever owns the data already. When that user cannot enter the folder (a checkout below `/root`), the cluster lies in
//! `$XDG_STATE_HOME/tessera/<checkout>-<digest>`, or else in `/var/tmp/tessera-<uid>/<checkout>-<digest>`;
//! [`Cluster::note`] says so.
//!
//! # Environment
//!
//! | variable | meaning |
//! | --- | --- |
//! | `TESSERA_HOME` | the `.tessera` folder |
//! | `TESSERA_PG_BINDIR` | exactly these PostgreSQL programs |
//! | `TESSERA_PG_PORT` | exactly this port of 127.0.0.1 |
//! | `TESSERA_TEST_DATABASE_URL` | tests use this server, logging in as an administrator |
//! | `TESSERA_TEST_PG_DIR` | where the tests' cluster lies; beside cargo's target folder by default |
//! | `TESSERA_TEST_PG_IDLE` | after how many seconds without a user it is stopped; 120 by default |

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
pub use url::{with_database, with_login};
