//! Orders on its own.

fn main() -> host::ExitCode {
    host::main([orders::service()])
}
