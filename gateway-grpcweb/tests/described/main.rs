//! The contracts as a document, as a page, and as tools.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod console;
mod documents;
mod mcp;
mod set;
mod vault;

use bytes::Bytes;
use gateway_grpcweb::Gateway;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tonic::body::Body;

async fn send(
    gateway: &Gateway,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::new(Full::new(Bytes::from(body.to_owned())))).unwrap();
    let (head, body) = gateway.handle(request).await.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}
