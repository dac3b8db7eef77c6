//! The service on its own.

use host::{ExitCode, ServiceIdentities};

fn main() -> ExitCode {
    match ServiceIdentities::from_env() {
        Ok(identities) => host::main([identity::service(identities)]),
        Err(error) => {
            eprintln!("cannot run: {}", error.text());
            ExitCode::Failed
        }
    }
}
