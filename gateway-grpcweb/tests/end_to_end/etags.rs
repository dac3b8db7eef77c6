//! Versions of resources: `ETag`, `If-None-Match`, `If-Match`.

use gateway_grpcweb::Options;
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tonic::body::Body;

use crate::archive::CURRENT;
use crate::calls::{in_process, remote, send, text_body};
use crate::support::text;

async fn ask(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, HeaderMap, Value) {
    let gateway = in_process(Options::default());
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let (status, headers, body) = send(&gateway, request.body(text_body(body)).unwrap()).await;
    (status, headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_read_tells_its_version_and_is_not_repeated() {
    for gateway in [in_process(Options::default()), remote().await] {
        let request = Request::get("/v1/notes/1").body(Body::empty()).unwrap();
        let (status, headers, body) = send(&gateway, request).await;
        assert_eq!((status, text(&headers, "etag")), (StatusCode::OK, CURRENT.to_owned()));
        assert!(!body.is_empty());
        for method in ["GET", "HEAD"] {
            for tags in [CURRENT, "W/\"5\"", "\"4\", \"5\"", "*"] {
                let request =
                    Request::builder().method(method).uri("/v1/notes/1").header("if-none-match", tags);
                let (status, headers, body) = send(&gateway, request.body(Body::empty()).unwrap()).await;
                assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{tags}");
                assert_eq!(text(&headers, "etag"), CURRENT);
                assert!(!headers.contains_key("content-type"));
                assert_eq!(text(&headers, "vary"), "accept");
            }
        }
    }
    assert_eq!(ask("GET", "/v1/notes/1", &[("if-none-match", "\"4\"")], "").await.0, StatusCode::OK);
    let (status, headers, _) = ask("GET", "/v1/notes/missing", &[("if-none-match", "*")], "").await;
    assert_eq!((status, headers.contains_key("etag")), (StatusCode::NOT_FOUND, false));
    let (status, headers, _) = ask("GET", "/v1/books/1", &[("if-none-match", CURRENT)], "").await;
    assert_eq!((status, headers.contains_key("etag")), (StatusCode::OK, false), "an empty etag is none");
    assert_eq!(
        ask("GET", "/v1/notes/1", &[("if-match", "\"4\"")], "").await.0,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(ask("GET", "/v1/notes/1", &[("if-match", CURRENT)], "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_change_of_another_version_fails() {
    for (method, path, body) in [
        ("PATCH", "/v1/notes/1", r#"{"noteText": "new"}"#),
        ("PATCH", "/v1/notes/1", ""),
        ("DELETE", "/v1/notes/1", ""),
    ] {
        for (tags, status) in [
            (CURRENT, 200),
            ("*", 200),
            ("\"3\", \"4\", \"5\"", 200),
            ("\"4\"", 412),
            ("W/\"5\"", 412),
            ("\"3\", \"4\"", 412),
            ("5", 400),
        ] {
            let (got, headers, answer) = ask(method, path, &[("if-match", tags)], body).await;
            assert_eq!(got, status, "{method} {tags}: {answer}");
            if status == 412 {
                assert_eq!(answer["error"]["status"], 412);
            }
            if got == 200 && method == "PATCH" {
                assert_eq!((text(&headers, "etag"), &answer["etag"]), ("\"6\"".to_owned(), &"\"6\"".into()));
            }
        }
    }
    // Without the header the status is the code's own.
    let (status, _, answer) = ask("PATCH", "/v1/notes/1", &[], r#"{"etag": "\"4\""}"#).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &"ABORTED".into()));
    assert_eq!(ask("DELETE", "/v1/notes/1?etag=%224%22", &[], "").await.0, StatusCode::BAD_REQUEST);
    let (status, _, _) = ask("PATCH", "/v1/notes/missing", &[("if-match", "*")], "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn conditions_that_cannot_be_met_are_refused() {
    let (status, _, answer) = ask("DELETE", "/v1/books/1", &[("if-match", CURRENT)], "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer["error"]["message"].as_str().unwrap().starts_with("if-match: "), "{answer}");
    assert_eq!(ask("DELETE", "/v1/books/1", &[("if-match", "*")], "").await.0, StatusCode::OK);
    assert_eq!(ask("DELETE", "/v1/notes/1", &[("if-none-match", "*")], "").await.0, StatusCode::BAD_REQUEST);
    let differ = [("if-match", CURRENT)];
    assert_eq!(ask("DELETE", "/v1/notes/1?etag=%224%22", &differ, "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask("DELETE", "/v1/notes/1?etag=%225%22", &differ, "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn every_text_is_a_version() {
    let (_, headers, body) = ask("GET", "/v1/notes/plain", &[], "").await;
    assert_eq!(body["etag"], "v 1");
    let tag = text(&headers, "etag");
    assert_eq!(
        ask("GET", "/v1/notes/plain", &[("if-none-match", &tag)], "").await.0,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(ask("PATCH", "/v1/notes/plain", &[("if-match", &tag)], "{}").await.0, StatusCode::OK);
    assert_eq!(
        ask("PATCH", "/v1/notes/1", &[("if-match", &tag)], "{}").await.0,
        StatusCode::PRECONDITION_FAILED
    );
    // Another form of the same version is not the same bytes, but guards the same version.
    let numbers = ("accept", "application/json;enum=number");
    let (_, headers, _) = ask("GET", "/v1/notes/1", &[numbers], "").await;
    let tag = text(&headers, "etag");
    assert_ne!(tag, CURRENT);
    assert_eq!(ask("GET", "/v1/notes/1", &[("if-none-match", &tag)], "").await.0, StatusCode::OK);
    assert_eq!(
        ask("GET", "/v1/notes/1", &[("if-none-match", &tag), numbers], "").await.0,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(ask("PATCH", "/v1/notes/1", &[("if-match", &tag)], "{}").await.0, StatusCode::OK);
}

#[tokio::test]
async fn accept_chooses_how_json_looks() {
    let get = async |accept: &str| ask("GET", "/v1/notes/1", &[("accept", accept)], "").await;
    let (_, _, body) = get("application/json; enum=number; defaults=emit; names=original").await;
    assert_eq!((&body["kind"], &body["size"], &body["note_text"]), (&1.into(), &0.into(), &"Note 1".into()));
    assert_eq!(body["lines"], Value::Array(vec![]));
    let (_, _, body) = get("application/json; enum=name; defaults=omit; names=json; charset=utf-8").await;
    assert_eq!((&body["kind"], body.get("size")), (&"KIND_MEMO".into(), None));
    let (_, _, body) = get("*/*;names=original;q=0.1, application/json;Enum=number").await;
    assert_eq!((&body["kind"], &body["noteText"]), (&1.into(), &"Note 1".into()));
    let (status, _, body) = get("application/json; enum=digits").await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
    assert!(body["error"]["message"].as_str().unwrap().contains("`enum`"), "{body}");
    let unknown = r#"{"nope": 1, "kind": "KIND_NOPE", "noteText": "x"}"#;
    assert_eq!(ask("PATCH", "/v1/notes/1", &[], unknown).await.0, StatusCode::BAD_REQUEST);
    let ignore = [("accept", "application/json; unknown=ignore")];
    let (status, _, body) = ask("PATCH", "/v1/notes/1", &ignore, unknown).await;
    assert_eq!((status, &body["noteText"]), (StatusCode::OK, &"x".into()), "{body}");
}
