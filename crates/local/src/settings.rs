//! The server's settings, kept in `tessera.conf` beside PostgreSQL's own file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::place::Place;
use crate::system::ServerUser;
use crate::{Error, Result};

const FILE: &str = "tessera.conf";

/// What the cluster is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Data that are kept: nothing that was committed is lost.
    #[default]
    Durable,
    /// Tests: fast, many connections, worthless after a power cut.
    Test,
}

/// A socket's path fits into 107 bytes, with `/.s.PGSQL.65535` at its end.
const LONGEST_SOCKET_FOLDER: usize = 90;

/// The folder of the Unix socket, unless its path is too long for one.
pub(crate) fn socket_folder(place: &Place) -> Option<&str> {
    place.run.to_str().filter(|path| path.len() <= LONGEST_SOCKET_FOLDER && !path.contains([',', '\'']))
}

/// Writes the settings and has PostgreSQL's own file include them.
pub(crate) fn write(place: &Place, user: &ServerUser, profile: Profile, port: u16) -> Result<()> {
    let path = place.data.join(FILE);
    fs::write(&path, text(profile, port, socket_folder(place).unwrap_or_default()))
        .map_err(Error::io("Cannot write", &path))?;
    user.own(&path)?;
    include(&place.data.join("postgresql.conf"))
}

fn include(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).map_err(Error::io("Cannot read", path))?;
    let line = format!("include_if_exists = '{FILE}'");
    if text.lines().any(|have| have.trim() == line) {
        return Ok(());
    }
    // In place, not by a new file: it stays the server user's.
    let text = format!("{text}\n# Tessera's settings. What stands below this line prevails.\n{line}\n");
    fs::write(path, text).map_err(Error::io("Cannot write", path))
}

fn text(profile: Profile, port: u16, socket: &str) -> String {
    let port = port.to_string();
    let socket = format!("'{socket}'");
    let common = [
        ("listen_addresses", "'127.0.0.1'"),
        ("port", &port),
        ("unix_socket_directories", &socket),
        ("shared_buffers", "128MB"),
        ("timezone", "'UTC'"),
        ("log_timezone", "'UTC'"),
        ("jit", "off"),
        ("random_page_cost", "1.1"),
        ("wal_buffers", "16MB"),
        ("checkpoint_timeout", "15min"),
        ("checkpoint_completion_target", "0.9"),
        ("logging_collector", "off"),
        ("log_checkpoints", "off"),
        ("log_line_prefix", "'%m [%p] %q%u@%d '"),
        // Statements carry people's data; a violated constraint is an everyday event.
        ("log_min_error_statement", "fatal"),
    ];
    let durable = [
        ("max_connections", "200"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        // Many small commits: rare checkpoints keep full-page images rare.
        ("max_wal_size", "2GB"),
        ("min_wal_size", "256MB"),
    ];
    let test = [
        ("max_connections", "400"),
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        ("max_wal_size", "2GB"),
        // A clone of a template takes one lock for each of its tables and indices.
        ("max_locks_per_transaction", "256"),
    ];
    let own: &[(&str, &str)] = if profile == Profile::Durable { &durable } else { &test };
    let mut out = String::from(
        "# Written at every start; put your own settings into postgresql.conf, below the include.\n",
    );
    for (name, value) in common.iter().chain(own) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name} = {value}");
    }
    out
}
