//! What `tessera up` says when something is in its way.

use std::net::TcpListener;
use std::process::Command;

#[test]
fn a_taken_port_is_told_before_anything_is_started() {
    // With the address, what to do about it, and no server left behind.
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = home.path().join("home");
    let up = Command::new(env!("CARGO_BIN_EXE_tessera"))
        .arg("up")
        .envs([("TESSERA_LISTEN", address.as_str()), ("NO_COLOR", "1")])
        .env("TESSERA_HOME", &folder)
        .env_remove("TESSERA_DATABASE_URL")
        .current_dir(home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&up.stderr);
    assert!(!up.status.success(), "{said}");
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(said.contains("TESSERA_LISTEN=127.0.0.1:PORT") && !said.contains("panicked"), "{said}");
    assert!(!folder.join("pg/data").exists(), "no server was made");
}
