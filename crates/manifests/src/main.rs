//! The command `manifests`: `write`, `drift` and `check`. It ends with 1 when it found something and with 2 when it
//! could not look.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use manifests::lint::{Lint, Size};
use manifests::model::Model;
use manifests::settings::Settings;
use manifests::{objects, render};

/// The environments, and whether they have room for copies.
const OVERLAYS: [(&str, Size); 3] =
    [("dev", Size::Desk), ("staging", Size::Full), ("production", Size::Full)];

/// Makes and checks the manifests of Kubernetes and Istio.
#[derive(Parser)]
struct Arguments {
    /// The folder of the project.
    #[arg(long, default_value = ".", global = true)]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes what the services say of themselves as manifests.
    Write,
    /// Tells whether the manifests are what the services say.
    Drift,
    /// Renders every overlay and tells what is wrong with it.
    Check {
        /// The schemas of custom resources; without them these are not checked field by field.
        #[arg(long, env = "TESSERA_CRDS", default_value = "../shared/crds")]
        crds: PathBuf,
        /// Kustomize.
        #[arg(long, default_value = "tools/.bin/kustomize")]
        kustomize: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Write => write(&arguments.root),
        Command::Drift => drift(&arguments.root),
        Command::Check { crds, kustomize } => check(&arguments.root, &crds, &kustomize),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("manifests: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn model(root: &Path) -> Result<Model> {
    Model::of_suite(&Settings::read(&root.join("k8s/services.toml"))?)
}

fn write(root: &Path) -> Result<bool> {
    let files = render::all(&model(root)?, root)?;
    let changed = render::differing(&files, root)?.len();
    render::write(&files, root)?;
    println!("manifests: {} files, {changed} of them changed", files.len());
    Ok(true)
}

fn drift(root: &Path) -> Result<bool> {
    let wrong = render::differing(&render::all(&model(root)?, root)?, root)?;
    for path in &wrong {
        println!("{}: is not what the services say: run `make manifests`", path.display());
    }
    Ok(wrong.is_empty())
}

fn check(root: &Path, crds: &Path, kustomize: &Path) -> Result<bool> {
    let lint = Lint::new(&root.join(crds), root);
    if !lint.has_schemas() {
        println!(
            "manifests: custom resources are not checked against schemas: there are none at {}",
            crds.display()
        );
    }
    let mut clean = true;
    for (overlay, size) in OVERLAYS {
        let objects = objects::build(&root.join(kustomize), &root.join("k8s/overlays").join(overlay))?;
        let found = lint.check(&objects, size)?;
        found.iter().for_each(|finding| println!("{overlay}: {finding}"));
        println!("manifests: {overlay}: {} objects, {} to mend", objects.len(), found.len());
        clean &= found.is_empty();
    }
    Ok(clean)
}
