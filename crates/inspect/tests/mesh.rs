//! Holds `mesh.toml` against the sources of the services, as long as they do not say the same as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use heck::ToSnakeCase;
use inspect::mesh::Mesh;

#[test]
fn the_pages_know_who_listens_and_who_calls() {
    // A reaction that is not in the catalogue is one that nobody thinks of when the event changes.
    let mesh =
        Mesh::read(&root().join("crates/inspect/mesh.toml"), &root().join("services/identity/roles.toml"))
            .unwrap();
    let said: BTreeMap<&str, _> =
        mesh.service.iter().map(|service| (service.name.as_str(), service)).collect();
    for entry in fs::read_dir(root().join("services")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if name == "all" {
            continue;
        }
        let source = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert!(!source.contains(".on_change"), "{name}: teach this test to read `.on_change`");
        let service = said.get(name.as_str());
        let listens: BTreeSet<String> = service
            .map(|service| service.listens.iter().map(|kind| plain(kind)).collect())
            .unwrap_or_default();
        assert_eq!(reactions(&source), listens, "{name}: what it listens to");
        let calls = service.map(|service| service.calls.clone()).unwrap_or_default();
        assert_eq!(permissions(&source), calls, "{name}: what it may call");
    }
}

/// The reactions of a service by the names of their events, without dots: a reaction is named after its
/// event, or names the event's type.
fn reactions(source: &str) -> BTreeSet<String> {
    let named = source.split(".on(").skip(1).map(|rest| {
        let path = rest.split(')').next().unwrap_or_default();
        path.rsplit("::").next().unwrap_or_default().to_owned()
    });
    let typed =
        source.split(".on::<").skip(1).map(|rest| rest.split(',').next().unwrap_or_default().to_snake_case());
    let every = source.matches(".on_every(").map(|_| "*".to_owned());
    named.chain(typed).chain(every).collect()
}

fn permissions(source: &str) -> Vec<String> {
    let list = source.split(".calls(&[").nth(1).and_then(|rest| rest.split("])").next()).unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn plain(kind: &str) -> String {
    kind.replace('.', "_")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
