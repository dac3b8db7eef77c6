//! Errors in the shape and the protocol that the caller asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use gateway_grpcweb::{Backend, Gateway, Options};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use prost::Message;
use serde_json::{Value, json};
use tonic::body::Body;
use tonic_types::pb;
use tower::ServiceExt;

use crate::calls::{frame, in_process, remote, send, text_body};
use crate::support::{self, Id, text};

const PROBLEM: &str = "application/problem+json";

async fn get(gateway: &Gateway, path: &str, accept: &str) -> (StatusCode, HeaderMap, Value) {
    let request = Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
    let (status, headers, body) = send(gateway, request).await;
    let json = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{path}: {body:?}"));
    (status, headers, json)
}

#[tokio::test]
async fn problems_are_told_as_rfc_9457_to_those_who_accept_it() {
    for gateway in [in_process(Options::default()), remote().await] {
        for accept in [PROBLEM, "application/json, application/problem+json"] {
            let (status, headers, body) = get(&gateway, "/v1/books/missing", accept).await;
            assert_eq!((status, text(&headers, "content-type")), (StatusCode::NOT_FOUND, PROBLEM.to_owned()));
            assert_eq!(body["title"], "Not Found");
            assert_eq!(body["status"], 404);
            assert_eq!(body["detail"], "no such böok");
            assert_eq!(
                (&body["code"], &body["reason"]),
                (&json!("NOT_FOUND"), &json!("LIBRARY_BOOK_MISSING"))
            );
            assert_eq!(body["errors"], json!([{"field": "id", "detail": "names no book"}]));
            assert_eq!(body["details"].as_array().unwrap().len(), 2, "debug info stays inside: {body}");
        }
        let (status, headers, body) = get(&gateway, "/v1/books/1", PROBLEM).await;
        assert_eq!((status, text(&headers, "content-type")), (StatusCode::OK, "application/json".to_owned()));
        assert_eq!(body["id"], "1");
        let (_, headers, body) = get(&gateway, "/v1/books/missing", "application/json, */*;q=0.1").await;
        assert_eq!(text(&headers, "content-type"), "application/json");
        assert_eq!(body["error"]["code"], "NOT_FOUND");
        let (_, _, body) = get(&gateway, "/v1/books/broken", PROBLEM).await;
        assert_eq!(
            (&body["detail"], &body["title"]),
            (&json!("internal error"), &json!("Internal Server Error"))
        );
    }
}

