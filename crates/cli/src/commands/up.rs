//! `tessera up`: everything in this process.

use crate::Result;
use crate::cli::Up;

/// Runs everything until Ctrl-C.
pub fn run(options: &Up) -> Result<()> {
    let mut stack = all::StackOptions::from_env()?;
    if let Some(listen) = options.listen {
        stack.listen = listen;
    }
    stack.demo = !options.no_demo;
    if options.console.is_some() {
        stack.gateway.console.clone_from(&options.console);
    }
    Ok(all::up(stack)?)
}
