//! REST, gRPC-Web and gRPC as every caller uses them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_grpcweb::{Backend, Gateway, Options, Origins};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::transport::Endpoint;

use crate::calls::{frame, frames, in_process, over_tcp, remote, rest, send, text_body};
use crate::support::{self, Book, Id, text};

#[tokio::test]
async fn rest_reads_and_writes() {
    for gateway in [in_process(Options::default()), remote().await] {
        let (status, headers, body) = rest(&gateway, "GET", "/v1/books/a%2Fb", "").await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(text(&headers, "content-type"), "application/json");
        let expected = json!({"id": "a/b", "title": "Book a/b", "genre": "GENRE_NOVEL",
            "publishTime": "2026-03-01T10:15:30Z", "copies": "7"});
        assert_eq!(body, expected);

        let (_, _, body) = rest(&gateway, "GET", "/v1/shelves/1/books/2", "").await;
        assert_eq!(body["id"], "shelves/1/books/2");

        let path = "/v1/books?size=2&genres=GENRE_ESSAY&genres=1&by.birth_year=1900&since=2026-01-01T00:00:00Z&filter=a+b";
        let (status, _, body) = rest(&gateway, "GET", path, "").await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["books"].as_array().unwrap().len(), 2);
        assert_eq!(
            body["request"],
            json!({"size": 2, "filter": "a b", "genres": ["GENRE_ESSAY", "GENRE_NOVEL"],
            "since": "2026-01-01T00:00:00Z", "by": {"birthYear": 1900}})
        );

        let book = r#"{"title": "New", "authors": [{"name": "A"}], "readingTime": "1.5s", "copies": "9007199254740993"}"#;
        let (status, _, body) = rest(&gateway, "POST", "/v1/books?requestId=r1", book).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            body,
            json!({"id": "new-r1", "title": "New", "authors": [{"name": "A"}],
            "readingTime": "1.500s", "copies": "9007199254740993"})
        );

        let (status, _, body) = rest(&gateway, "DELETE", "/v1/books/1", "").await;
        assert_eq!((status, body), (StatusCode::OK, json!({})));
        let (_, _, body) =
            rest(&gateway, "POST", "/v1/books/5:lend", r#"{"id": "lost", "reader": "R"}"#).await;
        assert_eq!((&body["id"], &body["title"]), (&json!("5"), &json!("R")));
        let (_, _, body) = rest(&gateway, "GET", "/v1/books:titles?size=2", "").await;
        assert_eq!(body, json!(["Book 0", "Book 1"]));
        let (_, _, body) = rest(&gateway, "GET", "/v1/books:titles", "").await;
        assert_eq!(body, json!([]));
        let (_, _, body) = rest(&gateway, "GET", "/v1/books/big", "").await;
        assert_eq!(body["title"].as_str().unwrap().len(), 300_000);
    }
}

#[tokio::test]
async fn patch_computes_its_mask() {
    let gateway = in_process(Options::default());
    let book = r#"{"id": "x", "etag": "\"1\"", "title": "T", "subtitle": null, "editor": {"birthYear": 1950}, "authors": []}"#;
    let (status, _, body) = rest(&gateway, "PATCH", "/v1/books/7", book).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["updateMask"], "title,subtitle,editor.birthYear,authors");
    assert_eq!(body["book"]["id"], "7", "the path wins over the body");
    assert_eq!(body["book"]["etag"], "\"1\"");
    let (_, _, body) = rest(&gateway, "PATCH", "/v1/books/7?updateMask=copies", book).await;
    assert_eq!(body["updateMask"], "copies");
    let (_, _, body) = rest(&gateway, "PATCH", "/v1/books/7", "{}").await;
    assert_eq!(body.get("updateMask"), None);
}

