//! A real Envoy in the gateway's place before a whole suite, with the filters of `envoy.yaml` for tokens, limits
//! and pages of other origins.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

#[path = "../../../gateway-grpcweb/tests/support/envoy.rs"]
#[expect(dead_code, reason = "other tests take other parts of it")]
mod envoy;
#[expect(dead_code, reason = "other tests take other parts of it")]
mod support;

use envoy::Envoy;
use support::Suite;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Requests an hour of each user.
const PER_HOUR: usize = 5;

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

    for asked in 1..=PER_HOUR {
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
    drop(envoy);
    suite.stop().await;
}
