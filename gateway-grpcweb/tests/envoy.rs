//! `envoy/envoy.yaml` names what the contracts hold, and a real Envoy takes it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "support/envoy.rs"]
#[expect(dead_code, reason = "Envoy is not started here")]
mod envoy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

fn proto_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            proto_files(&path, found);
        } else if path.extension().is_some_and(|one| one == "proto") {
            found.push(path);
        }
    }
}

fn contracts() -> Vec<u8> {
    let proto = envoy::root().join("proto");
    let mut files = Vec::new();
    proto_files(&proto.join("erp"), &mut files);
    let mut compiler = protox::Compiler::new([proto.clone(), proto.join("third_party")]).unwrap();
    compiler.include_imports(true).open_files(files).unwrap();
    compiler.encode_file_descriptor_set()
}

/// The value of an option, by the name of its extension.
fn option(method: &MethodDescriptor, name: &str) -> Option<DynamicMessage> {
    let extension = method.parent_pool().get_extension_by_name(name)?;
    let options = method.options();
    let value = options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned());
    value.and_then(|value| if let Value::Message(message) = value { Some(message) } else { None })
}

/// The paths of a rule and of its further bindings.
fn paths(rule: &DynamicMessage, into: &mut BTreeSet<String>) {
    for name in ["get", "put", "post", "delete", "patch"] {
        let path = rule.get_field_by_name(name).unwrap().as_str().unwrap().to_owned();
        if !path.is_empty() {
            into.insert(path);
        }
    }
    for more in rule.get_field_by_name("additional_bindings").unwrap().as_list().unwrap() {
        paths(more.as_message().unwrap(), into);
    }
}

#[test]
fn it_names_every_service_every_public_method_and_every_stream() {
    let pool = DescriptorPool::decode(&*contracts()).unwrap();
    let config = std::fs::read_to_string(envoy::root().join("gateway-grpcweb/envoy/envoy.yaml")).unwrap();
    let services: BTreeSet<_> = pool.services().map(|service| service.full_name().to_owned()).collect();
    let listed = envoy::block(&config, "services").lines().filter_map(|line| line.trim().strip_prefix("- "));
    assert_eq!(listed.map(str::to_owned).collect::<BTreeSet<_>>(), services);
    assert!(services.len() > 10, "{services:?}");

    let (mut public, mut streams) = (BTreeSet::new(), BTreeSet::new());
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let mut all = BTreeSet::from([format!("/{}/{}", method.parent_service().full_name(), method.name())]);
        paths(&option(&method, "google.api.http").unwrap(), &mut all);
        let access = option(&method, "erp.v1.access").unwrap();
        if access.get_field_by_name("public").and_then(|value| value.as_bool()) == Some(true) {
            public.extend(all.clone());
        }
        if method.is_server_streaming() || method.is_client_streaming() {
            streams.extend(all);
        }
    }
    for (block, expected) in [("public", public), ("streams", streams)] {
        let listed = envoy::block(&config, block).lines().filter_map(|line| {
            let path = line.trim().strip_prefix("- match: {path: ")?.strip_suffix('}')?;
            Some(path.trim_matches('"').to_owned())
        });
        assert_eq!(listed.collect::<BTreeSet<_>>(), expected, "{block}");
        assert!(!expected.is_empty(), "{block}");
    }
}

#[test]
fn envoy_takes_it() {
    let Some(binary) = envoy::binary() else {
        skip::skipped("Envoy is not installed; `make tools` does that");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("it's a set.binpb");
    std::fs::write(&set, contracts()).unwrap();
    let config = folder.path().join("envoy.yaml");
    std::fs::write(&config, envoy::render(&set, 8081, 8080, &[])).unwrap();
    let checked = Command::new(binary).args(["--mode", "validate", "-c"]).arg(&config).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set.binpb");
    std::fs::write(&set, []).unwrap();
    for (name, value) in [
        ("TESSERA_ENVOY_LISTEN", "8081"),
        ("TESSERA_ENVOY_SERVICES", "http://127.0.0.1:8080"),
        ("TESSERA_ENVOY_SUBJECT_PER_HOUR", "many"),
        ("TESSERA_DESCRIPTOR_SET", "/no/such/file"),
    ] {
        let script = envoy::root().join("gateway-grpcweb/envoy/render.sh");
        let rendered =
            Command::new(script).env("TESSERA_DESCRIPTOR_SET", &set).env(name, value).output().unwrap();
        let complaint = String::from_utf8(rendered.stderr).unwrap();
        assert!(!rendered.status.success() && complaint.contains(value), "{name}: {complaint}");
    }
}
