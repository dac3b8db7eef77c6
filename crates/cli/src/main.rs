//! `tessera`: runs the suite, signs in to it, calls it, fills it.
//!
//! Data go to stdout, talk goes to stderr. Tables on a terminal, JSON otherwise.

mod cli;
mod client;
mod commands;
mod demo;
mod failure;
mod import;
mod load;
mod names;
mod output;
mod talk;

use std::process::ExitCode;

use clap::Parser as _;

use crate::failure::Failure;

/// Other results of this crate fail with what a person is told.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let command = cli::Tessera::parse();
    match commands::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.exit())
        }
    }
}
