//! The service on its own.

fn main() -> host::ExitCode {
    host::main([catalog::service()])
}
