//! Streams and bytes over REST, in both directions.

use std::time::Duration;

use bytes::Bytes;
use gateway_grpcweb::{Gateway, Options};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tower::ServiceExt;

use crate::calls::{in_process, remote, send, text_body};
use crate::support::text;

async fn both() -> [Gateway; 2] {
    [in_process(Options::default()), remote().await]
}

async fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, headers, body) = send(gateway, request.body(Body::empty()).unwrap()).await;
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn post(gateway: &Gateway, path: &str, content_type: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(path).header("content-type", content_type).body(text_body(body)).unwrap();
    let (status, _, body) = send(gateway, request).await;
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{path}: {body:?}")))
}

/// The fields of every event, comments as `""`.
fn events(text: &str) -> Vec<Vec<(&str, &str)>> {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty());
    blocks.map(|block| block.lines().map(|line| line.split_once(": ").unwrap()).collect()).collect()
}

#[tokio::test]
async fn events_carry_cursors_and_are_taken_up_again() {
    for gateway in both().await {
        let accept = ("accept", "text/event-stream");
        let (status, headers, body) = get(&gateway, "/v1/notes:watch?size=2", &[accept]).await;
        assert_eq!(
            (status, text(&headers, "content-type")),
            (StatusCode::OK, "text/event-stream".to_owned())
        );
        assert_eq!(text(&headers, "cache-control"), "no-cache");
        let sent = events(&body);
        assert_eq!((sent.len(), sent[0][0], sent[1][0]), (3, ("id", "1"), ("id", "2")));
        let data: Value = serde_json::from_str(sent[1][1].1).unwrap();
        assert_eq!((&data["note"]["id"], &data["cursor"]), (&json!("2"), &json!("2")));
        assert_eq!(sent[2], [("event", "end"), ("data", "{}")]);

        let again = [accept, ("last-event-id", "2")];
        let (_, _, body) = get(&gateway, "/v1/notes:watch?size=3&cursor=0", &again).await;
        assert_eq!(events(&body)[0][0], ("id", "3"));
        let (_, _, body) = get(&gateway, "/v1/notes:watch?size=3", &[("last-event-id", "2")]).await;
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap().as_array().unwrap().len(), 3, "{body}");

        let (_, _, body) = get(&gateway, "/v1/notes:watch?size=1&mode=fail", &[accept]).await;
        let sent = events(&body);
        assert_eq!((sent.len(), sent[1][0]), (2, ("event", "error")));
        let error: Value = serde_json::from_str(sent[1][1].1).unwrap();
        assert_eq!(error["error"]["code"], "ABORTED");
        let (status, _, body) = get(&gateway, "/v1/notes:watch?mode=fail", &[accept]).await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}");
        // A stream without a cursor has events without ids.
        let (_, _, body) = get(&gateway, "/v1/books:stream?size=1", &[accept]).await;
        assert_eq!(events(&body)[0][0].0, "data");
    }
}

#[tokio::test]
async fn a_silent_stream_of_events_is_kept_alive() {
    let options = Options { keep_alive: Duration::from_millis(200), ..Options::default() };
    let gateway = in_process(options);
    let path = "/v1/notes:watch?size=1&mode=slow";
    let (_, _, body) = get(&gateway, path, &[("accept", "text/event-stream")]).await;
    assert!(body.starts_with(": keep-alive\n\n"), "{body}");
    assert!(body.contains("\n\nid: 1\ndata: {") && body.ends_with("\n\nevent: end\ndata: {}\n\n"), "{body}");
    let (_, _, body) = get(&gateway, path, &[("accept", "application/x-ndjson")]).await;
    assert!(!body.contains("keep-alive"), "{body}");
}

#[tokio::test]
async fn clients_stream_arrays_and_lines() {
    let expected = json!({"requests": [
        {"folder": "a/b", "note": {"id": "1"}}, {"note": {"id": "2", "size": 2}}, {"note": {}},
    ]});
    let array = r#" [{"id": "1"}, {"id": "2", "size": 2} , {}]"#;
    let lines = "{\"id\": \"1\"}\n\n{\"id\": \"2\", \"size\": 2}\r\n{}";
    for gateway in both().await {
        for (content_type, body) in [
            ("application/json", array),
            ("application/x-ndjson", lines),
            ("application/jsonl; charset=utf-8", lines),
        ] {
            let answer = post(&gateway, "/v1/folders/a%2Fb/notes:add", content_type, body).await;
            assert_eq!(answer, (StatusCode::OK, expected.clone()), "{content_type}");
        }
        for empty in ["[]", ""] {
            let answer = post(&gateway, "/v1/folders/a/notes:add", "application/json", empty).await;
            assert_eq!(answer, (StatusCode::OK, json!({})), "{empty:?}");
        }
    }
}

