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

#[test]
fn released_samples_of_events_stay_as_they_are() {
    // Logs and backups hold such events for years: one may be added, none changed, moved or taken away.
    let folder = tempfile::tempdir().unwrap();
    let inspect = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inspect"));
        command.args(["samples", "--folder"]).arg(folder.path()).args(arguments).output().unwrap()
    };
    let file = folder.path().join("order.placed.json");
    let write = |text: &str| fs::write(&file, text).unwrap();
    write(r#"[{"orderId": "1", "lines": [{"n": 1}]}]"#);
    assert_eq!(ended(&inspect(&[])), 0, "nothing is released yet");
    assert_eq!(ended(&inspect(&["--release"])), 0);
    for same in [
        r#"[ {"lines": [{"n": 1}], "orderId": "1"} ]"#,
        r#"[{"orderId": "1", "lines": [{"n": 1}]}, {"orderId": "2"}]"#,
    ] {
        write(same);
        assert_eq!(ended(&inspect(&[])), 0, "{same}");
    }
    let lock = || fs::read_to_string(folder.path().join("samples.lock")).unwrap();
    let before = lock();
    for (wrong, word) in [
        (r#"[{"orderId": "1", "lines": [{"n": 2}]}]"#, "sample 1 was released and has changed"),
        (
            r#"[{"orderId": "2"}, {"orderId": "1", "lines": [{"n": 1}]}]"#,
            "sample 1 was released and has changed",
        ),
        ("[]", "sample 1 was released and is gone"),
    ] {
        write(wrong);
        let told = inspect(&[]);
        let text = String::from_utf8(told.stdout.clone()).unwrap();
        assert_eq!(ended(&told), 1, "{wrong}");
        assert!(text.contains("order.placed") && text.contains(word), "{text}");
        // Nor may a release forget it.
        assert_eq!(ended(&inspect(&["--release"])), 2, "{wrong}");
        assert_eq!(lock(), before, "{wrong}");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(ended(&inspect(&[])), 1);
}

fn ended(run: &Output) -> i32 {
    run.status.code().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
