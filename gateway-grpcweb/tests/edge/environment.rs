//! What the environment says of a gateway, in its own process or in one with the services.

use gateway_grpcweb::{Environment, LimitOptions, Options, Origins, Plans};
use serde_json::json;

use super::services::{World, get, known, text};

type Variables = &'static [(&'static str, &'static str)];

/// The options that a gateway gets whose usual ones limit addresses and plans.
fn told(variables: Variables) -> Result<Options, String> {
    let usual = Options {
        origins: Origins::Any,
        auth: known(),
        limits: Some(LimitOptions::usual(Some(Plans::default()))),
        ..Options::default()
    };
    let find =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Environment::new(find).options(usual)
}

#[tokio::test]
async fn limits_are_as_told() {
    // What is not told stays as it is usual; `off` takes away one kind of limit, or all of them.
    let world = World::new();
    let token = format!("Bearer {}", world.token("a", json!({})));
    let cases: [(Variables, &str, &str); 6] = [
        (&[], "1000;w=3600", "600;w=60, 2;w=3600"),
        (&[("TESSERA_PLANS", "free=7/m")], "7;w=60", "600;w=60, 2;w=3600"),
        (&[("TESSERA_PLANS", "off")], "", "600;w=60, 2;w=3600"),
        (&[("TESSERA_ADDRESS_LIMIT", "9")], "1000;w=3600", "9;w=60, 2;w=3600"),
        (&[("TESSERA_ADDRESS_LIMIT", "off")], "1000;w=3600", "2;w=3600"),
        (&[("TESSERA_LIMITS", "off")], "", ""),
    ];
    for (variables, user, stranger) in cases {
        let gateway = world.gateway(told(variables).unwrap());
        let (_, headers, _) = get(&gateway, "/v1/closed", &[("authorization", &token)]).await;
        assert_eq!(text(&headers, "ratelimit-policy"), user, "{variables:?}");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(gateway.serve(listener, std::future::pending()));
        let head = super::operations::page(address, "/v1/guess").await.1;
        let policy = head.lines().find_map(|line| line.strip_prefix("ratelimit-policy: "));
        assert_eq!(policy.unwrap_or_default(), stranger, "{variables:?}");
    }
}

#[test]
fn other_options_are_as_told() {
    let options = told(&[
        ("TESSERA_CORS_ORIGINS", "https://app.example.com"),
        ("TESSERA_REDIS_URL", "redis://counts:6379"),
        ("TESSERA_GATEWAY_TIMEOUT_MS", "1500"),
        ("TESSERA_GATEWAY_MAX_BODY", "1000"),
        ("TESSERA_CONSOLE", "off"),
        ("TESSERA_MCP", "off"),
        ("TESSERA_DOCS", "off"),
    ]);
    let options = options.unwrap();
    assert_eq!(options.origins, Origins::List(vec!["https://app.example.com".to_owned()]));
    assert_eq!(options.limits.unwrap().redis.as_deref(), Some("redis://counts:6379"));
    assert_eq!((options.timeout.as_millis(), options.max_request), (1500, 1000));
    assert!(options.console.is_none() && options.mcp.is_none() && !options.docs);
    assert!(told(&[("TESSERA_AUTH", "off")]).unwrap().auth.is_none());
    assert_eq!(told(&[]).unwrap().origins, Origins::Any, "as usual");
}

#[test]
fn what_cannot_be_read_is_named() {
    for variable in [
        &[("TESSERA_LIMITS", "none")],
        &[("TESSERA_PLANS", "free")],
        &[("TESSERA_ADDRESS_LIMIT", "many")],
        &[("TESSERA_GATEWAY_TIMEOUT_MS", "1s")],
        &[("TESSERA_TRUSTED_PROXIES", "everybody")],
        &[("TESSERA_JWKS_URL", "a b")],
    ] {
        let why = told(variable).unwrap_err();
        assert!(why.starts_with(variable[0].0), "{why}");
    }
}
