//! `tessera release`: what a release holds, in which order it goes out, and the way through that order.

use std::path::Path;
use std::time::Duration;

use ::release::{Environment, Outcome, Release, Step, apply};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::Result;
use crate::cli::{Apply, Pin, Plan};
use crate::client::connect;
use crate::failure::Failure;
use crate::output::{self, Output};

/// How long one question for health may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long after a bad answer it is asked again.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// What a service calls the health that asks its database, too.
const READINESS: &str = "readiness";

/// Prints the stages.
pub fn plan(options: &Plan, output: Output) -> Result<()> {
    let release = open(&options.releases, &options.version)?;
    let mut rows = Vec::new();
    let mut as_json = Vec::new();
    for (number, name, part) in release.stages().iter().enumerate().flat_map(|(stage, names)| {
        let parts = names.iter().filter_map(|name| Some((*name, release.services.get(*name)?)));
        parts.map(move |(name, part)| (stage + 1, name, part))
    }) {
        let image = release.image(name).unwrap_or_default();
        let needs: Vec<&str> = part.needs.iter().map(String::as_str).collect();
        let migrates = if part.migrates { "migrates" } else { "" };
        rows.push(vec![number.to_string(), name.to_owned(), image.clone(), migrates.into(), needs.join(" ")]);
        as_json.push(json!({
            "stage": number, "service": name, "version": part.version, "image": image,
            "migrates": part.migrates, "needs": needs,
        }));
    }
    output.table(&as_json.into(), &["stage", "service", "image", "", "needs"], rows)
}

/// Prints the release with the images that were pushed.
pub fn pin(options: &Pin) -> Result<()> {
    let release = open(&options.releases, &options.version)?;
    let images = std::fs::read_to_string(&options.images)
        .map_err(|error| Failure::new(format!("{}: {error}", options.images.display())))?;
    let pinned = release.pin(&options.images, &images).map_err(|error| told(&error))?;
    output::put(&pinned.to_yaml())
}

/// Goes through the stages, and stops at the first service that is not healthy.
pub async fn apply_stages(options: &Apply) -> Result<()> {
    let release = open(&options.releases, &options.version)?;
    let addresses = addresses(&release, &options.at)?;
    if !options.dry_run && options.run.is_none() {
        let text =
            "nothing says how a service is rolled out: name a program by --run, or ask for a --dry-run";
        return Err(Failure::usage(text));
    }
    let mut place = Place { release: &release, options, addresses };
    let outcome = apply(&release, &mut place).await;
    tell(&release, outcome)
}

fn open(folder: &Path, version: &str) -> Result<Release> {
    Release::open(folder, version).map_err(|error| told(&error))
}

/// All faults of a release, each on a line of its own.
fn told(error: &::release::Error) -> Failure {
    let text = error.to_string();
    let mut lines = text.lines();
    let failure = Failure::new(lines.next().unwrap_or_default());
    lines.fold(failure, |failure, line| failure.line(line))
}

/// Where each service is asked. `http://{}:50051` is for all, `gateway=http://gateway:8080/readyz` for one.
fn addresses(release: &Release, at: &[String]) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for name in release.services.keys() {
        let own = at.iter().find_map(|one| one.split_once('=').filter(|(of, _)| of == name));
        let shared = at.iter().find(|one| one.contains("{}"));
        match (own, shared) {
            (Some((_, address)), _) => found.push((name.clone(), address.to_owned())),
            (None, Some(pattern)) => found.push((name.clone(), pattern.replace("{}", name))),
            (None, None) if at.is_empty() => {}
            (None, None) => return Err(Failure::usage(format!("--at does not tell where {name} is"))),
        }
    }
    for one in at.iter().filter(|one| !one.contains("{}")) {
        let named = one.split_once('=').is_some_and(|(of, _)| release.services.contains_key(of));
        if !named {
            let text = format!(
                "--at {one} is neither like http://{{}}:50051 nor like SERVICE=ADDRESS of this release"
            );
            return Err(Failure::usage(text));
        }
    }
    Ok(found)
}

/// Where the release goes, by way of the program that was named and of the addresses.
struct Place<'a> {
    release: &'a Release,
    options: &'a Apply,
    addresses: Vec<(String, String)>,
}

impl Place<'_> {
    /// Calls the program: `PROGRAM roll-out crm registry.example/tessera/crm:0.1.0`.
    async fn run(&self, verb: &str, name: &str) -> Result<(), String> {
        let Some(program) = &self.options.run else { return Ok(()) };
        let image = self.release.image(name).unwrap_or_default();
        let status = Command::new(program).args([verb, name, &image]).status().await;
        match status.map_err(|error| format!("{}: {error}", program.display()))? {
            status if status.success() => Ok(()),
            status => Err(format!("{} ended with {status}", program.display())),
        }
    }
}

