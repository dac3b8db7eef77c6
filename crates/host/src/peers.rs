//! The way to other services: in this process when they run here, else over the network by configuration.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use contracts::identity::v1::IssueServiceTokenRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use kit::{Clock, Error, Result};
use store::{BoxFuture, CallError, Channel, Peers};
use tokio::sync::Mutex;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::ServiceExt;

/// A token is renewed this long before it ends.
const RENEW_BEFORE_SECONDS: i64 = 60;

/// Routes a call by the package in its path: `/erp.inventory.v1.StockService/...` goes to `inventory`.
#[derive(Clone, Default)]
pub(crate) struct Switch(Arc<SwitchInner>);

#[derive(Default)]
struct SwitchInner {
    /// Set once the routes of this process stand; until then nothing calls.
    local: OnceLock<(Vec<&'static str>, Channel)>,
    remote: OnceLock<HashMap<String, Channel>>,
}

impl Switch {
    /// The services that run here.
    pub fn set_local(&self, names: Vec<&'static str>, channel: Channel) {
        let _ = self.0.local.set((names, channel));
    }

    /// The services that run elsewhere, by name.
    pub fn set_remote(&self, peers: &HashMap<String, String>) -> Result<()> {
        let mut channels = HashMap::with_capacity(peers.len());
        for (name, address) in peers {
            let endpoint = Endpoint::from_shared(address.clone())
                .map_err(|error| {
                    Error::invalid(&format!("TESSERA_PEER_{}", name.to_uppercase()), error.to_string())
                })?
                .connect_timeout(Duration::from_secs(3))
                .http2_keep_alive_interval(Duration::from_secs(20))
                .keep_alive_while_idle(true);
            let channel = endpoint.connect_lazy();
            channels.insert(name.clone(), Channel::new(channel.map_err(CallError::new)));
        }
        let _ = self.0.remote.set(channels);
        Ok(())
    }

    /// The way to a service that runs elsewhere.
    pub fn remote(&self, name: &str) -> Option<Channel> {
        self.0.remote.get()?.get(name).cloned()
    }

    /// A service that routes.
    pub fn channel(&self) -> Channel {
        let switch = self.clone();
        Channel::new(tower::service_fn(move |request: http::Request<Body>| {
            let target = switch.target(request.uri().path());
            async move { target?.oneshot(request).await }
        }))
    }

    fn target(&self, path: &str) -> Result<Channel, CallError> {
        let package = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let name = package.strip_prefix("erp.").and_then(|rest| rest.split('.').next()).unwrap_or_default();
        if let Some((names, channel)) = self.0.local.get()
            && names.contains(&name)
        {
            return Ok(channel.clone());
        }
        self.remote(name).ok_or_else(|| {
            CallError::new(format!(
                "no way to `{name}`: set TESSERA_PEER_{} to its address",
                name.to_uppercase()
            ))
        })
    }
}

/// The peers of one service, called in its own name.
pub(crate) struct ServicePeers {
    switch: Switch,
    name: &'static str,
    secret: Option<String>,
    token: Mutex<Option<(String, i64)>>,
    clock: Arc<dyn Clock>,
}

impl ServicePeers {
    /// The peers of a service that proves itself with this secret.
    pub fn new(switch: Switch, name: &'static str, secret: Option<String>, clock: Arc<dyn Clock>) -> Self {
        Self { switch, name, secret, token: Mutex::default(), clock }
    }

    async fn fetch_token(&self) -> Result<String> {
        let mut token = self.token.lock().await;
        let now = self.clock.now().unix_timestamp();
        if let Some((text, expiry)) = &*token
            && *expiry - RENEW_BEFORE_SECONDS > now
        {
            return Ok(text.clone());
        }
        let secret = self.secret.clone().ok_or_else(|| {
            Error::internal(format!(
                "{} has no identity to call others with: set TESSERA_SERVICE_SECRET",
                self.name
            ))
        })?;
        // For no tenant: the tenant of each call is named with it.
        let request =
            IssueServiceTokenRequest { service: self.name.to_owned(), secret, ..Default::default() };
        let mut request = tonic::Request::new(request);
        request.set_timeout(Duration::from_secs(5));
        let answer =
            AuthServiceClient::new(self.switch.channel()).issue_service_token(request).await?.into_inner();
        let expiry = answer.expire_time.map_or(now, |time| time.seconds);
        *token = Some((answer.access_token.clone(), expiry));
        Ok(answer.access_token)
    }
}

impl Peers for ServicePeers {
    fn channel(&self) -> Channel {
        self.switch.channel()
    }

    fn named(&self, service: &str) -> Option<Channel> {
        self.switch.remote(service)
    }

    fn token(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(self.fetch_token())
    }
}
