//! How a test says that it cannot run here: where the one who runs it sees it.

use std::fmt::Display;
use std::io::Write as _;
use std::thread;

/// Says that the test of this thread, or a part of it, does not run, and why. A test that passes keeps what it prints to
/// itself, and one that was skipped passes; so this goes to stderr itself, past what `print!` and its kin are caught by.
pub fn skipped(why: impl Display) {
    let thread = thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    // Where nobody listens there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const TOLD: &str = "SKIP_TOLD";

    #[test]
    fn who_runs_the_tests_sees_what_was_skipped() {
        // A check that nobody knows was left out is believed in.
        if std::env::var_os(TOLD).is_some() {
            println!("this is kept");
            skipped("the moon is away");
            return;
        }
        let ran = Command::new(std::env::current_exe().unwrap()).env(TOLD, "1").output().unwrap();
        let all = [ran.stdout, ran.stderr].concat();
        let all = String::from_utf8_lossy(&all);
        assert!(ran.status.success(), "{all}");
        assert!(all.contains("who_runs_the_tests_sees_what_was_skipped: the moon is away\n"), "{all}");
        assert!(!all.contains("this is kept"), "tests here print what they say anyway: {all}");
    }
}