#[tokio::test]
async fn errors_have_one_shape() {
    for gateway in [in_process(Options::default()), remote().await] {
        let (status, _, body) = rest(&gateway, "GET", "/v1/books/missing", "").await;
        assert_eq!(status, 404);
        let error = &body["error"];
        assert_eq!((&error["code"], &error["status"]), (&json!("NOT_FOUND"), &json!(404)));
        assert_eq!(error["message"], "no such böok");
        let details = error["details"].as_array().unwrap();
        assert_eq!(details.len(), 2, "debug info stays inside: {details:?}");
        assert_eq!(details[0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
        assert_eq!(details[0]["reason"], "LIBRARY_BOOK_MISSING");
        assert_eq!(details[0]["metadata"], json!({"id": "missing"}));
        assert_eq!(details[1]["fieldViolations"][0]["field"], "id");

        let (status, _, body) = rest(&gateway, "GET", "/v1/books/broken", "").await;
        assert_eq!(status, 500);
        assert_eq!(body["error"]["message"], "internal error");
    }
}

#[tokio::test]
async fn refuses_with_the_place_of_the_fault() {
    let gateway = in_process(Options::default());
    let cases = [
        (r#"{"titel": "x"}"#, "titel", "is no field of test.library.v1.Book"),
        (
            r#"{"authors": [{"name": "a"}, {"name": 1}]}"#,
            "authors[1].name",
            "expected a string, got a number",
        ),
        (r#"{"labels": {"a": 1}}"#, "labels[\"a\"]", "expected a string, got a number"),
        (r#"{"genre": "GENRE_X"}"#, "genre", "\"GENRE_X\" is no value of test.library.v1.Genre"),
        (r#"{"title": "a", "title": "b"}"#, "title", "is given twice"),
        (r#"{"title": "#, "title", "malformed JSON"),
        (r#"{} x"#, "", "malformed JSON"),
    ];
    for (body, field, why) in cases {
        let (status, _, answer) = rest(&gateway, "POST", "/v1/books", body).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(answer["error"]["code"], "INVALID_ARGUMENT");
        let violation = &answer["error"]["details"][0]["fieldViolations"][0];
        assert_eq!(violation["field"].as_str().unwrap_or_default(), field, "{answer}");
        assert!(violation["description"].as_str().unwrap().starts_with(why), "{answer}");
    }
    for path in ["/v1/books?sise=1", "/v1/books?size=x", "/v1/books?size=1&size=2", "/v1/books?by=1"] {
        let (status, _, answer) = rest(&gateway, "GET", path, "").await;
        assert_eq!(status, 400, "{path} {answer}");
        let name = path.split(['?', '=']).nth(1).unwrap();
        assert_eq!(answer["error"]["details"][0]["fieldViolations"][0]["field"], name);
    }
    let (status, _, _) = rest(&gateway, "POST", "/v1/books/1:lend?reader=x", "{}").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn refuses_what_http_has_words_for() {
    let gateway = in_process(Options { max_request: 100, ..Options::default() });
    let (status, _, body) = rest(&gateway, "GET", "/v2/books", "").await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
    let (status, headers, _) = rest(&gateway, "PUT", "/v1/books/1", "").await;
    assert_eq!(
        (status, text(&headers, "allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "DELETE, GET, PATCH".to_owned())
    );
    let (status, headers, _) = rest(&gateway, "GET", "/v1/books/1:lend", "").await;
    assert_eq!((status, text(&headers, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST".to_owned()));
    let long = format!(r#"{{"title": "{}"}}"#, "x".repeat(200));
    let (status, _, body) = rest(&gateway, "POST", "/v1/books", &long).await;
    assert_eq!((status, &body["error"]["status"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(413)));
    let request =
        Request::post("/v1/books").header("content-type", "text/plain").body(text_body("{}")).unwrap();
    let (status, _, _) = send(&gateway, request).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, _, _) = rest(&gateway, "DELETE", "/v1/books/1", r#"{"a": 1}"#).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn streams_as_array_or_lines() {
    let gateway = in_process(Options::default());
    let (status, _, body) = rest(&gateway, "GET", "/v1/books:stream?size=3", "").await;
    assert_eq!((status, body.as_array().unwrap().len()), (StatusCode::OK, 3));
    let (_, _, body) = rest(&gateway, "GET", "/v1/books:stream", "").await;
    assert_eq!(body, json!([]));
    let (status, _, body) = rest(&gateway, "GET", "/v1/books:stream?filter=fail", "").await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("ABORTED")));
    let (_, _, body) = rest(&gateway, "GET", "/v1/books:stream?filter=fail&size=1", "").await;
    assert_eq!((&body[0]["id"], &body[1]["error"]["code"]), (&json!("0"), &json!("ABORTED")));
    let request =
        Request::get("/v1/books:stream?size=2&filter=fail").header("accept", "application/x-ndjson");
    let (_, headers, body) = send(&gateway, request.body(Body::empty()).unwrap()).await;
    assert_eq!(text(&headers, "content-type"), "application/x-ndjson");
    let lines: Vec<Value> = body
        .split(|one| *one == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!((lines.len(), &lines[2]["error"]["message"]), (3, &json!("torn")));
}

#[tokio::test]
async fn deadlines_and_request_ids_travel() {
    let gateway = in_process(Options { timeout: Duration::from_millis(200), ..Options::default() });
    let (_, headers, _) = rest(&gateway, "GET", "/v1/books/1", "").await;
    assert_eq!(text(&headers, "x-seen-timeout"), "190m");
    assert_eq!(text(&headers, "x-seen-request-id"), text(&headers, "x-request-id"));
    let request = Request::get("/v1/books/1").header("x-request-id", "mine").header("grpc-timeout", "5S");
    let (_, headers, _) = send(&gateway, request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (text(&headers, "x-seen-timeout"), text(&headers, "x-request-id")),
        ("4950m".into(), "mine".into())
    );
    let request = Request::get("/v1/books/1").header("x-delay", "5000");
    let (status, _, _) = send(&gateway, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_call() {
    let origins = Origins::parse("https://app.example.com");
    let gateway = in_process(Options { origins, ..Options::default() });
    let preflight = |origin: &str| {
        let request = Request::options("/test.library.v1.Library/GetBook").header("origin", origin);
        request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
    };
    let (status, headers, _) = send(&gateway, preflight("https://app.example.com")).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(text(&headers, "access-control-allow-origin"), "https://app.example.com");
    assert!(text(&headers, "access-control-allow-headers").contains("x-grpc-web"));
    let (_, headers, _) = send(&gateway, preflight("https://evil.example.com")).await;
    assert!(!headers.contains_key("access-control-allow-origin"));
    let request = Request::get("/v1/books/missing").header("origin", "https://app.example.com");
    let (_, headers, _) = send(&gateway, request.body(Body::empty()).unwrap()).await;
    assert!(text(&headers, "access-control-expose-headers").contains("grpc-status-details-bin"));
    assert!(headers.get_all("vary").iter().any(|value| value == "origin"));
}

#[tokio::test]
async fn tells_its_health() {
    let gateway = in_process(Options::default());
    for path in ["/health", "/livez", "/readyz"] {
        let (status, _, body) = rest(&gateway, "GET", path, "").await;
        assert_eq!((status, body), (StatusCode::OK, json!({"status": "ok"})));
    }
    gateway.set_ready(false);
    assert_eq!(rest(&gateway, "GET", "/readyz", "").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rest(&gateway, "GET", "/livez", "").await.0, StatusCode::OK);
}

async fn grpc_web(gateway: &Gateway, id: &str, content_type: &str) -> (HeaderMap, Vec<u8>) {
    let text_form = content_type.contains("text");
    let frame = frame(&Id { id: id.to_owned(), ..Id::default() });
    let body = if text_form { STANDARD.encode(frame).into_bytes() } else { frame };
    let request = Request::post("/test.library.v1.Library/GetBook").header("content-type", content_type);
    let (status, headers, body) =
        send(gateway, request.body(Body::new(Full::new(Bytes::from(body)))).unwrap()).await;
    assert_eq!(status, 200);
    assert!(text(&headers, "content-type").starts_with(content_type));
    let mut decoded = body.to_vec();
    if text_form {
        decoded = Vec::new();
        for group in body.chunks(4) {
            decoded.extend(STANDARD.decode(group).unwrap());
        }
    }
    (headers, decoded)
}

#[tokio::test]
async fn grpc_web_in_both_forms() {
    for gateway in [in_process(Options::default()), remote().await] {
        for content_type in
            ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text"]
        {
            let (_, body) = grpc_web(&gateway, "1", content_type).await;
            let frames = frames(&body);
            assert_eq!(Book::decode(&*frames[0].1).unwrap(), support::book("1"));
            assert_eq!(frames[1].0, 0x80);
            assert!(String::from_utf8_lossy(&frames[1].1).contains("grpc-status: 0\r\n"));
        }
        let (headers, body) = grpc_web(&gateway, "missing", "application/grpc-web").await;
        let trailers =
            frames(&body).pop().map(|(_, text)| String::from_utf8(text).unwrap()).unwrap_or_default();
        let told = text(&headers, "grpc-status") == "5" || trailers.contains("grpc-status: 5");
        assert!(told, "{headers:?} {trailers}");
    }
}

#[tokio::test]
async fn grpc_passes_through() {
    for gateway in [in_process(Options::default()), remote().await] {
        let (address, _stop) = over_tcp(gateway).await;
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<Id, Book>::default();
        let path = http::uri::PathAndQuery::from_static("/test.library.v1.Library/GetBook");
        let request = tonic::Request::new(Id { id: "9".into(), ..Id::default() });
        let response = client.unary(request, path.clone(), codec.clone()).await.unwrap();
        assert_eq!(response.into_inner(), support::book("9"));
        client.ready().await.unwrap();
        let request = tonic::Request::new(Id { id: "missing".into(), ..Id::default() });
        let status = client.unary(request, path, codec).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (tonic::Code::NotFound, "no such böok"));
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/test.library.v1.Nobody/GetBook");
        let codec = tonic_prost::ProstCodec::<Id, Book>::default();
        let status = client.unary(tonic::Request::new(Id::default()), path, codec).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented);
    }
}

#[tokio::test]
async fn an_http_1_client_is_served() {
    let (address, stop) = over_tcp(in_process(Options::default())).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    for round in 0..3 {
        let uri = format!("{address}/v1/books/{round}");
        let response: Response<_> = client.get(uri.parse().unwrap()).await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, http::Version::HTTP_11));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["id"], round.to_string());
    }
    let request = Request::head(format!("{address}/v1/books/1")).body(Full::default()).unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), StatusCode::OK);
    let slow = tokio::spawn({
        let request = Request::get(format!("{address}/v1/books/1")).header("x-delay", "300");
        client.request(request.body(Full::default()).unwrap())
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stop);
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK, "open requests finish");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(client.get(format!("{address}/health").parse().unwrap()).await.is_err(), "no new connections");
}

#[tokio::test]
async fn a_dead_service_is_unavailable() {
    let backend = Backend::address("http://127.0.0.1:1").unwrap();
    let backend = Backend::by_package([("test.library".to_owned(), backend)]);
    let gateway = Gateway::new(&support::descriptor_set(), backend, Options::default()).unwrap();
    let (status, _, body) = rest(&gateway, "GET", "/v1/books/1", "").await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("UNAVAILABLE")));
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
    let (headers, _) = grpc_web(&gateway, "1", "application/grpc-web").await;
    assert_eq!(text(&headers, "grpc-status"), "14");
}