#[tokio::test]
async fn a_broken_stream_of_a_client_is_told_with_its_place() {
    for gateway in both().await {
        for (content_type, body, status, field) in [
            (
                "application/json",
                r#"[{"id": "1"}, {"lines": [{}, {"quantity": "x"}]}]"#,
                400,
                "[1].lines[1].quantity",
            ),
            ("application/x-ndjson", "{\"id\": \"1\"}\n{\"nope\": 1}\n", 400, "[1].nope"),
            ("application/json", r#"[{"id": "1"}, 5]"#, 400, "[1]"),
            ("application/json", r#"{"id": "1"}"#, 400, ""),
            ("application/json", r#"[{"id": "1"},]"#, 400, ""),
            ("application/json", r#"[{"id": "1"}"#, 400, ""),
            ("text/csv", "[]", 415, ""),
        ] {
            let (got, answer) = post(&gateway, "/v1/folders/a/notes:add", content_type, body).await;
            assert_eq!(got, status, "{body} {answer}");
            if status == 400 {
                let violation = &answer["error"]["details"][0]["fieldViolations"][0];
                assert_eq!(violation["field"].as_str().unwrap_or_default(), field, "{answer}");
            }
        }
    }
    let gateway = in_process(Options { max_request: 50, ..Options::default() });
    let many = format!("[{}{{}}]", r#"{"id": "1"},"#.repeat(50));
    assert_eq!(post(&gateway, "/v1/folders/a/notes:add", "application/json", &many).await.0, StatusCode::OK);
    let long = format!(r#"[{{"id": "{}"}}]"#, "x".repeat(60));
    let (status, _) = post(&gateway, "/v1/folders/a/notes:add", "application/json", &long).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn both_sides_stream_at_once() {
    for gateway in both().await {
        let (sender, receiver) = mpsc::unbounded_channel::<&str>();
        let pieces = UnboundedReceiverStream::new(receiver);
        let body = StreamBody::new(
            pieces.map(|piece| Ok::<_, tonic::Status>(http_body::Frame::data(Bytes::from(piece)))),
        );
        let request = Request::post("/v1/notes:echo").header("content-type", "application/x-ndjson");
        let request = request.header("accept", "application/x-ndjson").body(Body::new(body)).unwrap();
        sender.send("{\"id\": \"1\"}\n{\"id\":").unwrap();
        let response = gateway.into_service().oneshot(request).await.unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "{\"id\":\"1\"}\n", "the first message is back before the second is sent");
        sender.send(" \"2\"}\n").unwrap();
        let second = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(second, "{\"id\":\"2\"}\n");
        sender.send("{\"id\": 3}\n").unwrap();
        let last = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let last: Value = serde_json::from_slice(&last).unwrap();
        assert_eq!(last["error"]["details"][0]["fieldViolations"][0]["field"], "[2].id", "{last}");
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn bytes_pass_as_they_are() {
    for gateway in both().await {
        let (status, headers, body) = get(&gateway, "/v1/files/a", &[("accept", "text/plain")]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "file a"));
        assert_eq!(text(&headers, "content-type"), "text/plain; charset=utf-8");
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
        let (status, _, body) = get(&gateway, "/v1/files/missing", &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.starts_with("{\"error\""), "{body}");
        let (_, headers, body) = get(&gateway, "/v1/files/a:read", &[]).await;
        assert_eq!((text(&headers, "content-type"), body.as_str()), ("text/plain".to_owned(), "hello a!"));

        let request = Request::get("/v1/files/torn:read").body(Body::empty()).unwrap();
        let response = gateway.clone().into_service().oneshot(request).await.unwrap();
        assert!(response.into_body().collect().await.is_err(), "a torn file has no good end");

        let file = json!({"name": "a", "file": {"contentType": "image/x", "data": "eCI="}});
        let request =
            Request::put("/v1/files/a").header("content-type", "image/x").body(text_body("x\"")).unwrap();
        let (_, _, body) = send(&gateway, request).await;
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["requests"][0], file);
        let (_, answer) = post(&gateway, "/v1/files/a:write", "image/x", "x\"").await;
        assert_eq!(answer["requests"][0], file);
        let (_, answer) = post(&gateway, "/v1/files/a:write", "image/x", "").await;
        assert_eq!(answer["requests"], json!([{"name": "a", "file": {"contentType": "image/x"}}]));
    }
}
