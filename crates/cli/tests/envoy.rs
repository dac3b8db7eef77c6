//! A real Envoy in the gateway's place before a whole suite, with the filters of `envoy.yaml` for tokens, limits
//! and pages of other origins.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

#[path = "../../../gateway-grpcweb/tests/support/envoy.rs"]
#[expect(dead_code, reason = "other tests take other parts of it")]
mod envoy;
#[expect(dead_code, reason = "other tests take other parts of it")]
mod support;

use std::time::Duration;

use envoy::Envoy;
use support::Suite;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Requests an hour of each user.
const PER_HOUR: usize = 6;

/// What Envoy answers: the status, the headers in small letters, and the body.
async fn send(envoy: &Envoy, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", envoy.port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

/// Watches events for so long: what came of the answer's head, and whether it ended meanwhile.
async fn watch(port: u16, bearer: &str, time: Duration) -> (String, bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "GET /api/v1/events:watch HTTP/1.1\r\nhost: api.example.com\r\nauthorization: {bearer}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        // An answer in chunks ends with an empty one.
        while !answer.ends_with(b"\r\n0\r\n\r\n") && stream.read_buf(&mut answer).await.unwrap() > 0 {}
    };
    let ended = tokio::time::timeout(time, read).await.is_ok();
    (String::from_utf8_lossy(&answer).to_ascii_lowercase(), ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_limits_and_origins_hold_at_envoy_too() {
    let Some(binary) = envoy::binary() else {
        skip::skipped("Envoy is not installed; `make tools` does that");
        return;
    };
    let suite = Suite::start().await;
    let upstream = suite.address().rsplit(':').next().unwrap().parse().unwrap();
    let limit = PER_HOUR.to_string();
    let settings =
        [("TESSERA_ENVOY_SUBJECT_PER_HOUR", &*limit), ("TESSERA_ENVOY_CORS", "https://app\\.example\\.com")];
    let envoy = Envoy::start_whole(&binary, contracts::DESCRIPTORS, upstream, &settings);
    let token = suite.run(&["whoami", "--token"]).await.stdout.trim().to_owned();
    let bearer = format!("Bearer {token}");

    assert_eq!(
        send(&envoy, "GET", "/.well-known/jwks.json", &[]).await.0,
        200,
        "public methods need no token"
    );
    // Another signature, another key, another time: none of them is let through.
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let turned: String = signature.chars().rev().collect();
    for wrong in [String::new(), format!("Bearer {signed}.{turned}"), "Bearer x.y.z".to_owned()] {
        let (status, _, body) = send(&envoy, "GET", "/api/v1/accounts", &[("authorization", &wrong)]).await;
        assert_eq!(status, 401, "{wrong:?}: {body}");
    }

    // Longer than any unary call may take; the watch counts as the first request.
    let watched = {
        let (port, bearer) = (envoy.port, bearer.clone());
        tokio::spawn(async move { watch(port, &bearer, Duration::from_secs(13)).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    for asked in 2..=PER_HOUR {
        let (status, head, body) =
            send(&envoy, "GET", "/api/v1/accounts?page_size=2", &[("authorization", &bearer)]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body, "{}", "the new tenant has no accounts yet");
        assert!(head.contains("x-ratelimit-remaining: "), "request {asked}: {head}");
    }
    let (status, head, _) = send(&envoy, "GET", "/api/v1/accounts", &[("authorization", &bearer)]).await;
    assert_eq!(status, 429, "{head}");
    assert_eq!(
        send(&envoy, "GET", "/.well-known/jwks.json", &[]).await.0,
        200,
        "others are not held up by it"
    );

    let preflight = |origin: &'static str| {
        let headers = [("origin", origin), ("access-control-request-method", "GET")];
        let envoy = &envoy;
        async move { send(envoy, "OPTIONS", "/api/v1/accounts", &headers).await }
    };
    let (status, head, _) = preflight("https://app.example.com").await;
    assert_eq!(status, 200, "{head}");
    assert!(head.contains("access-control-allow-origin: https://app.example.com"), "{head}");
    let (_, head, _) = preflight("https://evil.example").await;
    assert!(!head.contains("access-control-allow-origin"), "{head}");

    suite.run(&["call", "ListAccounts", "{}"]).await.ok();
    let (head, ended) = watched.await.unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(!ended, "a stream has no deadline of its own");
    drop(envoy);
    suite.stop().await;
}
