//! Prints what the contracts of a domain become: `cargo run -p codegen -- show crm`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, domain] = arguments.as_slice() else { return usage() };
    if command != "show" {
        return usage();
    }
    let proto_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    match codegen::show(&proto_dir, domain) {
        Ok(text) if text.is_empty() => {
            eprintln!("no package has a part named `{domain}`");
            ExitCode::FAILURE
        }
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: codegen show <domain>");
    ExitCode::FAILURE
}
