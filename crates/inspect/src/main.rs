//! The command `inspect`: `rules`, `diff`, `release`, `samples` and `docs`. It ends with 1 when it found something and
//! with 2 when it could not look.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use inspect::accept::{self, Accept, Entry};
use inspect::mesh::Mesh;
use inspect::{Finding, Tree, diff, docs, rules, samples, tree};

/// Reads the contracts as data.
#[derive(Parser)]
struct Arguments {
    /// The folder with the contracts.
    #[arg(long, default_value = "proto", global = true)]
    proto: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Holds the contracts against the rules of the house.
    Rules {
        /// Breaches that are allowed.
        #[arg(long, default_value = "proto/accept.toml")]
        accept: PathBuf,
    },
    /// Tells what changed since the last release and hurts callers, where buf does not see it.
    Diff {
        /// The contracts of the last release.
        #[arg(long, default_value = "proto/released.binpb")]
        against: PathBuf,
        /// Differences that are allowed.
        #[arg(long, default_value = "proto/accept.toml")]
        accept: PathBuf,
    },
    /// Writes the contracts as they are now as those of a release.
    Release {
        /// The file to write.
        #[arg(long, default_value = "proto/released.binpb")]
        out: PathBuf,
    },
    /// Tells which released samples of events are no longer what they were.
    Samples {
        /// The folder with the samples.
        #[arg(long, default_value = "tests/contract/pacts/events")]
        folder: PathBuf,
        /// Takes the others among the released ones.
        #[arg(long)]
        release: bool,
    },
    /// Writes the pages about the contracts.
    Docs {
        /// The folder to write to.
        #[arg(long, default_value = "docs/api")]
        out: PathBuf,
        /// What the contracts do not say of the services.
        #[arg(long, default_value = "crates/inspect/mesh.toml")]
        mesh: PathBuf,
        /// The roles that come with a tenant.
        #[arg(long, default_value = "services/identity/roles.toml")]
        roles: PathBuf,
        /// Only tells whether the pages are as they should be.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("inspect: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether there is nothing to complain about.
fn run(arguments: Arguments) -> Result<bool> {
    let proto = arguments.proto;
    match arguments.command {
        Command::Rules { accept } => {
            let allowed = Accept::read(&accept)?;
            Ok(tell("rules", rules::check(&Tree::find(&proto)?), &allowed.rules, &accept))
        }
        Command::Diff { against, accept } => {
            let allowed = Accept::read(&accept)?;
            let released = fs::read(&against).with_context(|| against.display().to_string())?;
            let found = diff::check(&Tree::decode(&released)?, &Tree::find(&proto)?);
            Ok(tell("diff", found, &allowed.diff, &accept))
        }
        Command::Release { out } => {
            let bytes = tree::release(&proto)?;
            let same = fs::read(&out).is_ok_and(|before| before == bytes);
            fs::write(&out, &bytes).with_context(|| out.display().to_string())?;
            let news = if same {
                "is as it was"
            } else {
                "is new; entries of [[diff]] in accept.toml have done their work"
            };
            println!("{} {news}, {} bytes", out.display(), bytes.len());
            Ok(true)
        }
        Command::Samples { folder, release: true } => {
            println!("samples: {} more are released", samples::release(&folder)?);
            Ok(true)
        }
        Command::Samples { folder, release: false } => {
            let wrong = samples::check(&folder)?;
            wrong.iter().for_each(|sentence| println!("{sentence}"));
            println!("samples: {} to mend", wrong.len());
            Ok(wrong.is_empty())
        }
        Command::Docs { out, mesh, roles, check } => {
            let pages = docs::pages(&Tree::find(&proto)?, &Mesh::read(&mesh, &roles)?);
            if check { docs::compare(&pages, &out) } else { docs::write(&pages, &out).map(|()| true) }
        }
    }
}

/// Prints what is not accepted, and how to accept it.
fn tell(section: &str, found: Vec<Finding>, allowed: &[Entry], file: &Path) -> bool {
    let judged = accept::judge(found, allowed);
    judged.open.iter().for_each(|finding| println!("{finding}"));
    if section == "diff" && !judged.open.is_empty() {
        println!("\nMend it, or say why callers can bear it, in {}:\n", file.display());
        judged.open.iter().for_each(|finding| println!("{}", accept::lines(section, finding)));
    }
    for entry in &judged.stale {
        let (file, change) = (file.display(), &entry.change);
        println!(
            "{file}: {}: nothing breaks `{}` {change} any more: take the entry away",
            entry.name, entry.rule
        );
    }
    let quiet = judged.open.is_empty() && judged.stale.is_empty();
    println!(
        "{section}: {} to mend, {} accepted, {} stale",
        judged.open.len(),
        judged.accepted,
        judged.stale.len()
    );
    quiet
}
