//! The command `mesh`: `up`, `show` and `left-out`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use mesh::certificates::Identity;
use mesh::envoy;
use mesh::left_out::LEFT_OUT;
use mesh::network::Network;
use mesh::run::control::{self, Step, Verb};
use mesh::run::{self, Options};
use mesh::translate::{self, Pod, Surroundings};
use mesh::world::World;
use tokio::runtime::Runtime;

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
        /// The folder that holds the programs of other releases: VERSION/NAME.
        #[arg(long, env = "TESSERA_MESH_IMAGES", default_value = ".tessera/images/programs")]
        images: PathBuf,
    },
    /// Brings the database of a program in the running mesh to its newest schema. These four are what
    /// `tessera release apply VERSION --run target/release/mesh` calls.
    Migrate(Rolled),
    /// Puts a version in the place of what runs, one pod after the other.
    RollOut(Rolled),
    /// Asks each pod of a program for its health.
    Health(Rolled),
    /// Puts back what ran before.
    RollBack(Rolled),
    /// Prints what becomes of the manifests for the sidecar of a workload.
    Show {
        /// Its name, such as `orders`.
        workload: String,
    },
    /// Prints what is not translated, with the reasons.
    LeftOut,
}

#[derive(clap::Args)]
struct Rolled {
    /// The program, such as `orders`.
    name: String,
    /// The image; its version chooses the folder of programs.
    image: String,
    /// The folder that holds the data of the running mesh.
    #[arg(long, env = "TESSERA_HOME", default_value = ".tessera")]
    folder: PathBuf,
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
        Command::Up { listen, replicas, folder, programs, images } => {
            let own = std::env::current_exe()?;
            let beside = own.parent().context("this program lies in no folder")?.to_owned();
            let envoy = envoy::find(&root)?;
            let programs = programs.unwrap_or(beside);
            let options = Options { root, folder, programs, envoy, listen, replicas, images };
            runtime()?.block_on(run::up(&options))
        }
        Command::Migrate(rolled) => step(Verb::Migrate, rolled),
        Command::RollOut(rolled) => step(Verb::RollOut, rolled),
        Command::Health(rolled) => step(Verb::Health, rolled),
        Command::RollBack(rolled) => step(Verb::RollBack, rolled),
        Command::Show { workload } => show(&root, &workload),
        Command::LeftOut => {
            for one in LEFT_OUT {
                println!("{} {}{}: {}", one.kind, one.object.unwrap_or("*"), one.field, one.why);
            }
            Ok(())
        }
    }
}

fn step(verb: Verb, rolled: Rolled) -> Result<()> {
    let Rolled { name, image, folder } = rolled;
    runtime()?.block_on(control::ask(&folder, &Step { verb, name, image }))
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn show(root: &std::path::Path, workload: &str) -> Result<()> {
    let world = World::read(root)?;
    let workload = world.workload(workload)?.clone();
    let network = Network::claim()?;
    let pod = Pod {
        name: format!("{}-0", workload.name),
        addresses: network.pod(0)?,
        labels: workload.labels.clone(),
        workload,
    };
    // The files are those of a run; nothing reads them here.
    let identity = Identity {
        certificate: "certificates/own.crt".into(),
        key: "certificates/own.key".into(),
        authority: "certificates/authority.crt".into(),
    };
    let around = Surroundings {
        world: &world,
        identity: &identity,
        discovery: network.discovery(),
        keys: r#"{"keys": []}"#,
    };
    println!("{}", serde_json::to_string_pretty(&translate::sidecar(&around, &pod)?)?);
    Ok(())
}
