//! `scripts/roll-out.sh` before a cluster that is a folder: what it asks for, when, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A cluster in which two services run their second release.
struct Cluster {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Cluster {
    /// None where there is no kustomize to render with.
    fn new() -> Option<Self> {
        if !root().join("tools/.bin/kustomize").exists() {
            skip::skipped("kustomize is not installed; `make tools` does that");
            return None;
        }
        let cluster = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        fs::create_dir(cluster.folder.path().join("bin")).unwrap();
        let kubectl = root().join("crates/manifests/tests/rollout/kubectl").canonicalize().unwrap();
        symlink(kubectl, cluster.folder.path().join("bin/kubectl")).unwrap();
        for name in ["crm", "gateway"] {
            let (old, now) = (image(name, 'a'), image(name, 'b'));
            cluster.write(name, "revisions", &format!("1 {old}\n2 {now}\n"));
            for (file, text) in
                [("template", now.as_str()), ("stable", &now), ("generation", "4"), ("observed", "4")]
            {
                cluster.write(name, file, text);
            }
            cluster.write(name, "phase", "Healthy");
        }
        Some(cluster)
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn write(&self, service: &str, file: &str, text: &str) {
        let folder = self.folder.path().join("cluster").join(service);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
    }

    fn read(&self, service: &str, file: &str) -> String {
        fs::read_to_string(self.folder.path().join("cluster").join(service).join(file)).unwrap()
    }

    /// What kubectl was called with, one call a line.
    fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("cluster/calls")).unwrap_or_default()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(root().join("scripts/roll-out.sh"));
        command.args(arguments).env_remove("SMOKE_EMAIL").env_remove("SMOKE_PASSWORD");
        command.env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()));
        command.env("CLUSTER", self.folder.path().join("cluster"));
        command.env("TESSERA_HOME", self.folder.path().join("home"));
        command.env("ENVIRONMENT", "staging").env("SMOKE_URL", "none");
        command.env("ASK_EVERY", "0.05").env("PATIENCE", "3").envs(self.variables.iter().cloned());
        command.output().unwrap()
    }

    /// The same of what must go well.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}\n{}", self.calls());
        said
    }

    /// The same of what must be refused.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}\n{}", self.calls());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn image(name: &str, digit: char) -> String {
    format!("ghcr.io/owner/tessera/{name}@sha256:{}", digit.to_string().repeat(64))
}

#[test]
fn the_gateway_is_promoted_when_its_new_pods_stand() {
    // A promotion that comes before the pause is lost, and the release would wait for it until all goes back.
    let Some(cluster) = Cluster::new() else { return };
    let new = image("gateway", 'c');
    cluster.done(&["roll-out", "gateway", &new]);
    cluster.done(&["health", "gateway", &new]);
    assert_eq!(cluster.read("gateway", "stable"), new, "{}", cluster.calls());
    assert_eq!(cluster.read("gateway", "phase"), "Healthy");
}

#[test]
fn a_service_is_well_when_the_new_release_is() {
    // Until the controller has seen a change it tells of the release before, which was well.
    let Some(cluster) = Cluster::new() else { return };
    let new = image("crm", 'c');
    cluster.done(&["roll-out", "crm", &new]);
    cluster.done(&["health", "crm", &new]);
    assert_eq!(cluster.read("crm", "stable"), new);

    let cluster = cluster.with("SICK", image("crm", 'd'));
    cluster.done(&["roll-out", "crm", &image("crm", 'd')]);
    let said = cluster.refused(&["health", "crm", &image("crm", 'd')]);
    assert!(said.contains("crm is degraded: pods do not start"), "{said}");
}

#[test]
fn what_has_changed_goes_back_to_what_was_well() {
    // Each goes back by the one release that this run has brought, and the gateway without a person.
    let Some(cluster) = Cluster::new() else { return };
    for name in ["crm", "gateway"] {
        let new = image(name, 'c');
        cluster.done(&["roll-out", name, &new]);
        cluster.done(&["health", name, &new]);
        cluster.done(&["roll-back", name, &new]);
        assert_eq!(cluster.read(name, "stable"), image(name, 'b'), "{}", cluster.calls());
        assert_eq!(cluster.read(name, "phase"), "Healthy");
    }
    // One that is not well is not the release to go back to when the next one fails, too.
    let cluster = cluster.with("SICK", image("crm", 'd'));
    cluster.done(&["roll-out", "crm", &image("crm", 'd')]);
    cluster.refused(&["health", "crm", &image("crm", 'd')]);
    cluster.done(&["roll-out", "crm", &image("crm", 'e')]);
    cluster.done(&["roll-back", "crm", &image("crm", 'e')]);
    assert_eq!(cluster.read("crm", "template"), image("crm", 'b'), "{}", cluster.calls());
}

#[test]
fn what_has_not_changed_does_not_go_back() {
    // One step further back is a release that nobody asked for.
    let Some(cluster) = Cluster::new() else { return };
    let (same, new) = (image("crm", 'b'), image("crm", 'c'));
    cluster.done(&["roll-out", "crm", &same]);
    assert!(cluster.done(&["roll-back", "crm", &same]).contains("crm is what it was"));
    assert!(cluster.done(&["roll-back", "gateway", &image("gateway", 'c')]).contains("was not begun"));
    let cluster = cluster.with("REFUSED", "crm");
    assert!(cluster.refused(&["roll-out", "crm", &new]).contains("the server is away"));
    assert!(cluster.done(&["roll-back", "crm", &new]).contains("crm is what it was"));
    assert_eq!(cluster.read("crm", "template"), same);
    assert!(!cluster.calls().contains("argo rollouts undo"), "{}", cluster.calls());
}

#[test]
fn what_has_no_stage_comes_first_or_nothing_does() {
    // New programs that find old rights, topics and settings fail for no fault of theirs.
    let Some(cluster) = Cluster::new() else { return };
    cluster.done(&["prepare"]);
    let applied: Vec<String> =
        cluster.calls().lines().filter(|call| call.starts_with("apply ")).map(str::to_owned).collect();
    assert!(applied.len() == 1 && applied[0].ends_with("--selector !tessera.io/stage"), "{applied:?}");

    cluster.write("gateway", "phase", "Paused");
    let said = cluster.refused(&["prepare"]);
    assert!(said.contains("another release is under way: gateway=Paused"), "{said}");
    let cluster = Cluster::new().unwrap().with("SMOKE_URL", "https://api.example");
    let said = cluster.refused(&["prepare"]);
    assert!(said.contains("SMOKE_EMAIL is not set"), "{said}");
    assert_eq!(cluster.calls(), "", "a release that cannot be tried is not begun");
}

#[test]
fn an_image_is_named_by_its_digest() {
    // The tag of a release may be another image by the time it is needed again.
    let Some(cluster) = Cluster::new() else { return };
    for image in ["registry.example/tessera/crm:0.1.0", "registry.example/tessera/crm@sha256:1"] {
        let said = cluster.refused(&["roll-out", "crm", image]);
        assert!(said.contains("is not named by its digest"), "{said}");
    }
    assert_eq!(cluster.calls(), "");
}
