//! The gateway itself: which protocol a request speaks, and what all answers have in common.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::Body;
use crate::backend::Backend;
use crate::console::Console;
use crate::edge::record::Record;
use crate::edge::{Edge, metrics};
use crate::error::ApiError;
use crate::mcp::GrantCache;
use crate::options::Options;
use crate::protocol::Protocol;
use crate::routing::Found;
use crate::snapshot::{LoadError, Snapshot};
use crate::{connect, describe, grpc, grpc_json, grpc_web, mcp, rest};

/// Serves REST, gRPC-Web and gRPC for every method of a descriptor set. Cheap to clone; clones
/// share their state.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    snapshot: ArcSwap<Snapshot>,
    pub(crate) backend: Backend,
    pub(crate) options: Options,
    edge: Edge,
    console: Option<Console>,
    ready: AtomicBool,
    /// What callers of tools may do, for seconds.
    pub(crate) grants: GrantCache,
}

/// What may be posted to the path of a gRPC method.
const METHOD_MEDIA: &str = "application/json, application/proto, application/connect+json, \
     application/connect+proto, application/grpc, application/grpc-web, application/grpc-web-text";

/// On its own in memory: a request takes what its own protocol needs, not what the largest of them does.
type Dispatched<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, ApiError>> + Send + 'a>>;

impl Gateway {
    /// Compiles the descriptor set, an encoded `google.protobuf.FileDescriptorSet`.
    ///
    /// # Errors
    /// When the set is not complete, or an HTTP rule in it cannot be served; the error names the
    /// method.
    pub fn new(descriptor_set: &[u8], backend: Backend, options: Options) -> Result<Self, LoadError> {
        let snapshot = Snapshot::compile(descriptor_set)?;
        metrics::expect();
        let edge = Edge::new(&options, &backend).map_err(LoadError::Options)?;
        let console =
            options.console.as_deref().map(Console::open).transpose().map_err(LoadError::Options)?;
        let inner = Inner {
            snapshot: ArcSwap::from_pointee(snapshot),
            backend,
            options,
            edge,
            console,
            ready: AtomicBool::new(true),
            grants: GrantCache::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Replaces the descriptor set. Requests under way finish with the one they began with.
    ///
    /// # Errors
    /// As for [`Gateway::new`]; the set in use stays.
    pub fn reload(&self, descriptor_set: &[u8]) -> Result<(), LoadError> {
        self.inner.snapshot.store(Arc::new(Snapshot::compile(descriptor_set)?));
        Ok(())
    }

    /// The descriptor set in use.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// What `/readyz` tells; true at first, and false once a stop was asked for.
    pub fn set_ready(&self, ready: bool) {
        self.inner.ready.store(ready, Ordering::Relaxed);
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.inner.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn edge(&self) -> &Edge {
        &self.inner.edge
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The gateway as a tower service.
    pub fn into_service(self) -> GatewayService {
        GatewayService { gateway: self }
    }

    /// Answers in the protocol that the request speaks.
    pub(crate) fn dispatch<'a>(&'a self, record: &'a Record, request: Request<Body>) -> Dispatched<'a> {
        let (inner, snapshot) = (&*self.inner, &record.snapshot);
        match &record.protocol {
            Protocol::Connect { kind } => Box::pin(connect::serve(inner, snapshot, *kind, request)),
            Protocol::Grpc { content_type } if content_type == "application/grpc+json" => {
                Box::pin(grpc_json::serve(inner, snapshot, request))
            }
            Protocol::Grpc { .. } => Box::pin(grpc::forward(inner, snapshot, request)),
            Protocol::GrpcWeb { form } => Box::pin(grpc_web::serve(inner, snapshot, request, *form)),
            Protocol::Rest { .. } => Box::pin(self.rest(record, request)),
        }
    }

    async fn rest(&self, record: &Record, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let snapshot = &record.snapshot;
        if let Some(response) = self.health(&request)? {
            return Ok(response);
        }
        if let Some(asked) = describe::asked(request.uri().path())
            && asked.is_told(&self.inner.options)
        {
            let (head, _) = request.into_parts();
            return describe::serve(snapshot, &self.inner.options, asked, &head).await;
        }
        if let Some(options) = &self.inner.options.mcp
            && mcp::is_path(request.uri().path())
        {
            return Ok(Box::pin(mcp::serve(self, options, record, request)).await);
        }
        let path = request.uri().path();
        if record.matched.is_none() {
            let found = snapshot.find(request.method().as_str(), path);
            if let (&Method::OPTIONS, Found::OtherMethods(methods)) = (request.method(), &found) {
                return Ok(options(methods));
            }
            let nothing = matches!(found, Found::Nothing);
            // A method's own path is there, but not for REST.
            if nothing && snapshot.has_method(path) {
                return Err(ApiError::unsupported_media_type(METHOD_MEDIA));
            }
            if let (true, Some(console)) = (nothing, &self.inner.console)
                && let Some(response) =
                    Box::pin(console.answer(snapshot, request.method(), path, request.headers())).await
            {
                return Ok(response);
            }
        }
        rest::serve(&self.inner, snapshot, record.matched.as_ref(), request).await
    }

    fn health(&self, request: &Request<Body>) -> Result<Option<Response<Body>>, ApiError> {
        let ready = match request.uri().path() {
            "/health" | "/livez" => true,
            "/readyz" => self.inner.ready.load(Ordering::Relaxed),
            _ => return Ok(None),
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(ApiError::method_not_allowed(&["GET", "HEAD"]));
        }
        let text = if ready { r#"{"status":"ok"}"# } else { r#"{"status":"stopping"}"# };
        let mut response = Response::new(crate::body(text));
        if !ready {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Some(response))
    }
}

fn options(methods: &[&str]) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allow) = HeaderValue::try_from(format!("{}, OPTIONS", methods.join(", "))) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("snapshot", &self.snapshot())
            .field("backend", &self.inner.backend)
            .finish()
    }
}

/// [`Gateway`] as a [`tower::Service`].
#[derive(Clone, Debug)]
pub struct GatewayService {
    gateway: Gateway,
}

impl tower::Service<Request<Body>> for GatewayService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let gateway = self.gateway.clone();
        Box::pin(async move { Ok(gateway.handle(request).await) })
    }
}
