//! The document of the project's own contracts, and of contracts that have everything.

mod examples;
mod paths;
mod rules;

use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use serde_json::Value;

use super::{Contracts, document};
use crate::snapshot::Snapshot;

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

fn compile(root: &Path, files: Vec<PathBuf>, comments: bool) -> Snapshot {
    let third_party = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/third_party");
    let mut compiler = protox::Compiler::new([root.to_owned(), third_party]).unwrap();
    compiler.include_imports(true).include_source_info(comments).open_files(files).unwrap();
    Snapshot::compile(&compiler.encode_file_descriptor_set()).unwrap()
}

/// The project's own contracts.
fn contracts() -> Snapshot {
    contracts_with(true)
}

fn contracts_with(comments: bool) -> Snapshot {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let mut files = Vec::new();
    proto_files(&root.join("erp"), &mut files);
    compile(&root, files, comments)
}

/// A contract of the tests.
fn of_test(file: &str) -> Snapshot {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protos");
    let file = root.join(file);
    compile(&root, vec![file], true)
}

fn all() -> [Snapshot; 3] {
    [contracts(), of_test("library.proto"), of_test("rules.proto")]
}

fn document(snapshot: &Snapshot) -> Value {
    document::write(snapshot, &Contracts::of(snapshot), "Test", "")
}

fn pool(snapshot: &Snapshot) -> &DescriptorPool {
    &snapshot.pool
}

/// Every operation of the document: path, method, operation.
fn operations(document: &Value) -> Vec<(&str, String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            if verb == "x-additional-operations" {
                let others = operation.as_object().unwrap();
                found.extend(others.iter().map(|(verb, operation)| (path.as_str(), verb.clone(), operation)));
            } else {
                found.push((path, verb.to_uppercase(), operation));
            }
        }
    }
    found
}

/// Where a message's schema stands.
fn schema<'d>(document: &'d Value, name: &str) -> &'d Value {
    &document["components"]["schemas"][name]
}
