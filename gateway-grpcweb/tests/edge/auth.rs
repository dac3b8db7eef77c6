//! Who may pass, and what the services see of it.

use std::sync::atomic::Ordering;

use ed25519_dalek::SigningKey;
use gateway_grpcweb::{AuthOptions, KeySet, Options};
use http::Request;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tonic::body::Body;
use tower::ServiceExt;

use super::services::{World, get, known, text};

fn options() -> Options {
    Options { auth: known(), ..Options::default() }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn methods_that_are_not_public_need_a_token() {
    let world = World::new();
    let gateway = world.gateway(options());
    let token = bearer(&world.token("u1", json!({})));
    for (path, bare, bad) in [("/v1/open", 200, 200), ("/v1/closed", 401, 401), ("/v1/silent", 401, 401)] {
        let (status, headers, body) = get(&gateway, path, &[]).await;
        assert_eq!(status, bare, "{path} {body}");
        assert_eq!(text(&headers, "www-authenticate"), if bare == 401 { "Bearer" } else { "" });
        for wrong in ["Bearer x.y.z", "Bearer ", "Basic dTpw", "nonsense"] {
            assert_eq!(get(&gateway, path, &[("authorization", wrong)]).await.0, bad, "{path} {wrong}");
        }
        let (status, _, body) = get(&gateway, path, &[("authorization", &token)]).await;
        assert_eq!((status, &body["authorization"]), (200, &json!(token)), "{path}");
    }
    for claims in
        [json!({"exp": 1}), json!({"iss": "x"}), json!({"aud": "x"}), json!({"nbf": 99_999_999_999_i64})]
    {
        let token = bearer(&world.token("u1", claims.clone()));
        assert_eq!(get(&gateway, "/v1/closed", &[("authorization", &token)]).await.0, 401, "{claims}");
    }
    assert_eq!(get(&gateway, "/v1/nowhere", &[]).await.0, 404, "what is not there needs no token");

    // The same in the other protocols, as they tell errors.
    for content_type in ["application/grpc", "application/grpc-web"] {
        let request = Request::post("/test.gated.v1.Gated/Closed").header("content-type", content_type);
        let request = request.body(Body::empty()).unwrap();
        let response = gateway.clone().into_service().oneshot(request).await.unwrap();
        assert_eq!(text(response.headers(), "grpc-status"), "16", "{content_type}");
    }
    assert_eq!(world.jwks.load(Ordering::Relaxed), 1, "keys are fetched once");
}

#[tokio::test]
async fn keys_stay_while_identity_is_away() {
    let world = World::new();
    let gateway = world.gateway(options());
    world.away.store(true, Ordering::Relaxed);
    let token = bearer(&world.token("u1", json!({})));
    let (status, headers, _) = get(&gateway, "/v1/closed", &[("authorization", &token)]).await;
    assert_eq!((status, headers.contains_key("retry-after")), (503, true), "nobody knows yet");
    assert_eq!(get(&gateway, "/v1/open", &[]).await.0, 200);
    world.away.store(false, Ordering::Relaxed);
    // A failed look for keys is not repeated for a second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(get(&gateway, "/v1/closed", &[("authorization", &token)]).await.0, 200);
    world.away.store(true, Ordering::Relaxed);
    let other = bearer(&world.token("u2", json!({})));
    assert_eq!(get(&gateway, "/v1/closed", &[("authorization", &other)]).await.0, 200);
    // A flood of tokens with unknown keys asks for them once.
    *world.signer.lock().unwrap() = ("two".to_owned(), SigningKey::from_bytes(&[8; 32]));
    world.away.store(false, Ordering::Relaxed);
    let before = world.jwks.load(Ordering::Relaxed);
    for index in 0..50 {
        let token = bearer(&world.token(&index.to_string(), json!({})));
        get(&gateway, "/v1/closed", &[("authorization", &token)]).await;
    }
    assert!(world.jwks.load(Ordering::Relaxed) <= before + 1);
}

#[tokio::test]
async fn keys_come_from_a_page_too() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = {
        use base64::Engine;
        let key = world.signer.lock().unwrap().1.verifying_key();
        let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.as_bytes());
        json!({"keys": [{"kty": "RSA", "n": "x"}, {"kid": "one", "kty": "OKP", "crv": "Ed25519", "x": x}]})
            .to_string()
    };
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let read = stream.read(&mut head).await.unwrap();
            assert!(head[..read].starts_with(b"GET /jwks.json HTTP/1.1\r\n"));
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let keys = KeySet::Url(format!("http://{address}/jwks.json").parse().unwrap());
    let auth = Some(AuthOptions { keys, ..known().unwrap() });
    let gateway = world.gateway(Options { auth, ..Options::default() });
    let token = bearer(&world.token("u1", json!({})));
    assert_eq!(get(&gateway, "/v1/closed", &[("authorization", &token)]).await.0, 200);
    assert_eq!(world.jwks.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn api_keys_become_tokens() {
    // Each key is exchanged once however many calls come with it, and never goes on itself.
    let world = World::new();
    let gateway = world.gateway(options());
    let calls = (0..20).map(|_| async {
        let (status, _, body) = get(&gateway, "/v1/closed", &[("x-api-key", "key-of-u1")]).await;
        assert_eq!((status, &body["apiKey"]), (200, &json!(null)), "{body}");
        assert!(body["authorization"].as_str().unwrap().starts_with("Bearer ey"));
    });
    futures_of(calls).await;
    assert_eq!(world.exchanges.load(Ordering::Relaxed), 1);
    for _ in 0..5 {
        let (status, _, body) = get(&gateway, "/v1/closed", &[("x-api-key", "unknown")]).await;
        assert_eq!((status, &body["error"]["message"]), (401, &json!("the API key is not valid")));
    }
    assert_eq!(world.exchanges.load(Ordering::Relaxed), 2, "that it is none is remembered, too");
    let both = [("x-api-key", "key-of-u1"), ("authorization", "Bearer x")];
    assert_eq!(get(&gateway, "/v1/closed", &both).await.0, 400);
    for (status, key) in [(401, "".to_owned()), (401, "x".repeat(201)), (401, "ü".to_owned())] {
        assert_eq!(get(&gateway, "/v1/closed", &[("x-api-key", &key)]).await.0, status);
    }
    let (status, _, body) = get(&gateway, "/v1/open", &[("x-api-key", "key-of-u1")]).await;
    assert_eq!((status, &body["apiKey"]), (200, &json!(null)), "public methods do not see keys");
    world.away.store(true, Ordering::Relaxed);
    assert_eq!(get(&gateway, "/v1/closed", &[("x-api-key", "key-of-u2")]).await.0, 503);
    assert_eq!(get(&gateway, "/v1/closed", &[("x-api-key", "key-of-u1")]).await.0, 200);
}

/// Runs all at once.
async fn futures_of(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
