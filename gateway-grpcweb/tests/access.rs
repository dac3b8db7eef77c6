//! The line that each request leaves in the log.
//!
//! Alone in its process: a place in the code that another thread makes known just while a log is
//! set up for one test stays silent for good.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "edge/services.rs"]
#[expect(dead_code, reason = "the services know more than this one test asks for")]
mod services;

use std::sync::{Arc, Mutex};

use gateway_grpcweb::Options;
use serde_json::{Value, json};
use services::{TENANT, World, get, known};

/// What is logged goes here.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_request_has_its_line() {
    // Whose it was, what became of it and where its answer came from, and nothing else of people.
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let world = World::new();
    let gateway = world.gateway(Options { auth: known(), ..Options::default() });
    let token = format!("Bearer {}", world.token("user-1", json!({})));
    for _ in 0..2 {
        assert_eq!(get(&gateway, "/v1/kept?text=private", &[("authorization", &token)]).await.0, 200);
    }
    assert_eq!(get(&gateway, "/v1/kept?text=private", &[]).await.0, 401);
    assert_eq!(get(&gateway, "/v1/nowhere", &[]).await.0, 404);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<_> = lines.filter(|line| line["target"] == "access").collect();
    let told = |line: &Value| {
        let names = ["rpc", "status", "user_id", "tenant_id", "cache"];
        names.map(|name| line[name].as_str().map_or_else(|| line[name].to_string(), str::to_owned))
    };
    let kept = "test.gated.v1.Gated.Kept";
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(told(&lines[0]), [kept, "200", "user-1", TENANT, "miss"]);
    assert_eq!(told(&lines[1]), [kept, "200", "user-1", TENANT, "hit"]);
    assert_eq!(told(&lines[2]), [kept, "401", "null", "null", "null"]);
    assert_eq!(told(&lines[3]), ["null", "404", "null", "null", "null"]);
    assert!(!text.contains("private") && !text.contains("nowhere") && !text.contains(&token[7..]), "{text}");
}
