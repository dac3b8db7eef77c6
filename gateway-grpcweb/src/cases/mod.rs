//! Runs the case files that were transcribed from the suites of other gateways. They lie outside
//! the repository, in `$TESSERA_CASES_DIR/gateway` or `../shared/cases/gateway`; without them the
//! tests say so and pass.
//!
//! Every test ends with the list of the cases that this gateway treats differently on purpose,
//! each with its reason: another case that fails, or one of the list that passes, fails the test.

mod bodies;
mod paths;
mod queries;

use std::collections::BTreeSet;
use std::path::PathBuf;

use prost_reflect::{DescriptorPool, FileDescriptor};
use serde_json::Value;

use crate::codec::plan::{MessageId, Plans};
use crate::codec::{JsonOptions, Printer};

/// Reads a case file. None: there is none.
fn load(name: &str) -> Option<Value> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let base = std::env::var_os("TESSERA_CASES_DIR").map(PathBuf::from);
    let path = base.unwrap_or_else(|| workspace.join("../shared/cases")).join("gateway").join(name);
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("skipped: no case file {}", path.display());
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

/// Compares the cases that failed with those that should.
fn settle(total: usize, failed: &[(String, String)], differ: &[(&str, &str)]) {
    let expected: BTreeSet<_> = differ.iter().map(|(id, _)| (*id).to_owned()).collect();
    let actual: BTreeSet<_> = failed.iter().map(|(id, _)| id.clone()).collect();
    for (id, why) in failed.iter().filter(|(id, _)| !expected.contains(id)) {
        eprintln!("{id}: {why}");
    }
    eprintln!(
        "{} of {total} cases as in the file, {} different on purpose",
        total - failed.len(),
        expected.len()
    );
    assert_eq!(actual, expected, "the cases that differ");
}

/// Compiles a test contract.
fn plans(file: &str) -> Plans {
    Plans::compile(&pool(file))
}

pub(crate) fn pool(file: &str) -> DescriptorPool {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut compiler =
        protox::Compiler::new([root.join("tests/protos"), root.join("../proto/third_party")]).unwrap();
    compiler.include_imports(true).open_file(file).unwrap();
    let pool = compiler.descriptor_pool();
    assert!(pool.files().any(|one: FileDescriptor| one.name() == file));
    pool
}

/// Shows a message as JSON.
fn show(plans: &Plans, id: MessageId, bytes: &[u8], options: JsonOptions) -> Result<Value, String> {
    let mut printer = Printer::new(plans, options, Vec::new());
    printer.message(id, bytes).map_err(|error| error.to_string())?;
    serde_json::from_slice(&printer.out).map_err(|error| error.to_string())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// `[["name", "value"], ...]`
fn pairs<'a>(value: &'a Value, key: &str) -> Vec<(&'a str, &'a str)> {
    list(value, key).iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}
