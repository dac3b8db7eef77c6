//! The file, and the order that follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Why a file is no release.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// It is not of the form of a release.
    #[error("{}: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        why: serde_yaml_ng::Error,
    },
    /// It has the form, and makes no sense; one line for each fault, which names its field.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
}

/// A release that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// Where its images are: `registry.example/tessera`.
    pub registry: String,
    /// The programs, by name.
    pub services: BTreeMap<String, Part>,
}

/// One program of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its version.
    pub version: String,
    /// The digest of its image, `sha256:...`, once it is pushed.
    pub digest: Option<String>,
    /// Whether it has a database that is migrated before.
    pub migrates: bool,
    /// The programs that must be out and healthy before.
    pub needs: BTreeSet<String>,
}

/// The file as it stands. What must be there is optional here, so that all that lacks is told at once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: Option<String>,
    registry: Option<String>,
    #[serde(default)]
    services: BTreeMap<String, WrittenPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPart {
    version: Option<String>,
    digest: Option<String>,
    #[serde(default)]
    migrates: bool,
    #[serde(default)]
    needs: Vec<String>,
}

impl Release {
    /// Reads `<folder>/<version>.yaml`.
    pub fn open(folder: &Path, version: &str) -> Result<Self, Error> {
        let path = folder.join(format!("{version}.yaml"));
        let text = fs::read_to_string(&path).map_err(|why| Error::Unreadable { path: path.clone(), why })?;
        let release = Self::parse(&path, &text)?;
        if release.version != version {
            let text =
                format!("{}: version: is `{}`, unlike the file's name", path.display(), release.version);
            return Err(Error::Wrong(vec![text]));
        }
        Ok(release)
    }

    /// Reads the text of a file, whose path faults are told with.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let malformed = |why| Error::Malformed { path: path.to_owned(), why };
        // A map takes a key that stands twice without a word; a YAML mapping refuses it.
        let _: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(malformed)?;
        let written: Written = serde_yaml_ng::from_str(text).map_err(malformed)?;
        let mut faults = Faults::of(path);
        let release = check(written, &mut faults);
        if faults.found.is_empty() {
            let stuck = release.stuck();
            if !stuck.is_empty() {
                faults.add("services", format!("need each other in a circle: {}", stuck.join(" -> ")));
            }
        }
        faults.none_or(release)
    }

    /// The programs by stages: each needs only what is in the stages before its own, and goes out as early as it can.
    pub fn stages(&self) -> Vec<Vec<&str>> {
        let mut out: BTreeSet<&str> = BTreeSet::new();
        let mut stages = Vec::new();
        loop {
            let ready = |(name, part): &(&String, &Part)| {
                !out.contains(name.as_str()) && part.needs.iter().all(|need| out.contains(need.as_str()))
            };
            let stage: Vec<&str> =
                self.services.iter().filter(ready).map(|(name, _)| name.as_str()).collect();
            if stage.is_empty() {
                return stages;
            }
            out.extend(&stage);
            stages.push(stage);
        }
    }

    /// The image of a program: by digest where it is known, or else by version.
    pub fn image(&self, name: &str) -> Option<String> {
        let part = self.services.get(name)?;
        Some(match &part.digest {
            Some(digest) => format!("{}/{name}@{digest}", self.registry),
            None => format!("{}/{name}:{}", self.registry, part.version),
        })
    }

    /// A circle of programs that need each other; the first stands at the end again.
    fn stuck(&self) -> Vec<&str> {
        let out: BTreeSet<&str> = self.stages().into_iter().flatten().collect();
        let waits = |name: &&str| !out.contains(name);
        let Some(mut at) = self.services.keys().map(String::as_str).find(waits) else { return Vec::new() };
        let mut way = Vec::new();
        // Each of those needs another of them, so that the way comes to where it was.
        while !way.contains(&at) {
            way.push(at);
            let next =
                self.services.get(at).and_then(|part| part.needs.iter().map(String::as_str).find(waits));
            at = next.unwrap_or(at);
        }
        way.drain(..way.iter().position(|name| *name == at).unwrap_or(0));
        way.push(at);
        way
    }
}

pub(crate) struct Faults<'a> {
    path: &'a Path,
    found: Vec<String>,
}

impl<'a> Faults<'a> {
    pub(crate) fn of(path: &'a Path) -> Self {
        Self { path, found: Vec::new() }
    }

    /// The release, if nothing is wrong with it.
    pub(crate) fn none_or(self, release: Release) -> Result<Release, Error> {
        if self.found.is_empty() { Ok(release) } else { Err(Error::Wrong(self.found)) }
    }

    pub(crate) fn add(&mut self, field: &str, what: impl std::fmt::Display) {
        self.found.push(format!("{}: {field}: {what}", self.path.display()));
    }