impl Environment for Place<'_> {
    async fn take(&mut self, step: &Step) -> Result<(), String> {
        if self.options.dry_run {
            eprintln!("would {step}");
            return Ok(());
        }
        eprintln!("{step}");
        let (verb, name) = match step {
            Step::Migrate(name) => ("migrate", name),
            Step::RollOut(name) => ("roll-out", name),
            Step::RollBack(name) => ("roll-back", name),
        };
        self.run(verb, name).await
    }

    async fn healthy(&mut self, name: &str) -> Result<(), String> {
        let address = self.addresses.iter().find(|(of, _)| of == name).map(|(_, address)| address);
        let Some(address) = address else {
            // Without an address the program asks, which a dry run does not call.
            return if self.options.dry_run { Ok(()) } else { self.run("health", name).await };
        };
        let patience = if self.options.dry_run { 0 } else { self.options.patience };
        let until = Instant::now() + Duration::from_secs(patience);
        loop {
            match timeout(ANSWER_MAX, ask(address)).await {
                Ok(Ok(())) => {
                    eprintln!("{name} is healthy");
                    return Ok(());
                }
                answer if Instant::now() >= until => {
                    let why = answer.map_or_else(
                        |_| "does not answer in time".to_owned(),
                        |told| told.err().unwrap_or_default(),
                    );
                    return Err(format!("{address}: {why}"));
                }
                _ => sleep(ASK_EVERY).await,
            }
        }
    }
}

/// Asks by HTTP where the address has a path, and by gRPC where it has none.
async fn ask(address: &str) -> Result<(), String> {
    let place = address.strip_prefix("http://").unwrap_or(address);
    if let Some((authority, path)) = place.split_once('/').filter(|(_, path)| !path.is_empty()) {
        return ask_by_http(authority, path).await;
    }
    let channel = connect(address).map_err(|failure| failure.message().to_owned())?;
    let mut client = HealthClient::new(channel);
    let mut answer = client.check(HealthCheckRequest { service: READINESS.to_owned() }).await;
    if answer.as_ref().is_err_and(|status| status.code() == Code::NotFound) {
        // It has no database to ask, and says of itself as a whole how it is.
        answer = client.check(HealthCheckRequest::default()).await;
    }
    match answer.map_err(|status| status.message().to_owned())?.get_ref().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(other.as_str_name().to_lowercase().replace('_', " ")),
    }
}

async fn ask_by_http(authority: &str, path: &str) -> Result<(), String> {
    let asked = async {
        let mut stream = TcpStream::connect(authority).await?;
        let request = format!("GET /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        // `HTTP/1.1 200`
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(head)
    };
    let head = asked.await.map_err(|error| error.to_string())?;
    match &head[9..] {
        b"200" => Ok(()),
        status => Err(format!("answers {}", String::from_utf8_lossy(status))),
    }
}

/// Tells how it ended. What went back, and what did not, is for a person to read at once.
fn tell(release: &Release, outcome: Outcome) -> Result<()> {
    let stages = release.stages().len();
    let Some((name, why)) = outcome.stopped else {
        eprintln!("release {}: {stages} stages of {stages}", release.version);
        return Ok(());
    };
    let text = format!("stopped in stage {} of {stages} at {name}: {why}", outcome.stages + 1);
    let mut failure = Failure::not_well(text);
    for (name, done) in outcome.rolled_back {
        failure = match done {
            Ok(()) => failure.line(format!("{name}: rolled back")),
            Err(why) => failure.line(format!("{name}: NOT rolled back: {why}")),
        };
    }
    if !outcome.untouched.is_empty() {
        failure = failure.line(format!("not begun: {}", outcome.untouched.join(" ")));
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        let text = "version: 1.0.0\nregistry: r\nservices:\n  crm: {version: 1.0.0}\n  \
                    gateway: {version: 1.0.0, needs: [crm]}\n";
        Release::parse(Path::new("r.yaml"), text).expect("it is a release")
    }

    fn at(addresses: &[&str]) -> Result<Vec<(String, String)>> {
        super::addresses(&release(), &addresses.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_service_has_one_address_or_none_has() {
        // A service that is left out by a typing error would pass for healthy.
        let found = at(&["http://{}:50051", "gateway=http://gateway:8080/readyz"]).unwrap();
        let told: Vec<_> = found.iter().map(|(_, address)| address.as_str()).collect();
        assert_eq!(told, ["http://crm:50051", "http://gateway:8080/readyz"]);
        assert!(at(&[]).unwrap().is_empty());
        assert!(at(&["crm=http://crm:1"]).unwrap_err().message().contains("where gateway is"));
        assert!(at(&["http://{}:1", "crn=http://crm:1"]).unwrap_err().message().contains("crn=http"));
    }
}
