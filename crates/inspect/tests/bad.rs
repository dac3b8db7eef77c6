//! Walks `tests/contract/bad`: each folder is a contract that must be refused, with the words that tell why.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its folder has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use inspect::{Tree, diff, rules, tree};

/// As in the Makefile: our files by the strictest rules, those of others not at all.
const CONFIG: &str = r#"{"version": "v2", "breaking": {"use": ["FILE"], "ignore": ["google", "buf"]}}"#;

/// The file that a contract is, wherever it comes from: what changes must be the contract, not its place.
const PLACE: &str = "erp/bad/v1/contract.proto";

#[test]
fn every_bad_contract_is_refused_for_its_reason() {
    // A rule that finds nothing looks like a rule that is kept. Nothing else may be found either, so that
    // each case shows one thing.
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap();
        let found = match name.split('-').next().unwrap() {
            "rules" => rules::check(&compile(&case, "contract.proto").decoded()),
            "diff" => {
                let (before, after) = (compile(&case, "before.proto"), compile(&case, "after.proto"));
                diff::check(&before.decoded(), &after.decoded())
            }
            "buf" => continue,
            kind => panic!("{name}: a case is named `rules-`, `diff-` or `buf-`, not `{kind}-`"),
        };
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        wrong.extend(differences(&name, &expected, &found));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_buf_guards_is_refused_by_buf() {
    // The differ leaves names, numbers and types to buf, so buf must see them in the form that a release has.
    let Some(buf) = buf() else {
        eprintln!("buf is not installed, `make tools` does it: what it must refuse was not tried");
        return;
    };
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("buf-") {
            let expected = fs::read_to_string(case.join("expected.txt")).unwrap();
            wrong.extend(differences(&name, &expected, &breaking(&buf, &case)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What was expected and not found, and what was found and not expected.
fn differences(case: &str, expected: &str, found: &[String]) -> Vec<String> {
    let expected: Vec<&str> = expected.lines().collect();
    let missing = expected.iter().filter(|words| !found.iter().any(|line| line.contains(**words)));
    let surplus = found.iter().filter(|line| !expected.iter().any(|words| line.contains(words)));
    let missing = missing.map(|words| format!("{case}: nothing says `{words}`"));
    missing.chain(surplus.map(|line| format!("{case}: should not say `{line}`"))).collect()
}

fn cases() -> Vec<PathBuf> {
    let folder = root().join("tests/contract/bad");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 25, "the cases are gone");
    cases
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder in which the contract lies at its place.
struct Compiled {
    case: PathBuf,
    folder: tempfile::TempDir,
}

impl Compiled {
    fn decoded(&self) -> Tree {
        let proto = root().join("proto");
        let folders = [self.folder.path(), &proto, &proto.join("third_party")];
        Tree::compile(&folders, &[PathBuf::from(PLACE)])
            .unwrap_or_else(|error| panic!("{}: {error}", self.case.display()))
    }

    /// The same in the form of a release.
    fn released(&self) -> PathBuf {
        let proto = root().join("proto");
        let folders = [self.folder.path(), &proto, &proto.join("third_party")];
        let path = self.folder.path().join("contract.binpb");
        fs::write(&path, tree::encode(&folders, &[PathBuf::from(PLACE)], false).unwrap()).unwrap();
        path
    }
}

fn compile(case: &Path, file: &str) -> Compiled {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(PLACE);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::copy(case.join(file), place).unwrap();
    Compiled { case: case.join(file), folder }
}

/// The binary, if it is installed for this machine.
fn buf() -> Option<PathBuf> {
    let packages = fs::read_dir(root().join("tools/node_modules/@bufbuild")).ok()?;
    packages.filter_map(|entry| Some(entry.ok()?.path().join("bin/buf"))).find(|path| path.is_file())
}

fn breaking(buf: &Path, case: &Path) -> Vec<String> {
    let (before, after) = (compile(case, "before.proto"), compile(case, "after.proto"));
    let run = Command::new(buf)
        .arg("breaking")
        .arg(after.released())
        .arg("--against")
        .arg(before.released())
        .args(["--config", CONFIG])
        .output()
        .unwrap();
    // 0 is silence and 100 is findings; 1 means that buf could not look, which must not pass for either.
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    let failed = String::from_utf8_lossy(&run.stderr);
    assert!(matches!(run.status.code(), Some(0 | 100)), "{}: buf failed: {failed}", case.display());
    told.lines().map(str::to_owned).collect()
}
