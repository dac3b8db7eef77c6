//! Somebody who is signed in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::{LoginRequest, RefreshTokenRequest, TokenPair};
use http::header::{AUTHORIZATION, HeaderValue};
use kit::{Clock as _, Error, Result, SystemClock};
use tokio::sync::Mutex;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tower::Service;

/// An access token that ends sooner is renewed before it is sent.
const MARGIN_SECONDS: i64 = 30;

/// Somebody who is signed in: what a generated client is built on, as in `AccountServiceClient::new(session.clone())`.
/// Clones share one connection and one pair of tokens, which is renewed before it runs out.
#[derive(Debug, Clone)]
pub struct Session {
    channel: Channel,
    tokens: Arc<Mutex<TokenPair>>,
}

impl Session {
    /// Signs in at `http://127.0.0.1:8080` or an `https://` address, to the one tenant in which e-mail and password fit.
    pub async fn log_in(address: &str, email: &str, password: &str) -> Result<Self> {
        Self::log_in_to(address, email, password, "").await
    }

    /// The same for who has several tenants: to that with this slug.
    pub async fn log_in_to(address: &str, email: &str, password: &str, tenant: &str) -> Result<Self> {
        let channel = connect(address)?;
        let request = LoginRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            tenant_slug: tenant.to_owned(),
        };
        let answer = AuthServiceClient::new(channel.clone()).login(request).await?.into_inner();
        Ok(Self { channel, tokens: Arc::new(Mutex::new(pair(answer.tokens)?)) })
    }

    /// Goes on with tokens that were kept.
    pub fn with_tokens(address: &str, tokens: TokenPair) -> Result<Self> {
        Ok(Self { channel: connect(address)?, tokens: Arc::new(Mutex::new(tokens)) })
    }

    /// The tokens as they are now, to be kept. A session goes on at one place only: the refresh token works once.
    pub async fn tokens(&self) -> TokenPair {
        self.tokens.lock().await.clone()
    }

    /// The access token, renewed if it is about to run out: one call renews it while the others wait.
    async fn token(&self) -> Result<String> {
        let mut tokens = self.tokens.clone().lock_owned().await;
        let ends = tokens.access_expire_time.map_or(0, |time| time.seconds);
        if ends - MARGIN_SECONDS > SystemClock.now().unix_timestamp() {
            return Ok(tokens.access_token.clone());
        }
        let mut auth = AuthServiceClient::new(self.channel.clone());
        // A refresh token works once: the exchange goes on to its end even when the call that began it is given up.
        let exchange = tokio::spawn(async move {
            let request = RefreshTokenRequest { refresh_token: tokens.refresh_token.clone() };
            *tokens = pair(auth.refresh_token(request).await?.into_inner().tokens)?;
            Ok(tokens.access_token.clone())
        });
        exchange.await.map_err(Error::internal)?
    }
}

/// The way to an address, taken when it is first needed. Needs to be called within a runtime.
fn connect(address: &str) -> Result<Channel> {
    let wrong = |error: tonic::transport::Error| Error::invalid("address", error.to_string());
    let mut endpoint = Endpoint::from_shared(address.to_owned()).map_err(wrong)?;
    if address.starts_with("https://") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_webpki_roots()).map_err(wrong)?;
    }
    Ok(endpoint.connect_lazy())
}

fn pair(tokens: Option<TokenPair>) -> Result<TokenPair> {
    tokens.ok_or_else(|| Error::internal("the answer has no tokens"))
}

impl Service<http::Request<Body>> for Session {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), Status>> {
        self.channel.poll_ready(cx).map_err(status)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The clone that was polled ready must be the one that is called.
        let ready = self.channel.clone();
        let mut channel = std::mem::replace(&mut self.channel, ready);
        let session = self.clone();
        Box::pin(async move {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", session.token().await?));
            let mut bearer =
                bearer.map_err(|_| Status::unauthenticated("the token has characters that no token has"))?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
            channel.call(request).await.map_err(status)
        })
    }
}

fn status(error: tonic::transport::Error) -> Status {
    Status::from_error(Box::new(error))
}
