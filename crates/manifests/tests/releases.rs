//! The release of today's version against what the services say.

use std::collections::BTreeSet;
use std::path::Path;

use manifests::model::{GATEWAY, Model};
use manifests::settings::Settings;
use release::Release;

#[test]
fn the_release_of_this_version_holds_every_program_and_its_needs() {
    // One that is forgotten stays what it was, and one that goes out before what it calls fails its callers.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let release = Release::open(&root.join("releases"), env!("CARGO_PKG_VERSION")).unwrap();
    let model = Model::of_suite(&Settings::read(&root.join("k8s/services.toml")).unwrap()).unwrap();
    let mut programs = BTreeSet::from([GATEWAY]);
    for node in &model.services {
        let name = node.place.name.as_str();
        programs.insert(name);
        let part = release.services.get(name).unwrap_or_else(|| panic!("services.{name} is missing"));
        let calls: BTreeSet<String> = node.peers.iter().map(|peer| peer.name.clone()).collect();
        assert_eq!(part.needs, calls, "services.{name}.needs");
        assert!(part.migrates, "services.{name}.migrates");
    }
    let released: BTreeSet<&str> = release.services.keys().map(String::as_str).collect();
    assert_eq!(released, programs);
    let gateway = &release.services[GATEWAY];
    assert_eq!(gateway.needs.len(), programs.len() - 1, "services.gateway.needs");
    assert!(!gateway.migrates, "services.gateway.migrates");
    // The images that the manifests of Kubernetes name.
    let workload = std::fs::read_to_string(root.join("k8s/services/crm/workload.yaml")).unwrap();
    assert!(workload.contains(&format!("image: {}\n", release.image("crm").unwrap())));
}
