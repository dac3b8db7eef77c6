//! The finance service as a process of its own.

fn main() -> host::ExitCode {
    host::main([finance::service()])
}
