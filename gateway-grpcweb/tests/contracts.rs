//! The product's own contracts, all of them, as the gateway sees them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::path::{Path, PathBuf};

use gateway_grpcweb::{LoadError, Snapshot};

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

#[test]
fn every_contract_can_be_served() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let mut files = Vec::new();
    proto_files(&root.join("erp"), &mut files);
    files.sort();
    let mut compiler = protox::Compiler::new([root.clone(), root.join("third_party")]).unwrap();
    compiler.include_imports(true).open_files(files).unwrap();
    let snapshot = Snapshot::compile(&compiler.encode_file_descriptor_set()).unwrap();
    eprintln!("{} methods, {} routes", snapshot.method_count(), snapshot.route_count());
    assert!(snapshot.route_count() > 0);
}

/// Compiles a service of two methods whose options are given.
fn load(first: &str, second: &str) -> Result<Snapshot, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
        message M {{ string id = 1; M inner = 2; repeated string list = 3; string name = 4; }}
        service S {{
          rpc A(M) returns (M) {{ option (google.api.http) = {{{first}}}; }}
          rpc B(M) returns (M) {{ option (google.api.http) = {{{second}}}; }}
        }}"#
    );
    std::fs::write(folder.path().join("t.proto"), text).unwrap();
    let third_party = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/third_party");
    let mut compiler = protox::Compiler::new([folder.path().to_owned(), third_party]).unwrap();
    compiler.include_imports(true).open_file("t.proto").unwrap();
    Snapshot::compile(&compiler.encode_file_descriptor_set())
}

#[test]
fn bad_rules_are_refused_with_the_method() {
    let good = r#"get: "/b/{id}""#;
    assert!(load(r#"get: "/a/{id}""#, good).is_ok());
    let cases = [
        (r#"get: "/b/{name}""#, "t.S.B: GET /b/{id} cannot be told from a path of t.S.A"),
        (r#"post: "/a" body: "nope""#, "t.S.A: body `nope`: t.M has no field `nope`"),
        (r#"get: "/a/{id}/{id}""#, "t.S.A: path \"/a/{id}/{id}\": a field is bound twice"),
        (r#"get: "/a/{nope}""#, "t.S.A: path variable `nope`: t.M has no field `nope`"),
        (r#"get: "/a/{list}""#, "t.S.A: path variable `list`: a path cannot bind a repeated field"),
        (r#"get: "/a/{inner}""#, "t.S.A: path variable `inner`: a path cannot bind a message"),
        (
            r#"get: "/a/{id.x}""#,
            "t.S.A: path variable `id.x`: `x` is inside a field that is no single message",
        ),
        (r#"get: "/a" response_body: "nope""#, "t.S.A: response_body `nope`: no such field"),
        (r#"get: "a""#, "t.S.A: path \"a\": expected `/`"),
        (r#"get: "/a" additional_bindings {get: "/a"}"#, "t.S.A: GET /a cannot be told from a path of t.S.A"),
    ];
    for (rule, expected) in cases {
        let error = load(rule, good).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
