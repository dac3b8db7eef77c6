use std::sync::atomic::Ordering;

use gateway_grpcweb::{Gateway, LimitOptions, McpOptions, Origins};
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, Tool};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::send;
use crate::vault::{ASKED, COUNTED, gateway};

/// Serves the gateway on a port of its own, and connects a real client.
async fn client(gateway: Gateway, query: &str, token: Option<&str>) -> RunningService<RoleClient, ()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(gateway.serve(listener, std::future::pending()));
    let mut config = StreamableHttpClientTransportConfig::with_uri(format!("http://{address}/mcp{query}"));
    if let Some(token) = token {
        config = config.auth_header(token);
    }
    ().serve(StreamableHttpClientTransport::from_config(config)).await.unwrap()
}

fn names(tools: &[Tool]) -> Vec<&str> {
    tools.iter().map(|tool| &*tool.name).collect()
}

fn arguments(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn callers_see_the_tools_that_they_may_use() {
    let cases: [(Option<&str>, &[&str]); 4] = [
        (None, &["VaultService_Greet", "VaultService_Guess"]),
        (Some("service"), &["VaultService_GetCaller", "VaultService_Greet", "VaultService_Guess"]),
        (
            Some("reader"),
            &["VaultService_GetBox", "VaultService_GetCaller", "VaultService_Greet", "VaultService_Guess"],
        ),
        (
            Some("owner"),
            &[
                "VaultService_DeleteBox",
                "VaultService_GetBox",
                "VaultService_GetCaller",
                "VaultService_Greet",
                "VaultService_Guess",
            ],
        ),
    ];
    for (token, expected) in cases {
        let client = client(gateway(|_| {}), "", token).await;
        let tools = client.list_all_tools().await.unwrap();
        assert_eq!(names(&tools), expected, "{token:?}");
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn tools_say_what_they_take_and_do() {
    let client = client(gateway(|_| {}), "", Some("owner")).await;
    let info = client.peer_info().unwrap();
    assert_eq!(info.server_info.as_ref().unwrap().name, "Tessera");
    let tools = client.list_all_tools().await.unwrap();
    let find = |name: &str| tools.iter().find(|tool| tool.name == name).unwrap();
    let greet = find("VaultService_Greet");
    assert_eq!(greet.description.as_deref(), Some("Says hello to everybody."));
    let name = &greet.input_schema["properties"]["name"];
    assert_eq!((&name["minLength"], &name["maxLength"]), (&json!(1), &json!(20)));
    assert_eq!(name["description"], "Who is greeted.");
    assert_eq!(greet.input_schema["required"], json!(["name"]));
    assert_eq!(greet.input_schema["additionalProperties"], false);
    assert_eq!(greet.output_schema.as_ref().unwrap()["properties"]["count"]["type"], "string");
    let hints = |name: &str| {
        let hints = find(name).annotations.clone().unwrap();
        (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint)
    };
    assert_eq!(hints("VaultService_GetBox"), (Some(true), Some(false), Some(true)));
    assert_eq!(hints("VaultService_DeleteBox"), (Some(false), Some(true), Some(false)));
    assert_eq!(hints("VaultService_Greet"), (Some(false), Some(false), Some(true)), "it takes a request id");
}

#[tokio::test]
async fn calls_go_to_the_service_as_the_caller() {
    let client = client(gateway(|_| {}), "", Some("reader")).await;
    let call = |name: &'static str, value: Value| {
        client.call_tool(CallToolRequestParams::new(name).with_arguments(arguments(value)))
    };
    let done = call("VaultService_GetBox", json!({"id": "b1"})).await.unwrap();
    assert_eq!(done.is_error, Some(false));
    let answer = done.structured_content.unwrap();
    let text = answer["text"].as_str().unwrap();
    assert!(text.starts_with("b1 by Bearer reader, id ") && text.ends_with("deadline true"), "{text}");
    assert!(!text.contains("id ,"), "a request has an id: {text}");
    assert_eq!(answer["count"], "9007199254740993");
    let shown = serde_json::to_value(&done.content[0]).unwrap();
    assert_eq!(serde_json::from_str::<Value>(shown["text"].as_str().unwrap()).unwrap(), answer);

    let refused = [
        ("VaultService_GetBox", json!({"id": "none"}), "NOT_FOUND", "there is no such box"),
        ("VaultService_GetBox", json!({"nope": 1}), "INVALID_ARGUMENT", "nope"),
        ("VaultService_Greet", json!({"name": 7}), "INVALID_ARGUMENT", "name"),
        // A tool that is not listed may be called all the same: the service decides.
        ("VaultService_DeleteBox", json!({"id": "b1"}), "PERMISSION_DENIED", "vault.boxes.delete"),
    ];
    for (name, value, code, words) in refused {
        let done = call(name, value).await.unwrap();
        assert_eq!(done.is_error, Some(true), "{name}");
        let shown = serde_json::to_value(&done.content[0]).unwrap();
        let error: Value = serde_json::from_str(shown["text"].as_str().unwrap()).unwrap();
        assert_eq!(error["error"]["code"], code, "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(words), "{error}");
    }
    for unknown in ["VaultService_Hidden", "VaultService_WatchBoxes", "nope"] {
        let error = call(unknown, json!({})).await.unwrap_err().to_string();
        assert!(error.contains("there is no tool"), "{error}");
    }
}

#[tokio::test]
async fn tools_have_the_limits_of_their_methods() {
    // A model guesses no more often than any other caller of the same address.
    let limited = gateway(|options| options.limits = Some(LimitOptions::default()));
    let client = client(limited, "", None).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        let guess = arguments(json!({"id": "b1"}));
        let call = CallToolRequestParams::new("VaultService_Guess").with_arguments(guess);
        let done = client.call_tool(call).await.unwrap();
        let shown = serde_json::to_value(&done.content[0]).unwrap();
        let answer: Value = serde_json::from_str(shown["text"].as_str().unwrap()).unwrap();
        codes.push(answer["error"]["code"].as_str().unwrap_or("OK").to_owned());
    }
    assert_eq!(codes, ["OK", "OK", "OK", "RESOURCE_EXHAUSTED"]);
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn a_list_can_be_narrowed_but_not_widened() {
    let narrow = |services: Vec<String>| {
        gateway(|options| {
            let mcp = options.mcp.as_mut().unwrap();
            *mcp = McpOptions { services, ..mcp.clone() };
        })
    };
    let cases = [
        (vec![], "?services=VaultService", 2),
        (vec![], "?services=test.vault", 2),
        (vec![], "?services=OtherService", 0),
        (vec!["test.vault.v1".to_owned()], "", 2),
        (vec!["other".to_owned()], "", 0),
        (vec!["other".to_owned()], "?services=VaultService", 0),
    ];
    for (services, query, expected) in cases {
        let client = client(narrow(services.clone()), query, None).await;
        assert_eq!(client.list_all_tools().await.unwrap().len(), expected, "{services:?} {query}");
        let called = client.call_tool(
            CallToolRequestParams::new("VaultService_Greet").with_arguments(arguments(json!({"name": "A"}))),
        );
        assert_eq!(called.await.is_ok(), expected > 0, "{services:?} {query}");
    }
}

#[tokio::test]
async fn permissions_are_kept_for_a_while() {
    let gateway = gateway(|_| {});
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    for _ in 0..5 {
        let (status, body) = post(&gateway, list, &[("authorization", COUNTED)]).await;
        assert_eq!((status, body["result"]["tools"].as_array().map(Vec::len)), (200, Some(5)), "{body}");
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 1, "five lists ask once");
    let (_, body) = post(&gateway, list, &[("authorization", "Bearer wrong")]).await;
    assert_eq!(body["error"]["message"], "the token is not valid");
    let bad = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#;
    let (_, body) = post(&gateway, bad, &[]).await;
    assert!(body["error"]["message"].as_str().unwrap().starts_with("cursor"), "{body}");
}

async fn post(gateway: &Gateway, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut all = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("host", "gateway.example.com"),
    ];
    all.extend_from_slice(headers);
    let (status, _, body) = send(gateway, "POST", "/mcp", &all, body).await;
    (status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn pages_of_other_origins_and_bad_requests_are_refused() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let with = |origins: Origins| gateway(|options| options.origins = origins);
    let list = || Origins::List(vec!["https://app.example.com".to_owned()]);
    for (gateway, origin, expected) in [
        (with(Origins::None), "http://evil.example", 403),
        (with(Origins::None), "http://localhost:3000", 403),
        (with(Origins::Any), "http://localhost:3000", 200),
        // Any page may call the API with a token that it has; the tools of a machine are its own.
        (with(Origins::Any), "http://evil.example", 403),
        (with(list()), "https://app.example.com", 200),
        (with(list()), "https://app.example.com:8443", 403),
        (with(list()), "http://app.example.com", 403),
    ] {
        let (status, body) = post(&gateway, ping, &[("origin", origin)]).await;
        assert_eq!(status, expected, "{origin}: {body}");
    }
    let gateway = gateway(|options| options.max_request = 1000);
    assert_eq!(post(&gateway, ping, &[("mcp-protocol-version", "1999-01-01")]).await.0, 400);
    assert_eq!(post(&gateway, &format!("{ping}{}", " ".repeat(1000)), &[]).await.0, 413);
    assert!(post(&gateway, "{", &[]).await.0 >= 400);
    let (status, headers, _) =
        send(&gateway, "GET", "/mcp", &[("accept", "text/event-stream"), ("host", "localhost")], "").await;
    assert_eq!((status.as_u16(), crate::text(&headers, "allow")), (405, "POST"));
}
