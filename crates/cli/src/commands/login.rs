//! `tessera login` and `tessera logout`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::{LogoutRequest, SignUpRequest};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use tonic::transport::Channel;

use crate::Result;
use crate::cli::Login;
use crate::client::{Client, DEFAULT_ADDRESS, Profile, connect, find_address, log_in, new_id};
use crate::commands::whoami;
use crate::failure::Failure;
use crate::output::Output;

/// Signs in, or up, and keeps the tokens.
pub async fn run(options: &Login, address: Option<&str>, output: Output) -> Result<()> {
    let Some(email) = &options.email else {
        let client = Client::open_demo(address).await?;
        return whoami::run(&client, output).await;
    };
    let address = find_address(address, None);
    let channel = connect(&address)?;
    let password = password(options)?;
    if options.sign_up {
        sign_up(channel.clone(), options, email, &password).await?;
    }
    let tenant = options.tenant.as_deref().unwrap_or_default();
    let profile = log_in(channel, &address, email, &password, tenant).await.map_err(|status| {
        let failure = Failure::of_call(&status, "erp.identity.v1.AuthService/Login", "");
        match status.code() {
            tonic::Code::Unavailable => failure.line(format!("address: {address}")),
            tonic::Code::Unauthenticated => failure.next("tessera login EMAIL --tenant SLUG"),
            _ => failure,
        }
    })?;
    profile.save()?;
    eprintln!(
        "signed in to {address} as {email} (tenant {}), kept in {}",
        profile.tenant,
        Profile::path()?.display()
    );
    whoami::run(&Client::open(Some(&address)).await?, output).await
}

async fn sign_up(channel: Channel, options: &Login, email: &str, password: &str) -> Result<()> {
    let request = SignUpRequest {
        company_name: options.company.clone().unwrap_or_default(),
        slug: options.tenant.clone().unwrap_or_default(),
        email: email.to_owned(),
        password: password.to_owned(),
        display_name: String::new(),
        base_currency: options.currency.clone(),
    };
    let signed_up = AuthServiceClient::new(channel).sign_up(request).await;
    signed_up
        .map_err(|status| Failure::of_call(&status, "erp.identity.v1.AuthService/SignUp", ""))
        .map(|_| eprintln!("founded the tenant {}", options.tenant.as_deref().unwrap_or_default()))
}

/// Ends the session at the suite, if it answers, and forgets the tokens in any case.
pub async fn log_out(address: Option<&str>) -> Result<()> {
    let Some(profile) = Profile::load()? else {
        eprintln!("you were not signed in");
        return Ok(());
    };
    let request = LogoutRequest { refresh_token: profile.refresh_token.clone(), request_id: new_id() };
    let client = Client::open(address).await?;
    let ended = AuthServiceClient::new(client.transport()).logout(request).await;
    Profile::forget()?;
    match ended {
        Ok(_) => eprintln!("signed out"),
        Err(status) => eprintln!(
            "forgot the login; the session itself could not be ended ({}) and runs out by itself",
            status.message()
        ),
    }
    Ok(())
}

/// From stdin, the environment or the terminal: never from the command line, which every user can read.
fn password(options: &Login) -> Result<String> {
    if options.password_stdin {
        return read_line();
    }
    if let Some(password) = std::env::var("TESSERA_PASSWORD").ok().filter(|text| !text.is_empty()) {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("there is no terminal to ask for the password on")
            .next("tessera login EMAIL --password-stdin < FILE    (or set TESSERA_PASSWORD)"));
    }
    eprint!("password: ");
    let _ = std::io::stderr().flush();
    let password = without_echo(read_line);
    eprintln!();
    password
}

fn read_line() -> Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("cannot read the password: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(Failure::usage("the password is empty")
            .next(format!("tessera login EMAIL --address {DEFAULT_ADDRESS}")));
    }
    Ok(password)
}

/// Reads while the terminal does not show what is typed.
fn without_echo(read: impl FnOnce() -> Result<String>) -> Result<String> {
    let stdin = std::io::stdin();
    let Ok(before) = tcgetattr(&stdin) else { return read() };
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    let _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent);
    let password = read();
    let _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &before);
    password
}
