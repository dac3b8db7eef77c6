//! Turns services into a running process: server, access, peers, events, jobs, health, telemetry, drain.
//!
//! ```ignore
//! fn main() -> host::ExitCode {
//!     host::main([crm::service()])
//! }
//! ```

mod access;
mod config;
mod consume;
mod gauges;
mod health;
mod housekeeping;
mod identities;
mod jobs;

mod mesh;
mod meter;
mod ops;
mod peers;
mod probe;
mod serve;
mod service;
mod token;
mod watch;

/// Of every program that serves: they take and give back many small pieces in many threads. It brings a tenth more orders a
/// second than that of the system, and the suite in one process takes less memory with it (docs/figures.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub use config::{Config, Database, Log};
pub use identities::{ServiceIdentities, ServiceIdentity};
pub use mesh::{Mesh, topic_spec};
pub use ops::ASKED_OF_PEERS;
pub use serve::{ExitCode, main, serve, stop_signal};
pub use service::Service;
pub use telemetry::{Telemetry, start as start_telemetry};
pub use token::{AUDIENCE, Claims, ISSUER};
