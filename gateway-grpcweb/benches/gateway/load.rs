//! Closed loops of clients, which do as little as can be beside sending and reading.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::backend::framed;
use super::processes::Proxy;
use super::sets;

/// HTTP/1.1 clients, each with a connection. So many that a proxy always has something to do: with a quarter of them the
/// gateway's core rests for a sixth of the time, as the load and the gateway wait for each other.
const CLIENTS: usize = 128;
/// gRPC clients share as many connections as a few processes would have.
const H2_CONNECTIONS: usize = 4;

/// One kind of load.
pub struct Load {
    pub name: &'static str,
    what: What,
}

enum What {
    /// These bytes over HTTP/1.1; an answer holds this text.
    Http1(Vec<u8>, &'static [u8]),
    /// This frame as a gRPC call over HTTP/2.
    Grpc(Bytes),
}

/// What some turns measured together.
#[derive(Default)]
pub struct Measured {
    times: Vec<Duration>,
    elapsed: Duration,
    cpu: Duration,
}

impl Measured {
    pub fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of the proxy's core for a request.
    pub fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.times.len() as f64
    }

    /// Microseconds that so many in a thousand did not exceed.
    pub fn at(&mut self, permille: usize) -> f64 {
        self.times.sort_unstable();
        self.times[(self.times.len() - 1) * permille / 1_000].as_secs_f64() * 1e6
    }
}

impl Load {
    /// All kinds.
    pub fn all(set: &[u8]) -> [Self; 4] {
        let json = sets::book_json();
        let post = http1("POST", "/v1/books", "application/json", &json);
        let get = http1("GET", "/v1/books/0190a5f4-7c1e-7d55-9a55-3c1f3b8e2d11", "", &[]);
        // The field `id` of the request.
        let call = framed(b"\x0a\x240190a5f4-7c1e-7d55-9a55-3c1f3b8e2d11");
        let web = http1("POST", "/erp.library.v1.Library/GetBook", "application/grpc-web+proto", &call);
        let book = framed(&sets::book(set));
        [
            Self { name: "REST GET", what: What::Http1(get, b"\"birthYear\":1909") },
            Self { name: "REST POST", what: What::Http1(post, b"\"birthYear\":1909") },
            Self { name: "gRPC-Web", what: What::Http1(web, b"grpc-status:") },
            Self { name: "gRPC", what: What::Grpc(book) },
        ]
    }

    /// GET of a book, by a client that takes its time.
    pub fn route_of_books() -> Self {
        Self { name: "", what: What::Http1(http1("GET", "/v1/books/1", "", &[]), b"\"birthYear\":1909") }
    }

    /// Runs for a while as a client with a few connections, who rests between calls.
    pub async fn pace(&self, proxy: &Proxy, duration: Duration) -> Measured {
        const CONNECTIONS: usize = 4;
        const REST: Duration = Duration::from_millis(2);
        let What::Http1(request, _) = &self.what else { panic!("{} is not paced", self.name) };
        let begun = Instant::now();
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut client = Http1::connect(proxy.port).await;
            let request = request.clone();
            clients.push(tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < duration {
                    let asked = Instant::now();
                    client.call(&request).await;
                    times.push(asked.elapsed());
                    tokio::time::sleep(REST).await;
                }
                times
            }));
        }
        let mut times = Vec::new();
        for client in clients {
            times.extend(client.await.unwrap_or_else(|error| panic!("{error}")));
        }
        Measured { times, elapsed: begun.elapsed(), ..Measured::default() }
    }

    /// GET on one of many routes.
    pub fn route(index: usize) -> Self {
        let path = format!("/v2/kinds/0190a5f4-7c1e-7d55-9a55-3c1f3b8e2d11/parts{index}");
        Self { name: "", what: What::Http1(http1("GET", &path, "", &[]), b"\"birthYear\":1909") }
    }

    /// Runs for a while; a call that fails ends the run.
    pub async fn run(&self, proxy: &Proxy, duration: Duration) -> Measured {
        let (cpu, begun) = (proxy.cpu(), Instant::now());
        let until = begun + duration;
        let mut clients = Vec::new();
        match &self.what {
            What::Http1(request, expected) => {
                for _ in 0..CLIENTS {
                    let client = Http1::connect(proxy.port).await;
                    clients.push(tokio::spawn(client.repeat(request.clone(), expected, until)));
                }
            }
            What::Grpc(frame) => {
                for _ in 0..H2_CONNECTIONS {
                    let sender = connect_h2(proxy.port).await;
                    for _ in 0..CLIENTS / H2_CONNECTIONS {
                        clients.push(tokio::spawn(repeat_h2(sender.clone(), frame.clone(), until)));
                    }
                }
            }
        }
        let mut times = Vec::new();
        for client in clients {
            times.extend(client.await.unwrap_or_else(|error| panic!("{}: {error}", self.name)));
        }
        let cpu = Duration::from_nanos(proxy.cpu() - cpu);
        Measured { times, elapsed: begun.elapsed(), cpu }
    }
}

