//! Generates everything out of `proto/`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Asked for when it runs: a checkout that shares its target folder with another one may run the other's program.
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=../../proto");
    let Err(error) = codegen::generate(&here.join("../../proto"), &out_dir) else { return ExitCode::SUCCESS };
    for line in error.to_string().lines() {
        println!("cargo::error={line}");
    }
    ExitCode::FAILURE
}
