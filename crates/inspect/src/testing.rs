//! Contracts for the tests of this crate.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Tree;

/// The real contracts.
pub fn proto_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")
}

/// A contract of these declarations in the package `erp.test.v1`.
pub fn tree(declarations: &str) -> Tree {
    let folder = tempfile::tempdir().expect("a folder");
    let head = r#"// What is tested.
syntax = "proto3";
package erp.test.v1;
import "buf/validate/validate.proto";
import "erp/v1/options.proto";
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/timestamp.proto";
import "google/type/date.proto";
import "google/type/decimal.proto";
import "google/type/money.proto";
"#;
    fs::create_dir_all(folder.path().join("erp/test/v1")).expect("a folder");
    fs::write(folder.path().join("erp/test/v1/test.proto"), format!("{head}\n{declarations}"))
        .expect("a file");
    let proto = proto_dir();
    let folders: [&Path; 3] = [folder.path(), &proto, &proto.join("third_party")];
    Tree::compile(&folders, &[PathBuf::from("erp/test/v1/test.proto")]).expect("a contract")
}

/// One contract with a message for each of these bodies, `M0`, `M1` and so on: compiling is what takes the
/// time.
pub fn messages(bodies: &[String]) -> Tree {
    let messages = bodies.iter().enumerate().map(|(index, body)| format!("message M{index} {{ {body} }}\n"));
    tree(&messages.collect::<String>())
}

/// The only field of a message of [`messages`].
pub fn field(tree: &Tree, index: usize) -> prost_reflect::FieldDescriptor {
    let message = tree.message(&format!("erp.test.v1.M{index}")).expect("a message");
    message.fields().next().expect("a field")
}
