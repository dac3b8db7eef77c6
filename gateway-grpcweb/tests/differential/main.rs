//! The same requests to our gateway and to a real Envoy, before the same service with the same descriptors.
//!
//! Status and JSON must be equal but for what `docs/gateway-differential.md` lists. A difference that is not
//! listed fails, and so does a listed one that does not occur. `UPDATE=1` writes the page anew; differences
//! without a reason then stand under a heading of their own, which fails until they have one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod cases;
mod page;

#[path = "../support/echo.rs"]
mod echo;
#[path = "../support/envoy.rs"]
#[expect(dead_code, reason = "nothing is measured here")]
mod envoy;

use std::collections::BTreeMap;

use bytes::Bytes;
use cases::Case;
use gateway_grpcweb::{Backend, Gateway, Options};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;

/// The status of an answer that does not come.
const NO_ANSWER: u16 = 0;

/// What counts of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// What a good answer says; numbers of equal value are equal.
    pub json: Option<Value>,
    /// Code, message and details of a service's error.
    pub error: Option<(i64, String, Value)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ours_and_envoy_answer_alike() {
    let Some(binary) = envoy::binary() else {
        skip::skipped("Envoy is not installed; `make tools` does that");
        return;
    };
    let set = echo::descriptor_set();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap().port();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let service = echo::Echo::new(&set);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    let start = || envoy::Envoy::start(&binary, &set, &["test.echo.v1.Echo"], upstream);
    let mut envoy = tokio::task::block_in_place(start);
    let backend = Backend::address(&format!("http://127.0.0.1:{upstream}")).unwrap();
    let gateway = Gateway::new(&set, backend, Options::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = listener.local_addr().unwrap().port();
    tokio::spawn(gateway.serve(listener, std::future::pending()));

    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let cases = cases::all();
    let mut found = BTreeMap::new();
    for case in &cases {
        let mine = send(&client, ours, case).await;
        assert_ne!(mine.status, NO_ANSWER, "{}: our gateway does not answer", case.id);
        let theirs = send(&client, envoy.port, case).await;
        if theirs.status == NO_ANSWER {
            envoy = tokio::task::block_in_place(|| {
                envoy.wait_for_end();
                start()
            });
        }
        if let Some(difference) = page::difference(&mine, &theirs) {
            assert!(found.insert(case.id.clone(), difference).is_none(), "{} stands there twice", case.id);
        }
    }
    eprintln!("{} requests, {} differences", cases.len(), found.len());
    assert!(cases.len() > 500, "only {} requests", cases.len());
    page::check(&cases, &found);
}

async fn send(client: &Client<HttpConnector, Full<Bytes>>, port: u16, case: &Case) -> Answer {
    let uri = format!("http://127.0.0.1:{port}{}", case.target);
    let mut request = Request::builder().method(case.method).uri(&uri);
    if let Some(content_type) = case.content_type {
        request = request.header("content-type", content_type);
    }
    let request = request.body(Full::new(Bytes::from(case.body.clone())));
    let request = request.unwrap_or_else(|error| panic!("{}: {uri}: {error}", case.id));
    let Ok(response) = client.request(request).await else {
        return Answer { status: NO_ANSWER, json: None, error: None };
    };
    let status = response.status().as_u16();
    // A stream that fails in its midst breaks off at Envoy.
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let json = serde_json::from_slice::<Value>(&body).ok().map(even);
    if status < 400 {
        return Answer { status, json, error: None };
    }
    Answer { status, json: None, error: json.as_ref().and_then(error_of) }
}

/// Reads both shapes: ours, and google.rpc.Status.
fn error_of(json: &Value) -> Option<(i64, String, Value)> {
    let error = json.get("error").unwrap_or(json);
    let code = match &error["code"] {
        Value::String(name) => i64::from(code_of(name)?),
        // Our own numbers arrive as floats, see `even`.
        number => number.as_f64()? as i64,
    };
    let details = error.get("details").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    Some((code, error["message"].as_str().unwrap_or_default().to_owned(), details))
}

/// The number of a `google.rpc.Code`.
fn code_of(name: &str) -> Option<i32> {
    let names = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    names.iter().position(|one| *one == name).map(|at| at as i32)
}

/// Makes `1` and `1.0` the same.
fn even(value: Value) -> Value {
    match value {
        Value::Number(number) => serde_json::json!(number.as_f64()),
        Value::Array(list) => Value::Array(list.into_iter().map(even).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, even(value))).collect()),
        other => other,
    }
}
