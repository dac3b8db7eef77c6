//! Answers that are kept, for whom and for how long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_grpcweb::{Gateway, Options};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tonic::body::Body;
use tower::ServiceExt;

use super::services::{World, descriptor_set, get, known, text};

fn options() -> Options {
    Options { auth: known(), ..Options::default() }
}

#[tokio::test]
async fn answers_are_kept_for_their_caller() {
    // Another user, tenant, key, query or form of JSON gets an answer of its own.
    let world = World::new();
    let gateway = world.gateway(options());
    let bearer = |user: &str, claims| format!("Bearer {}", world.token(user, claims));
    let (a, b) = (bearer("a", json!({})), bearer("b", json!({})));
    let other = uuid::Uuid::from_u64_pair(1, 1);
    let elsewhere = bearer("a", json!({"tenant_id": other}));
    let mut calls = Vec::new();
    for (path, name, value) in [
        ("/v1/kept?text=x", "authorization", &*a),
        ("/v1/kept?text=x", "authorization", &a),
        ("/v1/kept?text=y", "authorization", &a),
        ("/v1/kept?text=x", "authorization", &b),
        ("/v1/kept?text=x", "authorization", &elsewhere),
        ("/v1/kept?text=x", "x-api-key", "key-of-a"),
        ("/v1/kept?text=x", "authorization", &b),
    ] {
        let (status, headers, body) = get(&gateway, path, &[(name, value)]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(text(&headers, "cache-control"), "private, max-age=60");
        assert!(text(&headers, "age").parse::<u32>().unwrap() < 60);
        calls.push(body["calls"].as_str().unwrap().to_owned());
    }
    assert_eq!(calls, ["1", "1", "2", "3", "4", "5", "3"]);
    let fresh = [("authorization", &*a), ("cache-control", "no-cache")];
    assert_eq!(get(&gateway, "/v1/kept?text=x", &fresh).await.2["calls"], "6");
    assert_eq!(get(&gateway, "/v1/kept?text=x", &[("authorization", &a)]).await.2["calls"], "6");
    let aside = [("authorization", &*a), ("cache-control", "no-store")];
    assert_eq!(get(&gateway, "/v1/kept?text=x", &aside).await.2["calls"], "7");
    assert_eq!(get(&gateway, "/v1/kept?text=x", &[("authorization", &a)]).await.2["calls"], "6");
    assert_eq!(get(&gateway, "/v1/kept?text=x", &[]).await.0, 401, "nobody gets what is kept for somebody");

    let (_, headers, _) = get(&gateway, "/v1/kept?text=x", &[("authorization", &a)]).await;
    let etag = text(&headers, "etag");
    assert!(!etag.is_empty());
    let same = [("authorization", &*a), ("if-none-match", &*etag)];
    let (status, headers, body) = get(&gateway, "/v1/kept?text=x", &same).await;
    assert_eq!((status, body, text(&headers, "etag")), (304, json!(null), etag));
    assert_eq!(world.echoes.load(Ordering::Relaxed), 7);
}

#[tokio::test]
async fn a_kept_answer_is_given_under_the_conditions_of_who_asks() {
    // What a hit answers to a condition is what the call itself would have answered.
    for cache_bytes in [0, 1_000_000] {
        let gateway = World::new().gateway(Options { cache_bytes, ..options() });
        for (name, value, expected) in [
            ("if-match", "\"1\"", 200),
            ("if-match", "\"2\"", 412),
            ("if-match", "\"1\"", 200),
            ("if-match", "*", 200),
            ("if-none-match", "\"1\"", 304),
            ("if-none-match", "\"2\"", 200),
            ("if-none-match", "rubbish", 400),
        ] {
            let (status, _, body) = get(&gateway, "/v1/shared?text=x", &[(name, value)]).await;
            assert_eq!(status, expected, "{cache_bytes} {name}: {value} {body}");
        }
    }
}

#[tokio::test]
async fn callers_of_one_version_do_not_get_what_another_answered() {
    // The headers that choose a service tell answers apart, those of variants and the mesh's two.
    let (first, second) = (World::named("one"), World::named("two"));
    let (name, value) = (HeaderName::from_static("x-ring"), HeaderValue::from_static("early"));
    let version = (HeaderName::from_static("x-service-version"), HeaderValue::from_static("v2"));
    let backend = first
        .backend()
        .with_variants([(name, value, second.backend()), (version.0, version.1, second.backend())]);
    let gateway = Gateway::new(&descriptor_set(), backend, options()).unwrap();
    let token = format!("Bearer {}", first.token("a", json!({})));
    let none = ("x-request-id", "1");
    for (header, expected) in [
        (none, "one 1"),
        (("x-ring", "early"), "two 1"),
        (("x-service-version", "v2"), "two 2"),
        (("x-tenant-type", "large"), "one 2"),
        (none, "one 1"),
        (("x-ring", "early"), "two 1"),
        (("x-service-version", "v2"), "two 2"),
    ] {
        let (_, headers, body) = get(&gateway, "/v1/kept", &[header, ("authorization", &token)]).await;
        let said = format!("{} {}", body["text"].as_str().unwrap(), body["calls"].as_str().unwrap());
        assert_eq!(said, expected, "{header:?}");
        let mut vary = headers.get_all("vary").iter();
        assert!(vary.any(|names| names == "x-service-version, x-tenant-type"), "{headers:?}");
    }
}

/// A message of one text in a form on the wire.
fn message(content_type: &str, text: &str) -> Vec<u8> {
    let message = match content_type {
        json if json.ends_with("json") => json!({"text": text}).to_string().into_bytes(),
        _ => [&[0x0A, text.len() as u8], text.as_bytes()].concat(),
    };
    if !content_type.starts_with("application/grpc") {
        return message;
    }
    let framed = [&[0, 0, 0, 0, message.len() as u8], &*message].concat();
    if content_type.contains("-text") { STANDARD.encode(framed).into_bytes() } else { framed }
}

#[tokio::test]
async fn every_protocol_keeps_answers() {
    // The same message of the same caller is answered once, with all that belongs to the answer; errors
    // are asked for anew each time.
    for content_type in [
        "application/json",
        "application/proto",
        "application/grpc",
        "application/grpc+json",
        "application/grpc-web",
        "application/grpc-web+json",
        "application/grpc-web-text",
    ] {
        let world = World::new();
        let gateway = world.gateway(options());
        let ask = async |user: &str, said: &str| {
            let request = Request::post("/test.gated.v1.Gated/Kept").header("content-type", content_type);
            let token = format!("Bearer {}", world.token(user, json!({})));
            let body = Body::new(Full::new(Bytes::from(message(content_type, said))));
            let request = request.header("authorization", token).body(body).unwrap();
            let (head, body) = gateway.clone().into_service().oneshot(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap();
            let trailers = body.trailers().cloned().unwrap_or_default();
            let kind = text(&head.headers, "content-type");
            ((head.status, kind, trailers, body.to_bytes()), world.echoes.load(Ordering::Relaxed))
        };
        let (first, calls) = ask("a", "x").await;
        assert_eq!((first.0.as_u16(), calls), (200, 1), "{content_type}");
        assert_eq!(ask("a", "x").await, (first.clone(), 1), "{content_type}");
        assert_eq!(ask("a", "y").await.1, 2, "{content_type}: another message");
        assert_eq!(ask("b", "x").await.1, 3, "{content_type}: another caller");
        assert_eq!((ask("a", "fail").await.1, ask("a", "fail").await.1), (4, 5), "{content_type}: errors");
        assert_eq!(ask("a", "x").await, (first, 5), "{content_type}");
    }
}

#[tokio::test]
async fn shared_answers_are_asked_for_once() {
    let world = World::new();
    let gateway = world.gateway(options());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let gateway = gateway.clone();
        tasks.spawn(async move { get(&gateway, "/v1/shared", &[]).await });
    }
    for (status, headers, body) in tasks.join_all().await {
        assert_eq!((status, &body["calls"]), (200, &json!("1")));
        assert_eq!(text(&headers, "cache-control"), "public, max-age=1");
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(get(&gateway, "/v1/shared", &[]).await.2["calls"], "2", "a second is over");
}

#[tokio::test]
async fn errors_are_not_kept() {
    let world = World::new();
    let gateway = world.gateway(options());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let gateway = gateway.clone();
        tasks.spawn(async move { get(&gateway, "/v1/shared?text=fail", &[]).await.0 });
    }
    assert!(tasks.join_all().await.into_iter().all(|status| status == 404), "each has its own error");
    assert_eq!(world.echoes.load(Ordering::Relaxed), 10);
    let off = world.gateway(Options { cache_bytes: 0, ..options() });
    for calls in ["11", "12"] {
        assert_eq!(get(&off, "/v1/shared", &[]).await.2["calls"], calls);
    }
}
