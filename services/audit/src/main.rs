//! The audit service as a process of its own.

fn main() -> host::ExitCode {
    host::main([audit::service()])
}
