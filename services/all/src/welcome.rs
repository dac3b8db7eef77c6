//! What a person is told when everything runs, and the tenant to play with.

use std::time::Duration;

use anyhow::{Context as _, Result};
use contracts::identity::v1::SignUpRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use host::Mesh;
use local::Secrets;
use tonic::Code;

use crate::Stack;

/// The address that the user of the tenant to play with signs in with.
pub const DEMO_EMAIL: &str = "demo@tessera.example";
/// The name of that user's password in the folder's secrets.
pub const DEMO_SECRET: &str = "demo_login";

/// The login of the tenant to play with.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The user's address.
    pub email: String,
    /// Made once for this folder and kept in its secrets.
    pub password: String,
}

impl Demo {
    /// Signs the tenant `demo` up unless it is there already.
    pub(crate) async fn prepare(mesh: &Mesh, secrets: &mut Secrets) -> Result<Self> {
        let demo = Self { email: DEMO_EMAIL.to_owned(), password: secrets.get_or_generate(DEMO_SECRET)? };
        let request = SignUpRequest {
            company_name: "Demo Company".to_owned(),
            slug: "demo".to_owned(),
            email: demo.email.clone(),
            password: demo.password.clone(),
            display_name: "Demo User".to_owned(),
            base_currency: "EUR".to_owned(),
        };
        match AuthServiceClient::new(mesh.channel()).sign_up(request).await {
            Ok(_) => Ok(demo),
            Err(status) if status.code() == Code::AlreadyExists => Ok(demo),
            Err(status) => Err(status).context("cannot sign the demo tenant up"),
        }
    }
}

/// Prints the addresses, the login and the next command.
pub(crate) fn print(stack: &Stack, elapsed: Duration) {
    let log = if stack.uses_kafka() { "Kafka" } else { "embedded in PostgreSQL" };
    eprintln!();
    eprintln!("Tessera is up after {:.1} s.", elapsed.as_secs_f64());
    eprintln!();
    if stack.has_console() {
        eprintln!("  console                http://{}/", stack.address());
    }
    eprintln!("  REST, gRPC-Web, gRPC   http://{}", stack.address());
    eprintln!("  event log              {log}");
    eprintln!("  data                   {}", stack.folder().path().display());
    eprintln!("  mails                  {}", stack.folder().join("mail").display());
    if let Some(demo) = stack.demo() {
        eprintln!("  login                  {}  /  {}", demo.email, demo.password);
    }
    eprintln!();
    eprintln!(
        "Next, in another terminal:   ./tessera demo        a small company with orders, invoices and a ledger"
    );
    eprintln!("Ctrl-C stops everything; the data stays for the next time.");
}
