//! The way to a running suite: address, token, typed and dynamic calls.

mod dynamic;
mod profile;
mod session;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use contracts::identity::v1::GetCurrentUserResponse;
use serde_json::Value;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

pub use dynamic::{Sent, new_id, parse_request, to_json};
pub use profile::{DEMO_EMAIL, Profile, local_folder};
pub use session::{Session, log_in};
pub use transport::Transport;

use crate::failure::{Failure, of_file};
use crate::{Result, names};

/// Where a suite listens unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8080";

/// The longest answer that is taken.
pub const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// A way to a running suite as somebody.
#[derive(Clone)]
pub struct Client {
    address: String,
    transport: Transport,
}

impl Client {
    /// As whoever is signed in: `TESSERA_TOKEN`, else the stored login, else the demo login of the local suite.
    pub async fn open(address: Option<&str>) -> Result<Self> {
        if let Some(token) = std::env::var("TESSERA_TOKEN").ok().filter(|token| !token.is_empty()) {
            let address = find_address(address, None);
            let channel = connect(&address)?;
            return Ok(Self::new(address, channel.clone(), Session::with_token(channel, token)));
        }
        if let Some(profile) = Profile::load()? {
            let address = find_address(address, Some(&profile));
            let channel = connect(&address)?;
            return Ok(Self::new(address, channel.clone(), Session::with_profile(channel, profile)));
        }
        Self::open_demo(address).await
    }

    /// As the demo user of the local suite.
    pub async fn open_demo(address: Option<&str>) -> Result<Self> {
        let password = profile::demo_password()?.ok_or_else(|| {
            Failure::new("you are not signed in").next("tessera login    (or `tessera up` first)")
        })?;
        let address = find_address(address, None);
        let channel = connect(&address)?;
        let profile = session::log_in(channel.clone(), &address, DEMO_EMAIL, &password, "demo").await?;
        let profile = Profile { demo: true, ..profile };
        profile.save()?;
        eprintln!(
            "signed in to {address} as {DEMO_EMAIL} (tenant demo), kept in {}",
            Profile::path()?.display()
        );
        Ok(Self::new(address, channel.clone(), Session::with_profile(channel, profile)))
    }

    /// As nobody, for methods that take calls without a token.
    pub fn stranger(address: Option<&str>) -> Result<Self> {
        let profile = Profile::load()?;
        let address = find_address(address, profile.as_ref());
        let channel = connect(&address)?;
        Ok(Self::new(address, channel.clone(), Session::nobody(channel)))
    }

    fn new(address: String, channel: Channel, session: Session) -> Self {
        Self { address, transport: Transport::new(channel, Arc::new(session)) }
    }

    /// Where it leads.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What typed clients are built on: `AccountServiceClient::new(client.transport())`.
    pub fn transport(&self) -> Transport {
        self.transport.clone()
    }

    /// Who the caller is. Checks at the same time that the suite answers and takes the token.
    pub async fn current_user(&self) -> Result<GetCurrentUserResponse> {
        let method = names::method("erp.identity.v1.AuthService/GetCurrentUser")?;
        let answer = self.send(&method, prost_reflect::DynamicMessage::new(method.input())).await?;
        answer.transcode_to().map_err(|error| Failure::new(format!("the answer cannot be read: {error}")))
    }

    /// The access token that calls are sent with; `None` for nobody.
    pub async fn token(&self) -> Result<Option<String>> {
        Ok(self.transport.session().token().await?)
    }

    /// Calls a method with a request in JSON, and answers in JSON.
    pub async fn call_json(&self, method: &str, request: Value) -> Result<Value> {
        let method = names::method(method)?;
        let request = parse_request(&method, &request.to_string())?;
        to_json(&self.send(&method, request).await?)
    }
}

/// The address asked for, else that of the login, else that of the suite that runs here.
pub fn find_address(asked: Option<&str>, profile: Option<&Profile>) -> String {
    let with_scheme = |text: &str| {
        if text.contains("://") { text.to_owned() } else { format!("http://{text}") }
    };
    if let Some(address) = asked.filter(|address| !address.is_empty()) {
        return with_scheme(address);
    }
    // The demo login belongs to the suite of this folder, whose port may be another today.
    let stored = profile.filter(|profile| !profile.demo).map(|profile| profile.address.clone());
    stored
        .or_else(running_address)
        .or_else(|| profile.map(|profile| profile.address.clone()))
        .unwrap_or_else(|| DEFAULT_ADDRESS.to_owned())
}

fn running_address() -> Option<String> {
    let state = local_folder()?.state().ok()??;
    state.addresses.get("gateway").cloned()
}

/// A channel that connects with its first call.
pub fn connect(address: &str) -> Result<Channel> {
    let wrong = |error: tonic::transport::Error| {
        Failure::usage(format!("`{address}` is no address like {DEFAULT_ADDRESS}: {error}"))
    };
    let mut endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(wrong)?
        .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")))
        .map_err(wrong)?
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true)
        .http2_adaptive_window(true);
    if address.starts_with("https://") {
        let mut tls = ClientTlsConfig::new().with_webpki_roots();
        if let Some(path) = std::env::var_os("TESSERA_CA_FILE").filter(|path| !path.is_empty()) {
            let path = std::path::PathBuf::from(path);
            let pem = std::fs::read(&path).map_err(|error| of_file("read", &path, error))?;
            tls = tls.ca_certificate(Certificate::from_pem(pem));
        }
        endpoint = endpoint.tls_config(tls).map_err(wrong)?;
    }
    Ok(endpoint.connect_lazy())
}
