//! One module a command.

mod call;
mod demo;
mod describe;
mod doctor;
mod down;
mod events;
mod import;
mod login;
mod release;
mod status;
mod up;
mod whoami;

use crate::Result;
use crate::cli::{Command, Events, Import, Release, Tessera};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;

/// Runs a command to its end.
pub fn run(tessera: Tessera) -> Result<()> {
    let output = Output::new(tessera.output);
    let address = tessera.address.as_deref();
    match tessera.command {
        // It brings its own runtime, and needs no client.
        Command::Up(options) => up::run(&options),
        Command::Describe(options) => describe::run(&options, output),
        Command::Release(Release::Plan(options)) => release::plan(&options, output),
        Command::Release(Release::Pin(options)) => release::pin(&options),
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .map_err(|error| Failure::new(format!("cannot start: {error}")))?;
            runtime.block_on(dispatch(command, address, output))
        }
    }
}

async fn dispatch(command: Command, address: Option<&str>, output: Output) -> Result<()> {
    match command {
        Command::Up(_) | Command::Describe(_) | Command::Release(Release::Plan(_) | Release::Pin(_)) => {
            Ok(())
        }
        Command::Release(Release::Apply(options)) => release::apply_stages(&options).await,
        Command::Down => down::run().await,
        Command::Status => status::run(address, output).await,
        Command::Doctor => doctor::run(address, output).await,
        Command::Demo(options) => Box::pin(demo::run(&options, address, output)).await,
        Command::Login(options) => login::run(&options, address, output).await,
        Command::Logout => login::log_out(address).await,
        Command::Whoami(options) if options.token => whoami::token(&Client::open(address).await?).await,
        Command::Whoami(_) => whoami::run(&Client::open(address).await?, output).await,
        Command::Call(options) => call::run(&options, address, output).await,
        Command::Import(Import::Northwind(options)) => {
            Box::pin(import::northwind(&options, address, output)).await
        }
        Command::Events(Events::Tail(options)) => {
            events::tail(&Client::open(address).await?, &options, output).await
        }
        Command::Events(Events::DeadLetters(options)) => {
            events::dead_letters(&Client::open(address).await?, &options, output).await
        }
        Command::Events(Events::Replay(options)) => {
            events::replay(&Client::open(address).await?, &options, output).await
        }
    }
}
