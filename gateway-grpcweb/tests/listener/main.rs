//! The listener against real sockets: TLS, limits, attacks, the stop.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod attacks;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use gateway_grpcweb::{Backend, Gateway, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::service::Routes;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

fn gateway(options: Options) -> Gateway {
    Gateway::new(&support::descriptor_set(), Backend::routes(Routes::new(support::Library)), options).unwrap()
}

/// Serves on a free port until the sender is dropped.
async fn serve(options: Options) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(gateway(options).serve(listener, async { drop(stopped.await) }));
    (address, stop)
}

/// All that the server still sends.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut out = Vec::new();
    // A reset ends the connection as well as a farewell does.
    let _ = timeout(LONG, stream.read_to_end(&mut out)).await.expect("the server ends the connection");
    out
}

/// One request of HTTP/1.1 on a connection of its own; its status line.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_stop_is_told_before_it_comes() {
    // First not ready, while requests are still taken; then no new connections; open requests end.
    let options = Options { drain_wait: Duration::from_secs(2), ..Options::default() };
    let (address, stop) = serve(options).await;
    assert_eq!(get(address, "/readyz").await, "HTTP/1.1 200 OK");
    drop(stop);
    while get(address, "/readyz").await == "HTTP/1.1 200 OK" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(get(address, "/readyz").await, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(get(address, "/v1/books/1").await, "HTTP/1.1 200 OK", "requests go on during the wait");
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET /v1/books/1 HTTP/1.1\r\nhost: test\r\nx-delay: 2500\r\n\r\n").await.unwrap();
    let answer = rest(&mut open).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));
    assert!(TcpStream::connect(address).await.is_err(), "no new connections");
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let (address, _stop) = serve(Options { max_connections_per_address: 3, ..Options::default() }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        held.push(stream);
    }
    assert_eq!(get(address, "/health").await, "", "the fourth is closed");
    held.clear();
    while get(address, "/health").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn connections_without_requests_are_closed() {
    let options = Options { idle: Duration::from_millis(200), ..Options::default() };
    let (address, _stop) = serve(options).await;
    // One that never says which protocol it speaks, one after a request, one of HTTP/2.
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert!(rest(&mut silent).await.is_empty());
    let mut used = TcpStream::connect(address).await.unwrap();
    used.write_all(b"GET /v1/books/1 HTTP/1.1\r\nhost: test\r\nx-delay: 600\r\n\r\n").await.unwrap();
    let answer = rest(&mut used).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "a request under way keeps its connection open");
    let mut http2 = TcpStream::connect(address).await.unwrap();
    http2.write_all(attacks::PREFACE).await.unwrap();
    assert!(!rest(&mut http2).await.is_empty(), "it says settings and farewell");
}
