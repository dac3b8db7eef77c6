//! The command `mesh`: `up`, `show` and `left-out`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use mesh::certificates::Identity;
use mesh::envoy;
use mesh::left_out::LEFT_OUT;
use mesh::network::Network;
use mesh::run::{self, Options};
use mesh::translate::{self, Pod, Surroundings};
use mesh::world::World;

/// Runs the suite behind Envoy sidecars on this machine.
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
    /// Runs every service behind its sidecar until Ctrl-C.
    Up {
        /// Where the edge takes calls.
        #[arg(long, env = "TESSERA_LISTEN", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// How many pods each service has.
        #[arg(long, default_value_t = 1)]
        replicas: usize,
        /// The folder that holds the data.
        #[arg(long, env = "TESSERA_HOME", default_value = ".tessera")]
        folder: PathBuf,
        /// The folder with the programs; that of this one by default.
        #[arg(long)]
        programs: Option<PathBuf>,
    },
    /// Prints what becomes of the manifests for the sidecar of a workload.
    Show {
        /// Its name, such as `orders`.
        workload: String,
    },
    /// Prints what is not translated, with the reasons.
    LeftOut,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesh: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let root = arguments.root;
    match arguments.command {
        Command::Up { listen, replicas, folder, programs } => {
            let own = std::env::current_exe()?;
            let beside = own.parent().context("this program lies in no folder")?.to_owned();
            let envoy = envoy::find(&root)?;
            let programs = programs.unwrap_or(beside);
            let options = Options { root, folder, programs, envoy, listen, replicas };
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(run::up(&options))
        }
        Command::Show { workload } => show(&root, &workload),
        Command::LeftOut => {
            for one in LEFT_OUT {
                println!("{} {}{}: {}", one.kind, one.object.unwrap_or("*"), one.field, one.why);
            }
            Ok(())
        }
    }
}

fn show(root: &std::path::Path, workload: &str) -> Result<()> {
    let world = World::read(root)?;
    let workload = world.workload(workload)?.clone();
    let pod = Pod {
        name: format!("{}-0", workload.name),
        addresses: Network::claim()?.pod(0)?,
        labels: workload.labels.clone(),
        workload,
    };
    // The files are those of a run; nothing reads them here.
    let identity = Identity {
        certificate: "certificates/own.crt".into(),
        key: "certificates/own.key".into(),
        authority: "certificates/authority.crt".into(),
    };
    let endpoints = PathBuf::from("endpoints");
    let (followed, fixed) = (BTreeSet::new(), BTreeMap::new());
    let around = Surroundings {
        world: &world,
        identity: &identity,
        endpoints: &endpoints,
        followed: &followed,
        fixed: &fixed,
        keys: r#"{"keys": []}"#,
    };
    println!("{}", serde_json::to_string_pretty(&translate::sidecar(&around, &pod)?)?);
    Ok(())
}
