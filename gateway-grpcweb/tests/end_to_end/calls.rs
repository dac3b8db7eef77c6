//! How the tests talk to a gateway.

use bytes::Bytes;
use gateway_grpcweb::{Backend, Gateway, Options};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use prost::Message;
use serde_json::Value;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt;

use crate::archive::Archive;
use crate::support::{self, Library};

pub fn in_process(options: Options) -> Gateway {
    let backend = Backend::routes(Routes::new(Library).add_service(Archive));
    Gateway::new(&support::descriptor_set(), backend, options).unwrap()
}

/// Serves on a free port until the sender is dropped.
pub async fn over_tcp(gateway: Gateway) -> (String, tokio::sync::oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel();
    tokio::spawn(gateway.serve(listener, async { drop(stopped.await) }));
    (address, stop)
}

/// A gateway whose backend is another process's port.
pub async fn remote() -> Gateway {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(Library)
            .add_service(Archive)
            .serve_with_incoming(incoming),
    );
    let backend = Backend::address(&format!("http://{address}")).unwrap();
    let backend = Backend::by_package([("test".to_owned(), backend)]);
    Gateway::new(&support::descriptor_set(), backend, Options::default()).unwrap()
}

pub async fn send(gateway: &Gateway, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let response = gateway.clone().into_service().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

pub async fn rest(gateway: &Gateway, method: &str, path: &str, body: &str) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let body = Body::new(Full::new(Bytes::from(body.to_owned())));
    let (status, headers, body) = send(gateway, request.body(body).unwrap()).await;
    let json = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{method} {path}: {body:?}"));
    (status, headers, json)
}

pub fn text_body(text: &str) -> Body {
    Body::new(Full::new(Bytes::from(text.to_owned())))
}

pub fn frame(message: &impl Message) -> Vec<u8> {
    let encoded = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&(encoded.len() as u32).to_be_bytes());
    frame.extend_from_slice(&encoded);
    frame
}

/// Splits frames into their flags and contents.
pub fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        frames.push((head[0], rest[..len].to_vec()));
        bytes = &rest[len..];
    }
    frames
}
