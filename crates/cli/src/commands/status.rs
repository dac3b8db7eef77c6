//! `tessera status`: what runs here, and whether it is well.

use std::time::Duration;

use local::Cluster;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::Result;
use crate::client::{Profile, connect, find_address, local_folder};
use crate::failure::Failure;
use crate::output::Output;

/// Tells process, addresses and health. Fails when it is not well.
pub async fn run(address: Option<&str>, output: Output) -> Result<()> {
    let mut told: Vec<(String, Value)> = Vec::new();
    let mut tell = |name: &str, value: Value| told.push((name.to_owned(), value));
    if let Some(folder) = local_folder() {
        tell("folder", json!(folder.path()));
        let state = folder.state()?;
        if let Some(state) = &state {
            tell("process", json!(state.pid));
            let since = state.started_at.format(&Rfc3339).unwrap_or_default();
            tell("since", json!(since));
        } else if let Some(pid) = folder.running_pid()? {
            tell("process", json!(format!("{pid}, still starting")));
        }
        if let Some(port) = Cluster::running_in(folder.path())? {
            tell("postgresql", json!(format!("127.0.0.1:{port}")));
        }
        tell("mails", json!(folder.join("mail")));
    }
    let profile = Profile::load().unwrap_or(None);
    let address = find_address(address, profile.as_ref());
    let health = health(&address).await;
    tell("gateway", json!(address));
    tell("health", json!(health.clone().unwrap_or_else(|why| why)));
    if let Some(profile) = profile {
        tell("signedIn", json!(format!("{} in {}", profile.email, profile.tenant)));
    }
    output.fields_of(&told)?;
    match health {
        Ok(_) => Ok(()),
        Err(why) => {
            Err(Failure::not_well(format!("{address}: {why}")).next("tessera up    (or `tessera doctor`)"))
        }
    }
}

/// `serving`, or why it is not.
pub async fn health(address: &str) -> Result<String, String> {
    let channel = connect(address).map_err(|failure| failure.message().to_owned())?;
    let mut request = tonic::Request::new(HealthCheckRequest::default());
    request.set_timeout(Duration::from_secs(5));
    match HealthClient::new(channel).check(request).await {
        Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok("serving".to_owned()),
        Ok(answer) => Err(answer.get_ref().status().as_str_name().to_lowercase().replace('_', " ")),
        Err(status) if status.code() == tonic::Code::Unavailable => Err("not running".to_owned()),
        Err(status) => Err(format!("answers, but not as Tessera does: {}", status.message())),
    }
}
