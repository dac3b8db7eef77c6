//! The notification service as a process of its own.

fn main() -> host::ExitCode {
    match notification::Mail::from_env(None) {
        Ok(mail) => host::main([notification::service(mail)]),
        Err(error) => {
            eprintln!("cannot run: {}", error.text());
            host::ExitCode::Failed
        }
    }
}
