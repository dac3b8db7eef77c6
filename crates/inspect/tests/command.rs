//! The command as a build calls it.
#![expect(clippy::unwrap_used, reason = "a test that cannot run the command has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn a_release_is_compared_and_a_difference_can_be_accepted() {
    // The whole way of a change: told, accepted with a reason, told again once the reason is of no use.
    let folder = tempfile::tempdir().unwrap();
    let case = root().join("tests/contract/bad/diff-max-len");
    let proto = folder.path().join("proto");
    let place = proto.join("erp/bad/v1");
    fs::create_dir_all(&place).unwrap();
    fs::create_dir_all(proto.join("erp/v1")).unwrap();
    fs::copy(root().join("proto/erp/v1/options.proto"), proto.join("erp/v1/options.proto")).unwrap();
    std::os::unix::fs::symlink(
        root().join("proto/third_party").canonicalize().unwrap(),
        proto.join("third_party"),
    )
    .unwrap();
    let inspect = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_inspect"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    fs::copy(case.join("before.proto"), place.join("contract.proto")).unwrap();
    assert_eq!(ended(&inspect(&["diff"])), 2, "there is no release yet");
    assert_eq!(ended(&inspect(&["release"])), 0);
    assert_eq!(ended(&inspect(&["diff"])), 0);

    fs::copy(case.join("after.proto"), place.join("contract.proto")).unwrap();
    let told = inspect(&["diff"]);
    let text = String::from_utf8(told.stdout.clone()).unwrap();
    assert_eq!(ended(&told), 1, "{text}");
    let lines =
        text.split("in proto/accept.toml:\n").nth(1).and_then(|rest| rest.split("diff: ").next()).unwrap();
    fs::write(
        proto.join("accept.toml"),
        lines.replace("reason = \"\"", "reason = \"nobody sends that much\""),
    )
    .unwrap();
    assert_eq!(ended(&inspect(&["diff"])), 0);

    assert_eq!(ended(&inspect(&["release"])), 0);
    let stale = inspect(&["diff"]);
    assert_eq!(ended(&stale), 1);
    assert!(String::from_utf8_lossy(&stale.stdout).contains("take the entry away"));
}

fn ended(run: &Output) -> i32 {
    run.status.code().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
