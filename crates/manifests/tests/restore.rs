//! The script of the restore test before a kubectl that stands in for a cluster: what it makes, and when it fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use manifests::lint::{Lint, Size};
use manifests::objects::{self, Object};
use serde_json::Value;
use tempfile::TempDir;

/// Answers for the cluster in use and for the one that is restored, and keeps what is applied.
const KUBECTL: &str = r#"#!/bin/sh
case "$*" in
  'get cluster.postgresql.cnpg.io tessera-postgres '*) cat "$FOLDER/cluster.json" ;;
  apply*) cat > "$FOLDER/applied.json" ;;
  *'select count'*) echo "$UNBALANCED" ;;
  *'select floor'*) echo "$HOURS" ;;
  wait*) ;;
  delete*) echo deleted >> "$FOLDER/deleted" ;;
  *) echo "this kubectl does not know: $*" >&2; exit 1 ;;
esac
"#;

struct Scene(TempDir);

impl Scene {
    /// With the scripts of an overlay and its cluster. None where there is no kustomize to render it with.
    fn of(overlay: &str) -> Option<(Self, Vec<Object>)> {
        let kustomize = root().join("tools/.bin/kustomize");
        if !kustomize.exists() {
            skip::skipped("kustomize is not installed; `make tools` does that");
            return None;
        }
        let objects = objects::build(&kustomize, &root().join("k8s/overlays").join(overlay)).unwrap();
        let scene = Self(tempfile::tempdir().unwrap());
        scene.write("cluster.json", &find(&objects, "Cluster tessera-data/tessera-postgres").0.to_string());
        let scripts = find(&objects, "ConfigMap tessera-data/restore-test").at("/data").as_object().unwrap();
        scripts.iter().for_each(|(file, text)| scene.write(file, text.as_str().unwrap()));
        scene.write("kubectl", KUBECTL);
        fs::set_permissions(scene.0.path().join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
        Some((scene, objects))
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.0.path().join(file), text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).unwrap()
    }

    fn run(&self, unbalanced: &str, hours: &str) -> Output {
        let path = format!("{}:{}", self.0.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg(self.0.path().join("run.sh")).env("PATH", path).env("FOLDER", self.0.path());
        command.env("UNBALANCED", unbalanced).env("HOURS", hours).env("POSTING_HOURS_MAX", "96");
        command.output().unwrap()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn find<'a>(objects: &'a [Object], id: &str) -> &'a Object {
    objects.iter().find(|object| object.id() == id).unwrap_or_else(|| panic!("there is no {id}"))
}

#[test]
fn a_backup_is_restored_into_as_much_as_it_came_from() {
    // A smaller cluster passes until the data have grown, and fails on the day when it is needed.
    for overlay in ["production", "staging"] {
        let Some((scene, mut objects)) = Scene::of(overlay) else { return };
        let ran = scene.run("0", "30");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let made: Value = serde_json::from_str(&scene.read("applied.json")).unwrap();
        let used = find(&objects, "Cluster tessera-data/tessera-postgres").clone();
        for field in ["storage", "walStorage", "resources", "imageName"] {
            let field = format!("/spec/{field}");
            assert_eq!(made.pointer(&field).unwrap(), used.at(&field), "{overlay}: {field}");
        }
        let field = "/spec/postgresql/parameters";
        assert_eq!(made.pointer(field).unwrap(), used.at(field), "{overlay}: {field}");
        assert_eq!(made["metadata"]["name"], "tessera-postgres-restored");
        assert_eq!(scene.read("deleted").lines().count(), 2, "before it is made, and after it was asked");

        objects.push(Object(made));
        let crds =
            std::env::var_os("TESSERA_CRDS").map_or_else(|| root().join("../shared/crds"), PathBuf::from);
        let lint = Lint::new(&crds, &root());
        if !lint.has_schemas() {
            skip::skipped("the restored cluster's fields: there are no schemas of custom resources");
        }
        let found = lint.check(&objects, Size::Full).unwrap();
        let about: Vec<_> = found.iter().filter(|finding| finding.object.contains("restored")).collect();
        assert!(about.is_empty(), "{about:?}");
    }
}

#[test]
fn a_backup_that_lacks_something_fails() {
    // Who only reads the Job's state must not have to read its lines.
    let Some((scene, _)) = Scene::of("production") else { return };
    for (unbalanced, hours, said) in [
        ("3", "1", "3 entries do not sum to zero"),
        ("0", "97", "the newest posting is 97 hours old"),
        ("0", "", "there is no posting at all"),
    ] {
        let ran = scene.run(unbalanced, hours);
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(!ran.status.success() && told.contains(said), "{unbalanced}, {hours}: {told}");
    }
    assert!(scene.run("0", "96").status.success());
    scene.write("cluster.json", "");
    fs::remove_file(scene.0.path().join("cluster.json")).unwrap();
    assert!(!scene.run("0", "1").status.success(), "a cluster that cannot be read is not restored");
}
