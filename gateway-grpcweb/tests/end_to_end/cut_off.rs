//! Answers of services that end without telling their status, as those of one that died do.

use std::convert::Infallible;

use bytes::Bytes;
use gateway_grpcweb::{Backend, Gateway, Options};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tonic::body::Body;
use tower::ServiceExt;

use crate::calls::{frame, frames, send, text_body};
use crate::support::{self, book};

/// Before a service that answers every call with one message and no trailers; headers it has more
/// of when they are given.
fn before(status: StatusCode, headers: &'static [(&'static str, &'static str)], body: Vec<u8>) -> Gateway {
    let backend = tower::service_fn(move |_: Request<Body>| {
        let response = Response::builder().status(status).header("content-type", "application/grpc");
        let response =
            headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
        let response = response.body(Body::new(Full::new(Bytes::from(body.clone())))).unwrap();
        async move { Ok::<_, Infallible>(response) }
    });
    Gateway::new(&support::descriptor_set(), Backend::new(backend), Options::default()).unwrap()
}

fn cut_off() -> Gateway {
    before(StatusCode::OK, &[], frame(&book("1")))
}

fn posted(path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Body> {
    let request = Request::post(path).header("content-type", content_type);
    request.body(Body::new(Full::new(body.into()))).unwrap()
}

const UNARY: &str = "/test.library.v1.Library/GetBook";
const STREAM: &str = "/test.library.v1.Library/StreamBooks";

#[tokio::test]
async fn rest_tells_of_an_answer_without_a_status() {
    // A stream that was cut off must not look like a whole one, nor a message like a success.
    let gateway = cut_off();
    let get = async |path: &str, accept: &str| {
        let request = Request::get(path).header("accept", accept).body(text_body("")).unwrap();
        let (status, _, body) = send(&gateway, request).await;
        (status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    };
    let (status, body) = get("/v1/books/1", "application/json").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["error"]["code"]), (500, &json!("INTERNAL")));
    let (_, body) = get("/v1/books:stream?size=1", "application/json").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body[0]["id"], &body[1]["error"]["code"]), (&json!("1"), &json!("INTERNAL")));
    let (_, body) = get("/v1/books:stream?size=1", "application/x-ndjson").await;
    assert!(body.lines().last().unwrap().starts_with("{\"error\""), "{body}");
    let (_, body) = get("/v1/books:stream?size=1", "text/event-stream").await;
    assert!(body.contains("event: error") && !body.contains("event: end"), "{body}");
}

#[tokio::test]
async fn connect_tells_of_an_answer_without_a_status() {
    let gateway = cut_off();
    let (status, _, body) = send(&gateway, posted(UNARY, "application/json", "{}")).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (500, &json!("internal")));
    let request = posted(STREAM, "application/connect+json", &b"\0\0\0\0\x02{}"[..]);
    let envelopes = frames(&send(&gateway, request).await.2);
    let end: Value = serde_json::from_slice(&envelopes[1].1).unwrap();
    assert_eq!((envelopes[1].0, &end["error"]["code"]), (2, &json!("internal")));
}

#[tokio::test]
async fn grpc_and_grpc_web_tell_of_an_answer_without_a_status() {
    let gateway = cut_off();
    for content_type in ["application/grpc-web", "application/grpc-web+json"] {
        let message = if content_type.ends_with("json") { &b"\0\0\0\0\x02{}"[..] } else { &[0; 5] };
        for path in [UNARY, STREAM] {
            let sent = frames(&send(&gateway, posted(path, content_type, message)).await.2);
            let trailers = String::from_utf8(sent[1].1.clone()).unwrap();
            assert_eq!((sent.len(), sent[1].0), (2, 0x80), "{content_type} {path}");
            assert!(trailers.contains("grpc-status: 13\r\n"), "{content_type} {path}: {trailers}");
        }
    }
    let request = posted(STREAM, "application/grpc", &[0; 5][..]);
    let response = gateway.clone().into_service().oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "13");
}

#[tokio::test]
async fn an_answer_of_headers_alone_is_whole() {
    // Its status is in the headers, and no trailers follow.
    let gateway = before(StatusCode::OK, &[("grpc-status", "0")], Vec::new());
    let request = Request::get("/v1/books:stream?size=1").body(text_body("")).unwrap();
    let (status, _, body) = send(&gateway, request).await;
    assert_eq!((status.as_u16(), &body[..]), (200, &b"[]"[..]));
    let (_, headers, body) = send(&gateway, posted(STREAM, "application/grpc-web", &[0; 5][..])).await;
    assert_eq!((&headers["grpc-status"], body.len()), (&http::HeaderValue::from_static("0"), 0));
}

#[tokio::test]
async fn an_answer_that_is_not_of_grpc_is_told_as_one() {
    // What stands between the gateway and a service says 503 in a form of its own.
    let gateway = before(StatusCode::SERVICE_UNAVAILABLE, &[], b"no healthy upstream".to_vec());
    for content_type in ["application/grpc", "application/grpc-web"] {
        let (status, headers, body) = send(&gateway, posted(UNARY, content_type, &[0; 5][..])).await;
        assert_eq!((status.as_u16(), &headers["grpc-status"]), (200, &http::HeaderValue::from_static("14")));
        assert!(body.is_empty(), "{content_type}");
    }
}
