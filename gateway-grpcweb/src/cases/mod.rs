//! Runs case files that were transcribed from the suites of other gateways.
//!
//! They lie outside the repository: in the folder that `GATEWAY_CASES` names, by default
//! `../shared/cases/gateway`. Without the default folder, or without one of its files, the tests
//! say so and pass. Any folder of the same format will do: the messages that its `meta` describes
//! and `tests/protos/cases.proto` lacks are made from the description.
//!
//! Every case is reported by its id. Where suites contradict each other or http.proto, this gateway
//! has decided; [`points`] and `docs/gateway-semantics.md` hold the decisions. A case that fails in
//! another way than was decided fails the test.

mod bodies;
mod end_to_end;
mod paths;
mod points;
mod queries;
mod rules;
mod types;
mod weave;

use std::collections::BTreeMap;
use std::path::PathBuf;

use prost_reflect::DescriptorPool;
use serde_json::Value;

use crate::codec::plan::{MessageId, Plans};
use crate::codec::{JsonOptions, Printer};
use points::Point;

const VARIABLE: &str = "GATEWAY_CASES";

/// Reads a case file. None: there is none.
fn load(name: &str) -> Option<Value> {
    let chosen = std::env::var_os(VARIABLE).map(PathBuf::from);
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Some(folder) = &chosen {
        // Cargo runs tests in the package's folder; people name folders from the workspace's.
        let found = folder.is_dir() || workspace.join(folder).is_dir();
        assert!(found, "{VARIABLE}: {} is no folder", folder.display());
    }
    let folder = chosen.unwrap_or_else(|| "../shared/cases/gateway".into());
    let folder = if folder.is_dir() { folder } else { workspace.join(folder) };
    let path = folder.join(name);
    let Ok(text) = std::fs::read(&path) else {
        skip::skipped(format!("no case file {}", path.display()));
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// What became of the cases of one list.
struct Report {
    list: &'static str,
    passed: usize,
    decided: BTreeMap<&'static str, usize>,
    failed: Vec<String>,
}

impl Report {
    fn new(list: &'static str) -> Self {
        Self { list, passed: 0, decided: BTreeMap::new(), failed: Vec::new() }
    }

    /// Notes and prints one case.
    fn case(&mut self, id: &str, case: &Value, result: Result<(), String>) {
        let list = self.list;
        match result {
            Ok(()) => {
                self.passed += 1;
                eprintln!("{list} {id}: ok");
            }
            Err(why) => match Point::of(case, &why) {
                Some(point) => {
                    *self.decided.entry(point.name).or_default() += 1;
                    eprintln!("{list} {id}: decided otherwise ({}): {why}", point.name);
                }
                None => {
                    eprintln!("{list} {id}: FAILED: {why}");
                    self.failed.push(format!("{id}: {why}"));
                }
            },
        }
    }

    /// Runs all cases of a list; `id` names the field that identifies them.
    fn run(mut self, file: &Value, id: &str, run: impl Fn(&Value) -> Result<(), String>) -> Self {
        for (index, case) in list(file, self.list).iter().enumerate() {
            let name = case[id].as_str().map_or_else(|| format!("#{index}"), str::to_owned);
            self.case(&name, case, run(case));
        }
        self
    }

    /// Sums up, and fails with the cases that failed.
    fn settle(self) {
        let decided: usize = self.decided.values().sum();
        eprintln!("{}: {} cases as told, {decided} as decided {:?}", self.list, self.passed, self.decided);
        assert!(self.failed.is_empty(), "{}: {:#?}", self.list, self.failed);
    }
}

/// Compiles the messages of a case file.
fn plans(file: &Value) -> Plans {
    Plans::compile(&types::pool(file))
}

/// Compiles a test contract.
pub(crate) fn pool(file: &str) -> DescriptorPool {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut compiler =
        protox::Compiler::new([root.join("tests/protos"), root.join("../proto/third_party")]).unwrap();
    compiler.include_imports(true).open_file(file).unwrap();
    compiler.descriptor_pool()
}

/// Finds the message of a case.
fn message(plans: &Plans, case: &Value) -> Result<MessageId, String> {
    let name = text(case, "message");
    let found = plans.find(&format!("{}.{name}", types::PACKAGE)).or_else(|| plans.find(name));
    found.ok_or_else(|| format!("no message {name}; its file's meta must describe it"))
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
    let pair = |pair: &'a Value| {
        let of = |at: usize| pair[at].as_str().unwrap_or_else(|| panic!("{pair} is no pair of texts"));
        (of(0), of(1))
    };
    list(value, key).iter().map(pair).collect()
}
