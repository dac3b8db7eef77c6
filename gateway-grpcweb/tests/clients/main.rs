//! Clients that others wrote: `buf curl`, and Connect's own in a browser.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the services know more messages than these tests")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use gateway_grpcweb::{Backend, Gateway, Options, Origins};
use serde_json::{Value, json};
use support::Library;
use tokio::net::TcpListener;
use tokio::process::Command;
use tonic::service::Routes;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The gateway before the library on a free port, and the file with the library's descriptors.
async fn serve(folder: &Path) -> (String, PathBuf) {
    let set = support::descriptor_set();
    let path = folder.join("library.binpb");
    std::fs::write(&path, &set).unwrap();
    let options = Options { origins: Origins::Any, ..Options::default() };
    let gateway = Gateway::new(&set, Backend::routes(Routes::new(Library)), options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(gateway.serve(listener, std::future::pending()));
    (address, path)
}

async fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buf_curl_speaks_every_protocol() {
    let buf = root().join("tools/node_modules/@bufbuild/buf-linux-x64/bin/buf");
    if !buf.exists() {
        skip::skipped("buf is not installed; `make tools` does that");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (address, set) = serve(folder.path()).await;
    for protocol in ["grpc", "grpcweb", "connect"] {
        let curl = async |method: &str, request: &str| {
            let mut command = Command::new(&buf);
            command.args(["curl", "--protocol", protocol, "--data", request, "--schema"]).arg(&set);
            if protocol == "grpc" {
                command.arg("--http2-prior-knowledge");
            }
            command.arg(format!("{address}/test.library.v1.Library/{method}"));
            run(&mut command).await
        };
        let answer = curl("GetBook", r#"{"id": "ü/1"}"#).await;
        assert!(answer.status.success(), "{protocol}: {}", String::from_utf8_lossy(&answer.stderr));
        let book: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!((&book["id"], &book["copies"]), (&json!("ü/1"), &json!("7")), "{protocol}");

        let answer = curl("GetBook", r#"{"id": "missing"}"#).await;
        let told = String::from_utf8_lossy(&answer.stderr).into_owned();
        assert!(!answer.status.success(), "{protocol}");
        for part in ["not_found", "no such böok", "google.rpc.ErrorInfo", "google.rpc.BadRequest"] {
            assert!(told.contains(part), "{protocol}: no {part}: {told}");
        }

        let answer = curl("StreamBooks", r#"{"size": 3}"#).await;
        let books = serde_json::Deserializer::from_slice(&answer.stdout).into_iter::<Value>();
        let ids: Vec<_> = books.map(|book| book.unwrap()["id"].clone()).collect();
        assert_eq!(ids, ["0", "1", "2"], "{protocol}: {}", String::from_utf8_lossy(&answer.stderr));

        let answer = curl("StreamBooks", r#"{"size": 1, "filter": "fail"}"#).await;
        let told = String::from_utf8_lossy(&answer.stderr).into_owned();
        assert!(!answer.status.success() && told.contains("torn"), "{protocol}: {told}");
        assert!(String::from_utf8_lossy(&answer.stdout).contains("Book 0"), "{protocol}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_web_works_in_a_browser() {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if !root().join("clients/typescript/node_modules/playwright-core").exists()
        || !Path::new(&chromium).exists()
    {
        skip::skipped("the TypeScript client's packages or Chromium are not installed; `make clients-test`");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (address, set) = serve(folder.path()).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/browser.mjs");
    let ran = run(Command::new("node").arg(script).arg(&address).arg(&set).arg(&chromium)).await;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let results: Value = serde_json::from_slice(&ran.stdout).unwrap();
    for name in ["grpc-web", "connect", "connect in protobuf", "connect by get"] {
        let of = &results[name];
        assert_eq!(of["unary"], json!({"messages": ["ü/1"]}), "{name}");
        let missing = &of["missing"];
        assert_eq!(
            (&missing["code"], &missing["message"]),
            (&json!("NotFound"), &json!("no such böok")),
            "{name}"
        );
        let details: Vec<_> = missing["details"].as_array().unwrap().iter().collect();
        assert!(details.contains(&&json!("google.rpc.ErrorInfo")), "{name}: {missing}");
        assert!(details.contains(&&json!("google.rpc.BadRequest")), "{name}: {missing}");
        assert_eq!(of["stream"], json!({"messages": ["0", "1", "2"]}), "{name}");
        let torn = json!({"messages": ["0", "1"], "code": "Aborted", "message": "torn", "details": []});
        assert_eq!(of["torn"], torn, "{name}");
        let failed = json!({"messages": [], "code": "Aborted", "message": "torn", "details": []});
        assert_eq!(of["failed"], failed, "{name}");
        // The browser asked first, and heard that this header may not be sent.
        assert_eq!(of["forbidden"]["messages"], json!([]), "{name}");
        assert_eq!(of["forbidden"]["code"], "Unknown", "{name}: {}", of["forbidden"]);
    }
}
