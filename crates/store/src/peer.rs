//! How one service calls another: always over gRPC, with the caller's deadline and its own identity.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};
use kit::Result;
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service};
use tracing::Instrument as _;

use crate::cx::TRACE_HEADER;

/// A way to the other services, by the path of the method.
pub type Channel = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, CallError>;

/// Why a call did not reach a service. A type of its own: generated clients over a bare boxed error make futures
/// that the compiler can't prove to be `Send`.
#[derive(Debug)]
pub struct CallError(BoxError);

impl CallError {
    /// From whatever it was.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// A future that can be kept in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The other services.
pub trait Peers: Send + Sync + 'static {
    /// The way to them.
    fn channel(&self) -> Channel;

    /// The way to this one, for methods that every service offers, so that their paths do not tell whose are meant.
    fn named(&self, service: &str) -> Option<Channel>;

    /// The access token of this service's own identity.
    fn token(&self) -> BoxFuture<'_, Result<String>>;
}

/// Peers of a service that calls none.
#[derive(Debug)]
pub struct NoPeers;

impl Peers for NoPeers {
    fn channel(&self) -> Channel {
        Channel::new(tower::service_fn(|request: http::Request<Body>| {
            let path = request.uri().path().to_owned();
            async move {
                Err::<http::Response<Body>, _>(CallError::new(format!("no way to {path} is configured")))
            }
        }))
    }

    fn named(&self, _service: &str) -> Option<Channel> {
        None
    }

    fn token(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async { Err(kit::Error::internal("this service has no identity to call others with")) })
    }
}

/// What generated clients are built on: the way to the peers, with the headers of the current call.
#[derive(Clone)]
pub struct PeerChannel {
    pub(crate) channel: Channel,
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) headers: HeaderMap,
}

impl Service<http::Request<Body>> for PeerChannel {
    type Response = http::Response<Body>;
    type Error = CallError;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, CallError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), CallError>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The clone that was polled ready must be the one that is called.
        let ready = self.channel.clone();
        let mut channel = std::mem::replace(&mut self.channel, ready);
        let peers = self.peers.clone();
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        // Made here, inside the call that it belongs to.
        let path = request.uri().path();
        let span = tracing::debug_span!(
            target: telemetry::trace::TARGET,
            "call",
            otel.name = path.trim_start_matches('/'),
            otel.kind = "client",
            rpc.system = "grpc",
        );
        if let Some(traceparent) = telemetry::trace::of(&span).and_then(|text| text.try_into().ok()) {
            request.headers_mut().insert(TRACE_HEADER, traceparent);
        }
        let call = async move {
            // As a status, which generated clients hand on as it is.
            let token = peers.token().await.map_err(|error| CallError::new(tonic::Status::from(error)))?;
            let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(CallError::new)?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
            channel.call(request).await
        };
        Box::pin(call.instrument(span))
    }
}
