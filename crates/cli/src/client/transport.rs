//! What generated clients are built on: a channel that sends the caller's token.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, HeaderValue};
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::Service;

use crate::client::Session;

/// A channel that sends the caller's token.
#[derive(Clone)]
pub struct Transport {
    channel: Channel,
    session: Arc<Session>,
}

impl Transport {
    pub(super) fn new(channel: Channel, session: Arc<Session>) -> Self {
        Self { channel, session }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }
}

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.channel.poll_ready(cx).map_err(status)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The clone that was polled ready must be the one that is called.
        let ready = self.channel.clone();
        let mut channel = std::mem::replace(&mut self.channel, ready);
        let session = self.session.clone();
        Box::pin(async move {
            if let Some(token) = session.token().await? {
                let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
                let mut bearer = bearer
                    .map_err(|_| Status::unauthenticated("the token has characters that no token has"))?;
                bearer.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, bearer);
            }
            channel.call(request).await.map_err(status)
        })
    }
}

fn status(error: tonic::transport::Error) -> Status {
    let status = Status::from_error(Box::new(error));
    match status.code() {
        // tonic says `transport error`, which tells nobody that nothing listens there.
        tonic::Code::Unavailable | tonic::Code::Unknown => {
            Status::unavailable("the suite cannot be reached at this address")
        }
        // The connection ended before the answer came, as when the suite is stopped.
        tonic::Code::Cancelled => Status::unavailable("the suite hung up"),
        _ => status,
    }
}
