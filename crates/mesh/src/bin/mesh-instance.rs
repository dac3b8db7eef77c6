//! An instance of a service for the mesh's tests: it writes down every call that it executes, and answers as the call
//! asks it to.
//!
//! | header of a call | meaning |
//! | --- | --- |
//! | `x-call` | its name in the book |
//! | `x-wait-ms` | how long it takes |
//! | `x-fail` | `NAME=CODE`: the instance of this name, or any for `*`, answers with this code of gRPC |
//!
//! The book is a file that all instances append to, one line a call: its name, the instance's, the path.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;

/// An empty message with its five bytes of head.
const EMPTY: Bytes = Bytes::from_static(&[0; 5]);

#[tokio::main]
async fn main() -> Result<()> {
    let get = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let listen: SocketAddr = get("TESSERA_LISTEN")?.parse()?;
    let book = OpenOptions::new().create(true).append(true).open(get("INSTANCE_BOOK")?)?;
    let instance = Instance { name: get("INSTANCE_NAME")?.into(), book: Arc::new(Mutex::new(book)) };
    let listener = TcpListener::bind(listen).await?;
    let stop = host::stop_signal();
    Server::builder()
        .add_service(Operations(instance.clone()))
        .add_service(instance)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
        .await?;
    Ok(())
}

#[derive(Clone)]
struct Instance {
    name: Arc<str>,
    book: Arc<Mutex<File>>,
}

impl NamedService for Instance {
    const NAME: &'static str = "erp.orders.v1.OrderService";
}

impl tower::Service<Request<Body>> for Instance {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let instance = self.clone();
        Box::pin(async move { Ok(instance.execute(request).await) })
    }
}

/// The same for the methods that every service offers.
#[derive(Clone)]
struct Operations(Instance);

impl NamedService for Operations {
    const NAME: &'static str = "erp.ops.v1.EventLogService";
}

impl tower::Service<Request<Body>> for Operations {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}

impl Instance {
    async fn execute(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        // A call that broke off before it was whole is not executed.
        if body.collect().await.is_err() {
            return failed("1");
        }
        let text =
            |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let line = format!("{} {} {}\n", text("x-call"), self.name, head.uri.path());
        let written = self.book.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if written.is_err() {
            return failed("15");
        }
        if let Ok(wait) = text("x-wait-ms").parse() {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        match text("x-fail").split_once('=') {
            Some((name, code)) if name == "*" || name == &*self.name => failed(code),
            _ => self.done(),
        }
    }

    fn done(&self) -> Response<Body> {
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static("0"),
        )]);
        let frames = [Ok::<_, Infallible>(Frame::data(EMPTY)), Ok(Frame::trailers(trailers))];
        let mut response = grpc(Body::new(StreamBody::new(tokio_stream::iter(frames))));
        if let Ok(name) = HeaderValue::from_str(&self.name) {
            response.headers_mut().insert("x-instance", name);
        }
        response
    }
}

fn failed(code: &str) -> Response<Body> {
    let mut response = grpc(Body::empty());
    let code = HeaderValue::from_str(code).unwrap_or(HeaderValue::from_static("2"));
    response.headers_mut().insert("grpc-status", code);
    response
}

fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