    fn version(&mut self, field: &str, version: Option<String>) -> String {
        let Some(version) = version else {
            self.add(field, "is missing");
            return String::new();
        };
        if !is_version(&version) {
            self.add(field, format!("`{version}` is no version like 1.4.0 or 1.4.0-rc.1"));
        }
        version
    }
}

fn check(written: Written, faults: &mut Faults<'_>) -> Release {
    let version = faults.version("version", written.version);
    if written.registry.as_ref().is_none_or(String::is_empty) {
        faults.add("registry", "is missing");
    }
    if written.services.is_empty() {
        faults.add("services", "is empty");
    }
    let known: BTreeSet<String> = written.services.keys().cloned().collect();
    let mut services = BTreeMap::new();
    for (name, part) in written.services {
        let field = format!("services.{name}");
        let version = faults.version(&format!("{field}.version"), part.version);
        if part.digest.as_deref().is_some_and(|digest| !is_digest(digest)) {
            faults.add(&format!("{field}.digest"), "is not sha256: with 64 hexadecimal digits");
        }
        for (place, need) in part.needs.iter().enumerate() {
            let field = format!("{field}.needs[{place}]");
            if *need == name {
                faults.add(&field, format!("`{name}` cannot need itself"));
            } else if !known.contains(need) {
                faults.add(&field, format!("there is no service `{need}` in this release"));
            }
        }
        let needs = part.needs.into_iter().collect();
        services.insert(name, Part { version, digest: part.digest, migrates: part.migrates, needs });
    }
    Release { version, registry: written.registry.unwrap_or_default(), services }
}

/// Three numbers, and maybe what comes before them: `1.4.0-rc.1`.
fn is_version(text: &str) -> bool {
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(word))
}

pub(crate) fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Release, Error> {
        Release::parse(Path::new("r.yaml"), text)
    }

    fn with(services: &str) -> String {
        format!("version: 1.0.0\nregistry: r.example/t\nservices:\n{services}")
    }

    #[test]
    fn what_is_needed_goes_out_before() {
        // A service that starts before what it calls answers its first callers with errors.
        let release = parse(&with(
            "  gateway: {version: 1.0.0, needs: [orders, crm]}\n  orders: {version: 1.0.1, needs: [identity, crm]}\n  \
             crm: {version: 1.0.0, needs: [identity], migrates: true}\n  identity: {version: 1.0.0}\n  \
             notification: {version: 1.0.0, needs: [identity]}\n",
        ))
        .unwrap();
        let expected: [&[&str]; 4] = [&["identity"], &["crm", "notification"], &["orders"], &["gateway"]];
        assert_eq!(release.stages(), expected);
        assert_eq!(release.image("orders").unwrap(), "r.example/t/orders:1.0.1");
    }

    #[test]
    fn every_fault_is_told_with_its_field() {
        // Whoever mends a release before it goes out must not find its faults one at a time.
        let error = parse(
            "services:\n  crm: {needs: [crm, identty], digest: latest}\n  orders: {version: v1, needs: []}\n",
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "r.yaml: version: is missing\n\
             r.yaml: registry: is missing\n\
             r.yaml: services.crm.version: is missing\n\
             r.yaml: services.crm.digest: is not sha256: with 64 hexadecimal digits\n\
             r.yaml: services.crm.needs[0]: `crm` cannot need itself\n\
             r.yaml: services.crm.needs[1]: there is no service `identty` in this release\n\
             r.yaml: services.orders.version: `v1` is no version like 1.4.0 or 1.4.0-rc.1"
        );
        assert!(
            parse("version: 1.0.0\nregistry: r\n").unwrap_err().to_string().contains("services: is empty")
        );
        let unknown = parse(&with("  crm: {version: 1.0.0, need: []}\n")).unwrap_err().to_string();
        assert!(unknown.contains("services.crm") && unknown.contains("`need`"), "{unknown}");
        let twice = parse(&with("  crm: {version: 1.0.0}\n  crm: {version: 1.0.1}\n")).unwrap_err();
        assert!(twice.to_string().contains("duplicate"), "{twice}");
    }

    #[test]
    fn a_circle_is_refused_and_told() {
        // None of them could ever go out first.
        let error = parse(&with(
            "  crm: {version: 1.0.0, needs: [orders]}\n  orders: {version: 1.0.0, needs: [payments]}\n  \
             payments: {version: 1.0.0, needs: [orders]}\n",
        ))
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "r.yaml: services: need each other in a circle: orders -> payments -> orders"
        );
    }

    #[test]
    fn versions_and_digests_are_exact() {
        // What may be another one tomorrow is no release.
        assert!(["1.4.0", "0.0.1-rc.1"].into_iter().all(is_version));
        assert!(!["latest", "1.4", "1.4.0-", "1..0", "1.4.0+x"].into_iter().any(is_version));
        assert!(is_digest(&format!("sha256:{}", "0".repeat(64))));
        assert!(!is_digest(&format!("sha256:{}", "G".repeat(64))) && !is_digest("0".repeat(64).as_str()));
    }
}