/// The bytes of a request.
fn http1(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: api.example.com\r\nuser-agent: bench\r\naccept: */*\r\n");
    if !body.is_empty() {
        head.push_str(&format!("content-type: {content_type}\r\ncontent-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

struct Http1 {
    stream: TcpStream,
    read: Vec<u8>,
    end: Option<End>,
}

/// How the answers of a connection end, which are all alike: read off the first of them.
#[derive(Clone, Copy)]
enum End {
    /// After so many bytes.
    Length(usize),
    /// With an empty chunk.
    Chunk,
}

impl Http1 {
    async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap_or_else(|error| panic!("{error}"));
        stream.set_nodelay(true).unwrap_or_else(|error| panic!("{error}"));
        Self { stream, read: Vec::with_capacity(16 * 1024), end: None }
    }

    async fn repeat(mut self, request: Vec<u8>, expected: &'static [u8], until: Instant) -> Vec<Duration> {
        let mut times = Vec::with_capacity(100_000);
        self.call(&request).await;
        let found = self.read.windows(expected.len()).any(|part| part == expected);
        assert!(found, "{}", String::from_utf8_lossy(&self.read));
        loop {
            let begun = Instant::now();
            if begun >= until {
                return times;
            }
            self.call(&request).await;
            times.push(begun.elapsed());
        }
    }

    async fn call(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap_or_else(|error| panic!("{error}"));
        self.read.clear();
        while !self.is_whole() {
            let more = self.stream.read_buf(&mut self.read).await.unwrap_or_else(|error| panic!("{error}"));
            assert!(more > 0, "cut off: {}", String::from_utf8_lossy(&self.read));
        }
        assert!(self.read.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&self.read));
    }

    /// Whether the answer has come to its end.
    fn is_whole(&mut self) -> bool {
        self.end = self.end.or_else(|| End::of(&self.read));
        match self.end {
            Some(End::Length(length)) => self.read.len() >= length,
            Some(End::Chunk) => self.read.ends_with(b"\r\n0\r\n\r\n"),
            None => false,
        }
    }
}

impl End {
    /// As the headers tell, once they are there.
    fn of(read: &[u8]) -> Option<Self> {
        let head = read.windows(4).position(|part| part == b"\r\n\r\n")?;
        let lower = read[..head].to_ascii_lowercase();
        let name = b"content-length: ";
        let Some(at) = lower.windows(name.len()).position(|part| part == name) else {
            return Some(Self::Chunk);
        };
        let digits = lower[at + name.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        Some(Self::Length(head + 4 + length))
    }
}

/// Connections that have had one answer each.
pub async fn idle(port: u16, count: usize) -> Vec<TcpStream> {
    let request = http1("GET", "/v1/books/1", "", &[]);
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let mut client = Http1::connect(port).await;
        client.call(&request).await;
        open.push(client.stream);
    }
    open
}

/// A stream that takes one buffer at a time: h2 then writes what many calls have to say at once.
struct Plain(TcpStream);

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

type Sender = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn connect_h2(port: u16) -> Sender {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap_or_else(|error| panic!("{error}"));
    stream.set_nodelay(true).unwrap_or_else(|error| panic!("{error}"));
    let executor = TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, TokioIo::new(Plain(stream)))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    tokio::spawn(connection);
    sender
}

async fn repeat_h2(mut sender: Sender, frame: Bytes, until: Instant) -> Vec<Duration> {
    let mut times = Vec::with_capacity(100_000);
    loop {
        let begun = Instant::now();
        if begun >= until {
            return times;
        }
        let request = Request::post("http://api.example.com/erp.library.v1.Library/CreateBook")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("user-agent", "bench")
            .body(Full::new(frame.clone()))
            .unwrap_or_else(|error| panic!("{error}"));
        let response = sender.send_request(request).await.unwrap_or_else(|error| panic!("{error}"));
        let body = response.into_body().collect().await.unwrap_or_else(|error| panic!("{error}"));
        let status = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
        assert_eq!(status.map(|status| status.as_bytes()), Some(&b"0"[..]));
        times.push(begun.elapsed());
    }
}
