//! What strangers try. Each is refused, takes bounded memory, and leaves the gateway serving.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use gateway_grpcweb::Options;
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tonic::body::Body;
use tower::ServiceExt;

use super::support::text;
use super::{gateway, get, rest, serve};

/// The beginning of a connection of HTTP/2: the preface and empty settings.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Held by those who measure the memory of this process, or take much of it.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Bytes of memory that this process has.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The headers of `GET /` out of HPACK's static table.
const GET_ROOT: &[u8] = &[0x82, 0x86, 0x84, 0x41, 4, b't', b'e', b's', b't'];

/// Whether the frames end with a GOAWAY of this reason.
fn says_goodbye(mut bytes: &[u8], reason: u32) -> bool {
    while let Some((head, tail)) = bytes.split_first_chunk::<9>() {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        if head[3] == 7 && tail.get(4..8) == Some(&reason.to_be_bytes()) {
            return true;
        }
        bytes = tail.get(length..).unwrap_or_default();
    }
    false
}

async fn still_serves(address: SocketAddr) {
    assert_eq!(get(address, "/v1/books/1").await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn slow_headers_are_cut_off() {
    // Slow-loris: a thousand callers who send a header now and then, and never the last one.
    let _alone = ALONE.lock().await;
    let options = Options { header_time: Duration::from_millis(1500), ..Options::default() };
    let (address, _stop) = serve(options).await;
    still_serves(address).await;
    let before = memory();
    let mut slow = Vec::new();
    for _ in 0..1000 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n").await.unwrap();
        slow.push(stream);
    }
    for stream in &mut slow {
        let _ = stream.write_all(b"x-more: 1\r\n").await;
    }
    still_serves(address).await;
    let grown = memory().saturating_sub(before);
    assert!(grown < 64 << 20, "a thousand slow callers took {grown} bytes");
    for mut stream in slow {
        rest(&mut stream).await;
    }
    still_serves(address).await;
}

#[tokio::test]
async fn header_bombs_are_refused() {
    let (address, _stop) = serve(Options::default()).await;
    let bombs = [
        format!("x-bomb: {}\r\n", "x".repeat(1 << 20)),
        "x-bomb: y\r\n".repeat(200),
        format!("cookie: {}\r\n", "a=b; ".repeat(100_000)),
    ];
    for bomb in bombs {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /v1/books/1 HTTP/1.1\r\nhost: test\r\n{bomb}\r\n");
        // The server may hang up before it has everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let answer = rest(&mut stream).await;
        let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 431");
        assert!(refused, "{}", String::from_utf8_lossy(&answer));
    }
    // HTTP/2: one header field of the dynamic table, sixteen bytes on the wire each and 4 KiB in
    // memory, a thousand times.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut block = GET_ROOT.to_vec();
    block.extend_from_slice(&[0x40, 1, b'x', 0x7F, 0x81, 0x1E]);
    block.extend_from_slice(&[b'y'; 127 + 0xF01]);
    block.extend_from_slice(&[0xBE; 8_000]);
    let mut bytes = PREFACE.to_vec();
    bytes.extend_from_slice(&frame(1, 0x5, 1, &block));
    stream.write_all(&bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = rest(&mut stream).await;
    let found = |needle: &[u8]| answer.windows(needle.len()).any(|window| window == needle);
    assert!(!found(b"Book 1"), "it is not served");
    still_serves(address).await;
}

#[tokio::test]
async fn headers_beyond_their_limit_are_told_so() {
    // Up to 32 KiB in all is served; more gets 431 in the shape of all errors, far more gets it unread.
    let (address, _stop) = serve(Options::default()).await;
    let asked = async |count: usize, length: usize| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let headers: String =
            (0..count).map(|index| format!("x-{index}: {}\r\n", "v".repeat(length))).collect();
        let request = format!("GET /v1/books/1 HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n");
        let _ = stream.write_all(request.as_bytes()).await;
        String::from_utf8_lossy(&rest(&mut stream).await).into_owned()
    };
    assert!(asked(1, 31 * 1024).await.starts_with("HTTP/1.1 200"));
    for (count, length) in [(1, 33 * 1024), (50, 700)] {
        let answer = asked(count, length).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        assert!(answer.contains("\"HEADERS_TOO_LARGE\""), "{answer}");
    }
    assert!(asked(101, 1).await.starts_with("HTTP/1.1 431"), "more than a hundred");
    let answer = asked(1, 300 * 1024).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    // Streams opened and reset in one breath cost the server more than the caller (CVE-2023-44487).
    let _alone = ALONE.lock().await;
    let (address, _stop) = serve(Options::default()).await;
    still_serves(address).await;
    let before = memory();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut bytes = PREFACE.to_vec();
    for index in 0..20_000_u32 {
        bytes.extend_from_slice(&frame(1, 0x5, index * 2 + 1, GET_ROOT));
        bytes.extend_from_slice(&frame(3, 0, index * 2 + 1, &[0, 0, 0, 8]));
    }
    let (mut reader, mut writer) = stream.split();
    let (answer, _) = tokio::join!(
        async {
            let mut answer = Vec::new();
            let _ = reader.read_to_end(&mut answer).await;
            answer
        },
        writer.write_all(&bytes)
    );
    const ENHANCE_YOUR_CALM: u32 = 11;
    assert!(says_goodbye(&answer, ENHANCE_YOUR_CALM), "{answer:?}");
    let grown = memory().saturating_sub(before);
    assert!(grown < 32 << 20, "they took {grown} bytes");
    still_serves(address).await;
}

async fn post(options: Options, path: &str, body: Vec<u8>) -> (u16, String) {
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.body(Body::new(Full::new(Bytes::from(body)))).unwrap();
    let (head, body) = gateway(options).into_service().oneshot(request).await.unwrap().into_parts();
    assert_eq!(text(&head.headers, "content-type"), "application/json");
    (head.status.as_u16(), String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned())
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    // Values nested beyond a hundred deep end with an error, however deep they go: no stack is
    // exhausted, neither in structs nor in lists nor in unclosed beginnings.
    let _alone = ALONE.lock().await;
    for depth in [101, 10_000, 1_000_000] {
        let lists = format!(r#"{{"extra": {{"a": {}{}}}}}"#, "[".repeat(depth), "]".repeat(depth));
        let structs = format!(r#"{{"extra": {}1{}}}"#, r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let unclosed = format!(r#"{{"extra": {{"a": {}"#, "[".repeat(depth));
        for body in [lists, structs, unclosed] {
            let options = Options { max_request: 16 << 20, ..Options::default() };
            let (status, answer) = post(options, "/v1/books", body.into_bytes()).await;
            assert_eq!(status, 400, "{depth}: {answer:.300}");
        }
    }
}

#[tokio::test]
async fn tiny_messages_stay_in_proportion() {
    // 4 MiB of `{},`: over a million messages, which a tree of objects would make gigabytes of.
    let _alone = ALONE.lock().await;
    let mut body = br#"{"authors": ["#.to_vec();
    while body.len() < (4 << 20) - 8 {
        body.extend_from_slice(b"{},");
    }
    body.extend_from_slice(b"{}]}");
    let before = memory();
    let (status, answer) = post(Options::default(), "/v1/books", body).await;
    let grown = memory().saturating_sub(before);
    assert_eq!(status, 200, "{answer:.300}");
    assert!(grown < 512 << 20, "it took {grown} bytes");
}