#[tokio::test]
async fn the_gateways_own_errors_have_both_shapes() {
    let gateway = in_process(Options { max_request: 100, ..Options::default() });
    let long = format!(r#"{{"title": "{}"}}"#, "x".repeat(200));
    let json = "application/json";
    let cases = [
        ("GET", "/v2/books", json, "", 404, "NO_SUCH_PATH"),
        ("PUT", "/v1/books/1", json, "{}", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/health", json, "", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/books", json, &long, 413, "BODY_TOO_LARGE"),
        ("POST", "/v1/books", "text/plain", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/v1/books", "application/json; charset=latin1", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("GET", "/test.library.v1.Library/GetBook", json, "", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/v1/books", json, "{", 400, "MALFORMED_REQUEST"),
        ("GET", "/v1/books/%zz", json, "", 400, "MALFORMED_REQUEST"),
    ];
    for (method, path, content_type, body, status, reason) in cases {
        for accept in [json, PROBLEM] {
            let request = Request::builder().method(method).uri(path).header("accept", accept);
            let request = request.header("content-type", content_type).body(text_body(body)).unwrap();
            let (got, headers, answer) = send(&gateway, request).await;
            assert_eq!(got, status, "{method} {path} {answer:?}");
            assert_eq!(text(&headers, "content-type"), accept);
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let error = if accept == PROBLEM { &answer } else { &answer["error"] };
            assert_eq!(error["status"], status);
            let info = error["details"].as_array().unwrap().iter().find(|one| one["domain"] == "gateway");
            assert_eq!(info.unwrap()["reason"], reason, "{answer}");
            assert_eq!(headers.contains_key("allow"), status == 405, "{method} {path}");
            assert_eq!(headers.contains_key("accept"), status == 415, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_given_is_not_acceptable() {
    let gateway = in_process(Options::default());
    for (path, accept, status) in [
        ("/v1/books/1", "text/html", 406),
        ("/v1/books/1", "application/json;q=0", 406),
        ("/v1/books/1", "application/x-ndjson", 406),
        ("/v1/books:stream?size=1", "text/html;q=0.9, application/x-ndjson;q=0.1", 200),
        ("/v1/books/1", "text/html, application/*;q=0.1", 200),
        ("/v1/books/1", "text/html, */*;q=0.1", 200),
    ] {
        let (got, _, body) = get(&gateway, path, accept).await;
        assert_eq!(got, status, "{path} {accept} {body}");
        if status == 406 {
            assert_eq!(
                (&body["error"]["status"], &body["error"]["code"]),
                (&json!(406), &json!("INVALID_ARGUMENT"))
            );
        }
    }
    let request = Request::delete("/v1/books/1").header("accept", "text/html, application/problem+json;q=0");
    let (status, _, _) = send(&gateway, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_wait_that_a_service_asks_for_is_a_header() {
    for gateway in [in_process(Options::default()), remote().await] {
        for accept in ["*/*", PROBLEM] {
            let (status, headers, _) = get(&gateway, "/v1/books/busy", accept).await;
            assert_eq!(
                (status, text(&headers, "retry-after")),
                (StatusCode::TOO_MANY_REQUESTS, "3".to_owned())
            );
        }
    }
}

#[tokio::test]
async fn heads_have_the_headers_of_errors_alone() {
    let gateway = in_process(Options::default());
    let request = Request::head("/v1/books/missing").body(Body::empty()).unwrap();
    let (status, headers, body) = send(&gateway, request).await;
    assert_eq!((status, body.len()), (StatusCode::NOT_FOUND, 0));
    assert_eq!(text(&headers, "content-type"), "application/json");
}

#[tokio::test]
async fn grpc_callers_get_the_details_too() {
    // A service that is not there is the gateway's own error.
    let backend = Backend::address("http://127.0.0.1:1").unwrap();
    let backend = Backend::by_package([("test.library".to_owned(), backend)]);
    let gateway = Gateway::new(&support::descriptor_set(), backend, Options::default()).unwrap();
    for content_type in ["application/grpc", "application/grpc+proto", "application/grpc-web+proto"] {
        let request = Request::post("/test.library.v1.Library/GetBook").header("content-type", content_type);
        let body = Bytes::from_static(&[0, 0, 0, 0, 0]);
        let body = Body::new(http_body_util::Full::new(body));
        let (status, headers, _) = send(&gateway, request.body(body).unwrap()).await;
        assert_eq!((status, text(&headers, "content-type")), (StatusCode::OK, content_type.to_owned()));
        assert_eq!(text(&headers, "grpc-status"), "14");
        let details = STANDARD_NO_PAD.decode(text(&headers, "grpc-status-details-bin")).unwrap();
        let status = pb::Status::decode(&*details).unwrap();
        assert_eq!((status.code, status.message), (14, text(&headers, "grpc-message")));
        let info = pb::ErrorInfo::decode(&*status.details[0].value).unwrap();
        assert_eq!((&*info.reason, &*info.domain), ("SERVICE_UNREACHABLE", "gateway"));
        assert_eq!(text(&headers, "retry-after"), "1");
    }
}

#[tokio::test]
async fn what_a_service_says_of_its_insides_stays_inside_in_every_protocol() {
    for gateway in [in_process(Options::default()), remote().await] {
        for content_type in ["application/grpc", "application/grpc-web"] {
            let ask = async |id: &str| {
                let request =
                    Request::post("/test.library.v1.Library/GetBook").header("content-type", content_type);
                let message = frame(&Id { id: id.to_owned(), ..Id::default() });
                let request = request.body(Body::new(http_body_util::Full::new(Bytes::from(message))));
                let response = gateway.clone().into_service().oneshot(request.unwrap()).await.unwrap();
                let (head, body) = response.into_parts();
                let body = body.collect().await.unwrap();
                let mut told = head.headers;
                told.extend(body.trailers().cloned().unwrap_or_default());
                (told, String::from_utf8_lossy(&body.to_bytes()).into_owned())
            };
            let (told, body) = ask("broken").await;
            let all = format!("{told:?}{body}");
            assert!(all.contains("internal error") && !all.contains("hunter2"), "{content_type}: {all}");

            let (told, body) = ask("missing").await;
            let details = match told.get("grpc-status-details-bin") {
                Some(details) => details.to_str().unwrap(),
                None => body.split("grpc-status-details-bin: ").nth(1).unwrap().split('\r').next().unwrap(),
            };
            let status = pb::Status::decode(&*STANDARD_NO_PAD.decode(details).unwrap()).unwrap();
            assert_eq!((status.code, &*status.message), (5, "no such böok"));
            let names: Vec<_> = status.details.iter().map(|one| one.type_url.rsplit('.').next()).collect();
            assert_eq!(names, [Some("ErrorInfo"), Some("BadRequest")], "{content_type}");
        }
    }
}

#[tokio::test]
async fn text_that_is_no_base64_is_the_callers_fault() {
    for gateway in [in_process(Options::default()), remote().await] {
        for (sent, words) in [("AAAAA!==", "is no base64"), ("AAAAAA", "cut off")] {
            let request = Request::post("/test.library.v1.Library/GetBook");
            let request = request.header("content-type", "application/grpc-web-text").body(text_body(sent));
            let (_, headers, body) = send(&gateway, request.unwrap()).await;
            let status = text(&headers, "grpc-status");
            assert_eq!(status, "3", "{sent}: {headers:?} {body:?}");
            let message = text(&headers, "grpc-message").replace("%20", " ");
            assert!(message.contains(words), "{sent}: {message}");
        }
    }
}
