//! Connect: unary, GET and streams, in protobuf and JSON.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway_grpcweb::{Gateway, Options};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{Full, StreamBody};
use prost::Message;
use serde_json::{Value, json};
use tonic::body::Body;
use tonic_types::pb;

use crate::archive::{Note, Watch, Watched};
use crate::calls::{frames, in_process, remote, send};
use crate::support::{self, Book, Id, text};

pub const GET_BOOK: &str = "/test.library.v1.Library/GetBook";
const GET_NOTE: &str = "/test.archive.v1.Archive/GetNote";
pub const WATCH: &str = "/test.archive.v1.Archive/WatchNotes";
const ADD: &str = "/test.archive.v1.Archive/AddNotes";

/// Path, content type, headers, body; status and code.
type Refused<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

pub async fn both() -> [Gateway; 2] {
    [in_process(Options::default()), remote().await]
}

async fn post(
    gateway: &Gateway,
    path: &str,
    content_type: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::post(path).header("content-type", content_type);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(gateway, request.body(Body::new(Full::new(body.into()))).unwrap()).await
}

async fn get(gateway: &Gateway, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    send(gateway, Request::get(path).body(Body::empty()).unwrap()).await
}

pub fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| panic!("{body:?}"))
}

pub fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    let mut out = vec![flags];
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
    out
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn unary_calls_are_posted_in_both_codecs() {
    for gateway in both().await {
        for version in [&[("connect-protocol-version", "1")][..], &[]] {
            let id = Id { id: "1".into(), ..Id::default() };
            let (status, headers, body) =
                post(&gateway, GET_BOOK, "application/proto", version, id.encode_to_vec()).await;
            assert_eq!(
                (status, text(&headers, "content-type")),
                (StatusCode::OK, "application/proto".to_owned())
            );
            assert_eq!(Book::decode(body).unwrap(), support::book("1"));
            let (status, headers, body) =
                post(&gateway, GET_BOOK, "application/json", version, r#"{"id": "1"}"#).await;
            assert_eq!(
                (status, text(&headers, "content-type")),
                (StatusCode::OK, "application/json".to_owned())
            );
            assert_eq!((&parse(&body)["id"], &parse(&body)["genre"]), (&json!("1"), &json!("GENRE_NOVEL")));
        }
    }
}

#[tokio::test]
async fn errors_have_connects_shape() {
    for gateway in both().await {
        let (status, headers, body) =
            post(&gateway, GET_BOOK, "application/json", &[], r#"{"id": "missing"}"#).await;
        assert_eq!(
            (status, text(&headers, "content-type")),
            (StatusCode::NOT_FOUND, "application/json".to_owned())
        );
        let error = parse(&body);
        assert_eq!((&error["code"], &error["message"]), (&json!("not_found"), &json!("no such böok")));
        let details = error["details"].as_array().unwrap();
        assert_eq!((details.len(), &details[0]["type"]), (2, &json!("google.rpc.ErrorInfo")));
        let value = STANDARD_NO_PAD.decode(details[0]["value"].as_str().unwrap()).unwrap();
        assert_eq!(pb::ErrorInfo::decode(&*value).unwrap().reason, "LIBRARY_BOOK_MISSING");
        assert_eq!(details[0]["debug"]["reason"], "LIBRARY_BOOK_MISSING");
        let (status, _, body) = post(
            &gateway,
            GET_BOOK,
            "application/proto",
            &[],
            Id { id: "broken".into(), ..Id::default() }.encode_to_vec(),
        )
        .await;
        assert_eq!(
            (status, parse(&body)),
            (StatusCode::INTERNAL_SERVER_ERROR, json!({"code": "internal", "message": "internal error"}))
        );
        let (status, headers, body) =
            post(&gateway, GET_BOOK, "application/json", &[], r#"{"id": "busy"}"#).await;
        assert_eq!(
            (status, &parse(&body)["code"]),
            (StatusCode::TOO_MANY_REQUESTS, &json!("resource_exhausted"))
        );
        assert_eq!(text(&headers, "retry-after"), "3");
        let (_, headers, _) = post(&gateway, GET_NOTE, "application/json", &[], r#"{"id": "hinted"}"#).await;
        assert_eq!(
            (text(&headers, "x-hint"), text(&headers, "x-hint-bin").trim_end_matches('=')),
            ("try 2".to_owned(), "AP8")
        );
    }
}

#[tokio::test]
async fn calls_that_break_the_protocol_are_refused() {
    let gateway = in_process(Options { max_request: 100, ..Options::default() });
    let v1 = ("connect-protocol-version", "1");
    let long = format!(r#"{{"id": "{}"}}"#, "x".repeat(100));
    let cases: [Refused<'_>; 9] = [
        (GET_BOOK, "application/json", &[("connect-protocol-version", "2")], "{}", 400, "invalid_argument"),
        (GET_BOOK, "application/json", &[], r#"{"nope": 1}"#, 400, "invalid_argument"),
        (GET_BOOK, "application/json", &[], "", 400, "invalid_argument"),
        (GET_BOOK, "application/json", &[], &long, 429, "resource_exhausted"),
        (GET_BOOK, "application/json", &[("content-encoding", "snappy")], "{}", 415, "unimplemented"),
        (GET_BOOK, "application/connect+json", &[], "{}", 415, "invalid_argument"),
        (WATCH, "application/json", &[], "{}", 415, "invalid_argument"),
        (WATCH, "application/connect+thrift", &[], "{}", 415, "invalid_argument"),
        ("/test.library.v1.Library/Nope", "application/json", &[v1], "{}", 404, "unimplemented"),
    ];
    for (path, content_type, headers, body, status, code) in cases {
        let (got, headers, answer) = post(&gateway, path, content_type, headers, body.to_owned()).await;
        assert_eq!(
            (got.as_u16(), &parse(&answer)["code"]),
            (status, &json!(code)),
            "{path} {content_type} {body}"
        );
        assert_eq!(headers.contains_key("accept-post"), content_type.contains("connect+") || path == WATCH);
    }
    let (_, _, answer) = post(&gateway, GET_BOOK, "application/json", &[], r#"{"nope": 1}"#).await;
    assert_eq!(parse(&answer)["details"][0]["debug"]["fieldViolations"][0]["field"], "nope");
    let (status, headers, _) =
        post(&gateway, GET_BOOK, "application/json", &[("content-encoding", "snappy")], "{}").await;
    assert_eq!((status.as_u16(), text(&headers, "accept-encoding")), (415, "gzip, zstd, br".to_owned()));
    let (status, _, _) = post(&gateway, GET_BOOK, "text/csv", &[], "{}").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn what_is_compressed_is_read_and_bounded() {
    let gateway = in_process(Options { max_request: 1000, ..Options::default() });
    let packed = gzip(br#"{"id": "1"}"#);
    let (status, _, _) =
        post(&gateway, GET_BOOK, "application/json", &[("content-encoding", "gzip")], packed.clone()).await;
    assert_eq!(status, StatusCode::OK);
    let encoding = ("connect-content-encoding", "gzip");
    let stream = |flags, message: &[u8]| envelope(flags, message);
    let end = async |headers: &[(&str, &str)], body: Vec<u8>| {
        let (status, headers, body) = post(&gateway, WATCH, "application/connect+json", headers, body).await;
        assert_eq!(
            (status, text(&headers, "content-type")),
            (StatusCode::OK, "application/connect+json".to_owned())
        );
        let (flags, end) = frames(&body).pop().unwrap();
        assert_eq!(flags, 2);
        (headers, parse(&end))
    };
    assert_eq!(end(&[encoding], stream(1, &gzip(br#"{"size": 1}"#))).await.1, json!({}));
    assert_eq!(end(&[encoding], stream(0, br#"{"size": 1}"#)).await.1, json!({}));
    let bomb = gzip(&[b' '; 100_000]);
    assert_eq!(end(&[encoding], stream(1, &bomb)).await.1["error"]["code"], "resource_exhausted");
    assert_eq!(end(&[], stream(1, &packed)).await.1["error"]["code"], "invalid_argument");
    let (headers, error) = end(&[("connect-content-encoding", "snappy")], stream(0, b"{}")).await;
    assert_eq!(
        (&error["error"]["code"], text(&headers, "connect-accept-encoding")),
        (&json!("unimplemented"), "gzip, zstd, br".to_owned())
    );
    assert_eq!(error["metadata"]["connect-accept-encoding"], json!(["gzip, zstd, br"]));
}

#[tokio::test]
async fn reads_are_called_by_get() {
    for gateway in both().await {
        let proto = Id { id: "a b".into(), ..Id::default() }.encode_to_vec();
        let escaped: String = proto.iter().map(|byte| format!("%{byte:02X}")).collect();
        let queries = [
            "connect=v1&encoding=json&message=%7B%22id%22%3A%22a+b%22%7D".to_owned(),
            format!("encoding=json&base64=1&message={}", URL_SAFE_NO_PAD.encode(r#"{"id":"a b"}"#)),
            format!("message={escaped}&encoding=proto"),
            format!(
                "connect=v1&encoding=proto&base64=1&compression=identity&message={}",
                URL_SAFE_NO_PAD.encode(&proto)
            ),
            format!(
                "encoding=proto&base64=1&compression=gzip&message={}",
                URL_SAFE_NO_PAD.encode(gzip(&proto))
            ),
        ];
        for query in queries {
            let (status, headers, body) = get(&gateway, &format!("{GET_NOTE}?{query}")).await;
            assert_eq!(status, StatusCode::OK, "{query} {body:?}");
            let id = match text(&headers, "content-type").as_str() {
                "application/proto" => Note::decode(body).unwrap().id,
                "application/json" => parse(&body)["id"].as_str().unwrap().to_owned(),
                other => panic!("{other}"),
            };
            assert_eq!(id, "a b");
        }
        // A GET in the HTTP rule says as much as the idempotency level does.
        let (status, _, _) = get(&gateway, &format!("{GET_BOOK}?encoding=json&message=%7B%7D")).await;
        assert_eq!(status, StatusCode::OK);
        let delete = "/test.archive.v1.Archive/DeleteNote?encoding=json&message=%7B%7D";
        let (status, headers, body) = get(&gateway, delete).await;
        assert_eq!(
            (status, text(&headers, "allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "POST".to_owned()),
            "{body:?}"
        );
        for (query, status, code) in [
            ("connect=v2&encoding=json&message=%7B%7D", 400, "invalid_argument"),
            ("connect=v1&message=%7B%7D", 400, "invalid_argument"),
            ("connect=v1&encoding=thrift&message=%7B%7D", 415, "invalid_argument"),
            ("connect=v1&encoding=json", 400, "invalid_argument"),
            ("encoding=json&base64=1&message=%21", 400, "invalid_argument"),
            ("encoding=json&message=%7", 400, "invalid_argument"),
            ("encoding=json&compression=snappy&message=%7B%7D", 501, "unimplemented"),
            ("encoding=json&message=%7B%22id%22%3A%22missing%22%7D", 404, "not_found"),
        ] {
            let (got, _, body) = get(&gateway, &format!("{GET_NOTE}?{query}")).await;
            assert_eq!((got.as_u16(), &parse(&body)["code"]), (status, &json!(code)), "{query}");
        }
    }
}

#[tokio::test]
async fn servers_stream_in_envelopes() {
    for gateway in both().await {
        let watch = Watch { size: 2, ..Watch::default() };
        let body = envelope(0, &watch.encode_to_vec());
        let (status, headers, body) = post(&gateway, WATCH, "application/connect+proto", &[], body).await;
        assert_eq!(
            (status, text(&headers, "content-type")),
            (StatusCode::OK, "application/connect+proto".to_owned())
        );
        let sent = frames(&body);
        assert_eq!(sent.iter().map(|(flags, _)| *flags).collect::<Vec<_>>(), [0, 0, 2]);
        assert_eq!(Watched::decode(&*sent[1].1).unwrap().cursor, "2");
        assert_eq!(parse(&sent[2].1), json!({}));

        let body = envelope(0, br#"{"size": 1, "mode": "fail"}"#);
        let (_, _, body) = post(&gateway, WATCH, "application/connect+json", &[], body).await;
        let sent = frames(&body);
        assert_eq!(parse(&sent[0].1)["note"]["kind"], "KIND_MEMO");
        assert_eq!(parse(&sent[1].1), json!({"error": {"code": "aborted", "message": "torn"}}));

        let body = envelope(0, br#"{"mode": "fail"}"#);
        let (status, _, body) = post(&gateway, WATCH, "application/connect+json", &[], body).await;
        assert_eq!((status, frames(&body).len(), frames(&body)[0].0), (StatusCode::OK, 1, 2));
    }
}

#[tokio::test]
async fn clients_stream_in_envelopes() {
    for gateway in both().await {
        let body = [envelope(0, br#"{"folder": "a"}"#), envelope(0, br#"{"folder": "b"}"#)].concat();
        let (_, _, body) = post(&gateway, ADD, "application/connect+json", &[], body).await;
        let sent = frames(&body);
        assert_eq!(parse(&sent[0].1), json!({"requests": [{"folder": "a"}, {"folder": "b"}]}));
        assert_eq!((sent.len(), sent[1].0), (2, 2));
        for (body, field) in [
            (
                [envelope(0, b"{}"), envelope(0, br#"{"note": {"lines": [{"quantity": "x"}]}}"#)].concat(),
                "note.lines[0].quantity",
            ),
            ([envelope(0, b"{}"), vec![0, 0, 0, 0, 9, b'{']].concat(), ""),
            (envelope(4, b"{}"), ""),
        ] {
            let (status, _, body) = post(&gateway, ADD, "application/connect+json", &[], body).await;
            let (flags, end) = frames(&body).pop().unwrap();
            let error = &parse(&end)["error"];
            assert_eq!(
                (status.as_u16(), flags, &error["code"]),
                (200, 2, &json!("invalid_argument")),
                "{error}"
            );
            let violation = &error["details"][0]["debug"]["fieldViolations"][0]["field"];
            assert_eq!(violation.as_str().unwrap_or_default(), field, "{error}");
        }
    }
}

#[tokio::test]
async fn deadlines_of_connect_are_kept() {
    for gateway in both().await {
        let headers = [("connect-timeout-ms", "100"), ("x-delay", "5000")];
        let (status, _, body) = post(&gateway, GET_BOOK, "application/json", &headers, "{}").await;
        assert_eq!(
            (status, &parse(&body)["code"]),
            (StatusCode::GATEWAY_TIMEOUT, &json!("deadline_exceeded"))
        );
        let (status, _, body) =
            post(&gateway, GET_BOOK, "application/json", &[("connect-timeout-ms", "x")], "{}").await;
        assert_eq!((status, &parse(&body)["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_argument")));
    }
}

/// A backend whose answers end with metadata of their own.
fn trailing() -> Gateway {
    let answer = |_: Request<Body>| async {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        trailers.append("x-cost", http::HeaderValue::from_static("1"));
        trailers.append("x-cost", http::HeaderValue::from_static("2"));
        let frames =
            [http_body::Frame::data(Bytes::from_static(&[0; 5])), http_body::Frame::trailers(trailers)];
        let body = StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, tonic::Status>)));
        let response =
            http::Response::builder().header("content-type", "application/grpc").header("x-lead", "3");
        Ok::<_, std::convert::Infallible>(response.body(Body::new(body)).unwrap())
    };
    let backend = gateway_grpcweb::Backend::new(tower::service_fn(answer));
    Gateway::new(&support::descriptor_set(), backend, Options::default()).unwrap()
}

#[tokio::test]
async fn metadata_comes_before_and_behind_the_message() {
    let gateway = trailing();
    let (_, headers, _) = post(&gateway, GET_BOOK, "application/json", &[], "{}").await;
    assert_eq!(text(&headers, "x-lead"), "3");
    let costs: Vec<_> = headers.get_all("trailer-x-cost").iter().collect();
    assert_eq!(costs, ["1", "2"]);
    let (_, headers, body) = post(&gateway, WATCH, "application/connect+json", &[], envelope(0, b"{}")).await;
    assert_eq!(text(&headers, "x-lead"), "3");
    assert_eq!(parse(&frames(&body)[1].1), json!({"metadata": {"x-cost": ["1", "2"]}}));
}
