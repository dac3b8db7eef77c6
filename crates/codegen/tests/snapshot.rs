//! What the test contract becomes, word by word. After a wanted change: `UPDATE_EXPECTED=1 cargo test -p codegen`,
//! and read the diff.

use std::path::{Path, PathBuf};

use codegen::Contracts;

#[test]
fn the_generated_text_is_the_expected_one() {
    // A change of the generator must show what it does to every service before it is built.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let proto = here.join("../../proto");
    let (own, third_party) = (here.join("tests/protos"), proto.join("third_party"));
    let folders: [&Path; 3] = [&own, &proto, &third_party];
    let contracts = Contracts::compile(&folders, &[PathBuf::from("erp/test/v1/widget.proto")]).unwrap();
    let packages = contracts.packages().unwrap();
    let package = packages.iter().find(|package| package.name == "erp.test.v1").unwrap();
    for (name, text) in [("erp.test.v1.rs", &package.text), ("erp.test.v1.server.rs", &package.server)] {
        let expected = here.join("tests/expected").join(name);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected, text).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap();
        for (number, (made, wanted)) in text.lines().zip(expected.lines()).enumerate() {
            assert_eq!(made, wanted, "{name}: line {}", number + 1);
        }
        assert_eq!(text.lines().count(), expected.lines().count(), "{name}");
    }
    // Who wants no more than a client has no engine.
    assert!(!package.text.contains("::store"), "{}", package.text);
}
