//! How often callers may call, counted in memory and in a real Redis.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gateway_grpcweb::{Gateway, LimitOptions, Networks, Options, Plans};
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::body::Body;
use tower::ServiceExt;

use super::services::{World, get, known, text};

fn limited(world: &Arc<World>, limits: LimitOptions) -> Gateway {
    world.gateway(Options { auth: known(), limits: Some(limits), ..Options::default() })
}

async fn call(
    world: &World,
    gateway: &Gateway,
    user: &str,
    claims: Value,
    path: &str,
) -> (u16, HeaderMap, Value) {
    let token = format!("Bearer {}", world.token(user, claims));
    get(gateway, path, &[("authorization", &token)]).await
}

/// What must hold in whatever store.
async fn plans_hold(redis: Option<String>) {
    let world = World::new();
    let plans = Plans::parse("free=5/h,key:3/h; team=user:4/h,tenant:6/h; own=unlimited").unwrap();
    let gateway = limited(&world, LimitOptions { plans: Some(plans), redis, ..LimitOptions::default() });
    let unique = rand::random::<u64>();
    let user = |name: &str| format!("{name}-{unique}");
    for left in (0..5).rev() {
        let (status, headers, body) = call(&world, &gateway, &user("a"), json!({}), "/v1/closed").await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(text(&headers, "ratelimit-limit"), "5");
        assert_eq!(text(&headers, "ratelimit-remaining"), left.to_string());
        assert_eq!(text(&headers, "ratelimit-policy"), "5;w=3600");
        assert!((1..=3600).contains(&text(&headers, "ratelimit-reset").parse::<u32>().unwrap()));
    }
    let (status, headers, body) = call(&world, &gateway, &user("a"), json!({}), "/v1/closed").await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("RESOURCE_EXHAUSTED")));
    assert!(text(&headers, "retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(text(&headers, "ratelimit-remaining"), "0");
    let details = body["error"]["details"].as_array().unwrap();
    assert!(details.iter().any(|one| one["@type"] == "type.googleapis.com/google.rpc.RetryInfo"), "{body}");
    assert_eq!(call(&world, &gateway, &user("b"), json!({}), "/v1/closed").await.0, 200, "another user");

    let token = format!("Bearer {}", world.token(&user("a"), json!({})));
    let request = Request::post("/test.gated.v1.Gated/Closed").header("content-type", "application/grpc");
    let request = request.header("authorization", token).body(Body::empty()).unwrap();
    let response = gateway.clone().into_service().oneshot(request).await.unwrap();
    assert_eq!(text(response.headers(), "grpc-status"), "8");

    // A tenant's calls count together; its own are those of no other tenant.
    let tenant = |index: u64| json!({"plan": "team", "tenant_id": uuid::Uuid::from_u64_pair(unique, index)});
    let mut passed = 0;
    for name in ["c", "d", "e", "f"] {
        for _ in 0..2 {
            passed += u32::from(call(&world, &gateway, &user(name), tenant(1), "/v1/closed").await.0 == 200);
        }
    }
    assert_eq!(passed, 6);
    assert_eq!(call(&world, &gateway, &user("c"), tenant(2), "/v1/closed").await.0, 200);

    // Keys count beside their user.
    let key = user("key-of-g");
    for expected in [200, 200, 200, 429] {
        assert_eq!(get(&gateway, "/v1/closed", &[("x-api-key", &key)]).await.0, expected);
    }
    assert_eq!(call(&world, &gateway, &user("g"), json!({}), "/v1/closed").await.0, 200, "the user has more");
    for _ in 0..20 {
        let (status, headers, _) =
            call(&world, &gateway, &user("h"), json!({"plan": "own"}), "/v1/closed").await;
        assert_eq!((status, headers.contains_key("ratelimit-limit")), (200, false));
    }
    methods_hold(&world, &gateway, unique).await;
}

async fn methods_hold(world: &World, gateway: &Gateway, unique: u64) {
    let claims = json!({"plan": "own", "tenant_id": uuid::Uuid::from_u64_pair(unique, 3)});
    let mut statuses = Vec::new();
    for name in ["i", "i", "i", "j", "j"] {
        let user = format!("{name}-{unique}");
        statuses.push(call(world, gateway, &user, claims.clone(), "/v1/rare").await.0);
    }
    assert_eq!(statuses, [200, 200, 429, 200, 429], "two for a caller, three for the tenant");
}

#[tokio::test]
async fn errors_of_services_tell_of_limits_too() {
    // A call that fails was counted like one that goes well, and its caller must see how many are left.
    let world = World::new();
    let plans = Some(Plans::parse("free=9/h").unwrap());
    let gateway = limited(&world, LimitOptions { plans, ..LimitOptions::default() });
    let token = format!("Bearer {}", world.token("a", json!({})));
    let path = "/test.gated.v1.Gated/Closed";
    let fail = r#"{"text": "fail"}"#;
    let calls = [
        (Request::get("/v1/closed"), "", "8"),
        (Request::get("/v1/closed?text=fail"), "", "7"),
        (Request::get("/v1/closed?no_such=1"), "", "6"),
        (Request::post(path).header("content-type", "application/json"), fail, "5"),
        (Request::post(path).header("content-type", "application/json"), "{", "4"),
    ];
    for (request, body, left) in calls {
        let body = Body::new(http_body_util::Full::new(bytes::Bytes::from(body)));
        let request = request.header("authorization", &token).body(body).unwrap();
        let response = gateway.clone().into_service().oneshot(request).await.unwrap();
        let status = response.status();
        assert_eq!(text(response.headers(), "ratelimit-remaining"), left, "{status}");
        let shown = response.headers().get_all("ratelimit-limit").iter().collect::<Vec<_>>();
        assert_eq!(shown, ["9"], "{status}");
    }
}

#[tokio::test]
async fn limits_hold_in_memory() {
    plans_hold(None).await;
}

/// A Redis server of the test's own.
struct Redis(Child, String);

impl Redis {
    async fn start(port: u16) -> Self {
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let child = command.stdout(Stdio::null()).spawn();
        let child = child.expect("redis-server is there; scripts/prepare.sh installs it");
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self(child, format!("redis://127.0.0.1:{port}"))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn limits_hold_in_redis() {
    let redis = Redis::start(free_port().await).await;
    plans_hold(Some(redis.1.clone())).await;
}

#[tokio::test]
async fn gateways_share_their_counts_until_redis_goes() {
    // Two gateways count together. Without Redis each goes on by itself, and together again with it.
    let port = free_port().await;
    let redis = Redis::start(port).await;
    let limits = LimitOptions {
        plans: Some(Plans::parse("free=40/h").unwrap()),
        redis: Some(redis.1.clone()),
        ..LimitOptions::default()
    };
    let world = World::new();
    let gateways = [limited(&world, limits.clone()), limited(&world, limits)];
    let passed = async |user: &str| {
        let mut tasks = tokio::task::JoinSet::new();
        for index in 0..60 {
            let (world, gateway, user) = (world.clone(), gateways[index % 2].clone(), user.to_owned());
            tasks.spawn(async move { call(&world, &gateway, &user, json!({}), "/v1/closed").await.0 });
        }
        tasks.join_all().await.into_iter().filter(|status| *status == 200).count()
    };
    // The connections are made by the first call.
    for gateway in &gateways {
        assert_eq!(call(&world, gateway, "first", json!({}), "/v1/closed").await.0, 200);
    }
    assert_eq!(passed("together").await, 40);
    drop(redis);
    assert_eq!(passed("apart").await, 60, "thirty each, of forty each may have");
    let _redis = Redis::start(port).await;
    // Either gateway finds out by itself that it is back.
    let again = async {
        for round in 0.. {
            if passed(&format!("again {round}")).await == 40 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("they count together again");
}

/// Status of a request over a socket, as seen from this address.
async fn status(address: SocketAddr, path: &str, forwarded: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-forwarded-for: {forwarded}\r\nauthorization: Bearer x\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer[9..12].to_owned()
}

#[tokio::test]
async fn strangers_are_counted_by_address() {
    let world = World::new();
    let serve = async |trusted: &str| {
        let limits = LimitOptions { address: Some(4), ..LimitOptions::default() };
        let trusted_proxies = Networks::parse(trusted).unwrap();
        let options = Options { auth: known(), limits: Some(limits), trusted_proxies, ..Options::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(world.gateway(options).serve(listener, std::future::pending()));
        address
    };
    let address = serve("").await;
    // Two a method's own limit, then four an address has in all, whatever it claims to be.
    for (path, expected) in [
        ("/v1/guess", "200"),
        ("/v1/guess", "200"),
        ("/v1/guess", "429"),
        ("/v1/open", "200"),
        ("/v1/open", "200"),
        ("/v1/open", "429"),
    ] {
        let forwarded = format!("203.0.113.{}", rand::random::<u8>());
        assert_eq!(status(address, path, &forwarded).await, expected, "{path}");
    }
    // Tokens that are none are counted as well: guessing them has an end.
    for expected in ["401", "401", "401", "401", "429"] {
        assert_eq!(status(address, "/v1/closed", "203.0.113.1").await, expected);
    }
    let behind = serve("127.0.0.0/8").await;
    for host in 1..=3 {
        for expected in ["200", "200", "200", "200", "429"] {
            assert_eq!(status(behind, "/v1/open", &format!("203.0.113.{host}")).await, expected);
        }
    }
}

/// Status of HTTP and of gRPC, as posted over a socket by somebody without a token.
async fn posted(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: {content_type}\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let grpc = answer.split_once("grpc-status: ").map(|(_, rest)| rest.lines().next().unwrap().trim());
    (answer[9..12].to_owned(), grpc.unwrap_or_default().to_owned())
}

async fn serve(world: &Arc<World>, limits: LimitOptions) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(limited(world, limits).serve(listener, std::future::pending()));
    address
}

#[tokio::test]
async fn limits_hold_over_grpc_web() {
    // A method's own limit is the same in every protocol, and one caller's calls count together.
    let address = serve(&World::new(), LimitOptions::default()).await;
    let path = "/test.gated.v1.Gated/Guess";
    let mut seen = Vec::new();
    for content_type in ["application/grpc-web", "application/grpc-web+json", "application/grpc-web"] {
        let message = if content_type.ends_with("json") { &b"\0\0\0\0\x02{}"[..] } else { &[0; 5] };
        seen.push(posted(address, path, content_type, message).await);
    }
    let answered = |grpc: &str| ("200".to_owned(), grpc.to_owned());
    assert_eq!(seen, [answered("0"), answered("0"), answered("8")]);
    assert_eq!(posted(address, path, "application/json", b"{}").await.0, "429");
    assert_eq!(status(address, "/v1/guess", "").await, "429");
}

#[tokio::test]
async fn what_no_contract_knows_is_counted_or_refused() {
    let world = World::new();
    let limits = || LimitOptions { address: Some(3), ..LimitOptions::default() };
    // A service may have methods that the descriptor set lacks: nobody has said who may call them.
    let address = serve(&world, limits()).await;
    for content_type in ["application/grpc", "application/grpc-web"] {
        let (_, grpc) = posted(address, "/test.gated.v1.Gated/Nowhere", content_type, &[0; 5]).await;
        assert_eq!(grpc, "12", "{content_type}");
    }
    assert_eq!(world.echoes.load(std::sync::atomic::Ordering::Relaxed), 0, "no service was asked");
    // Health is for everybody, and so is reflection here; these services have neither.
    let health = "/grpc.health.v1.Health/Check";
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for (path, expected) in [(health, "12"), (reflection, "12"), (health, "12"), (health, "8")] {
        assert_eq!(posted(address, path, "application/grpc", &[0; 5]).await.1, expected, "{path}");
    }
    // So is the list of tools.
    let address = serve(&world, limits()).await;
    let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for expected in ["200", "200", "200", "429"] {
        assert_eq!(posted(address, "/mcp", "application/json", ping).await.0, expected);
    }
}
