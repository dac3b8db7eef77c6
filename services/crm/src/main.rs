//! The service on its own.

fn main() -> host::ExitCode {
    host::main([crm::service()])
}
