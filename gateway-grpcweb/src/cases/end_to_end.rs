//! Whole requests of REST, answered by a backend that a case tells what to say.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tonic::Code;
use tower::ServiceExt;

use super::queries::same;
use super::{Report, load, pool, show, text};
use crate::call::{FRAME_HEAD, close_frame};
use crate::codec::{Encoder, JsonOptions};
use crate::snapshot::Snapshot;
use crate::{Backend, Body, Gateway, Options};

/// The contract that the paths of the cases belong to.
const CONTRACT: &str = "cases_library.proto";

#[tokio::test]
async fn rest_end_to_end() {
    let Some(file) = load("body_response.json") else { return };
    let mut report = Report::new("rest_end_to_end");
    for case in super::list(&file, "rest_end_to_end") {
        let id = format!("{} {}", text(case, "method"), text(case, "path"));
        let result = run(case).await;
        report.case(&id, case, result);
    }
    report.settle();
}

async fn run(case: &Value) -> Result<(), String> {
    let set = pool(CONTRACT).encode_to_vec();
    let snapshot = Arc::new(Snapshot::compile(&set).map_err(|error| error.to_string())?);
    let seen = Arc::new(Mutex::new(None));
    let backend = Backend::new(tower::service_fn({
        let (snapshot, seen, case) = (snapshot.clone(), seen.clone(), case.clone());
        move |request: Request<Body>| {
            let (snapshot, seen, case) = (snapshot.clone(), seen.clone(), case.clone());
            async move {
                let (answer, asked) = answer(&snapshot, &case, request).await;
                *seen.lock().unwrap() = Some(asked);
                Ok::<_, Infallible>(answer)
            }
        }
    }));
    let gateway = Gateway::new(&set, backend, Options::default()).map_err(|error| error.to_string())?;
    let mut request = Request::builder().method(text(case, "method")).uri(text(case, "path"));
    let body = match &case["body"] {
        Value::Null => String::new(),
        body => {
            request = request.header("content-type", "application/json");
            body.to_string()
        }
    };
    let request = request.body(crate::body(body)).map_err(|error| error.to_string())?;
    let response = gateway.into_service().oneshot(request).await.unwrap_or_else(|never| match never {});
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    if case["status"] != head.status.as_u16() {
        return Err(format!("status {}: {}", head.status, String::from_utf8_lossy(&body)));
    }
    let asked = seen.lock().unwrap().take();
    if let (Some(rpc), Some((path, request))) = (case["rpc"].as_str(), &asked) {
        if !path.ends_with(&format!("/{rpc}")) || !same(request, &case["request"]) {
            return Err(format!("called {path} with {request}"));
        }
    } else if case["rpc"].is_string() {
        return Err("no service was called".to_owned());
    }
    if let Some(raw) = case["response_raw"].as_str()
        && body != raw.as_bytes()
    {
        return Err(format!("answered {body:?}"));
    }
    let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok());
    match case["content_type"].as_str() {
        Some(expected) if content_type != Some(expected) => Err(format!("content type {content_type:?}")),
        _ => Ok(()),
    }
}

/// Answers as the case says, and tells what was asked.
async fn answer(
    snapshot: &Snapshot,
    case: &Value,
    request: Request<Body>,
) -> (Response<Body>, (String, Value)) {
    let path = request.uri().path().to_owned();
    let method = snapshot.method_at(&path).expect("the gateway calls what it knows");
    let frame = request.into_body().collect().await.unwrap().to_bytes();
    let asked = show(&snapshot.plans, method.input, &frame[FRAME_HEAD..], JsonOptions::default()).unwrap();
    let code = match case["backend_error"].as_str() {
        Some(name) => {
            (0..17).map(Code::from_i32).find(|code| crate::error::code_name(*code) == name).unwrap()
        }
        None => Code::Ok,
    };
    let mut frames = Vec::new();
    let raw = case["response_raw"].as_str().map(|raw| {
        let kind = case["content_type"].as_str().unwrap_or_default();
        // Two pieces, which are to arrive as one text.
        let (front, back) = raw.split_at(raw.len() / 2);
        [(kind, front), ("", back)].map(|(kind, data)| {
            let mut encoder = Encoder::new(&snapshot.plans, vec![0; FRAME_HEAD]);
            encoder.raw(&[], kind.as_bytes(), data.as_bytes());
            encoder.out
        })
    });
    let pieces = match raw {
        Some(pieces) if method.server_streaming => pieces.to_vec(),
        Some([first, _]) => vec![first],
        None => vec![vec![0; FRAME_HEAD]],
    };
    for mut frame in pieces.into_iter().filter(|_| code == Code::Ok) {
        close_frame(&mut frame).unwrap();
        frames.extend_from_slice(&frame);
    }
    let mut response = Response::new(crate::body(Bytes::from(frames)));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    response.headers_mut().insert("grpc-status", http::HeaderValue::from(code as i32));
    (response, (path, asked))
}
