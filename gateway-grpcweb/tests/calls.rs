//! Deadlines, cancellation and the names of requests, before real tonic servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod support;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gateway_grpcweb::{Backend, Gateway, Options};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use support::{Book, Id, Library, text};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt;

const LONG: Duration = Duration::from_secs(20);

/// What a service that never answers tells the test.
#[derive(Debug)]
enum Seen {
    Called(HeaderMap),
    Dropped,
}

/// Takes every call and answers none, or sends headers and then nothing.
#[derive(Clone)]
struct Silent {
    seen: mpsc::UnboundedSender<Seen>,
}

struct TellsDrop(mpsc::UnboundedSender<Seen>);

impl Drop for TellsDrop {
    fn drop(&mut self) {
        let _ = self.0.send(Seen::Dropped);
    }
}

/// A body that never ends.
struct Endless(#[expect(dead_code, reason = "held for its drop")] TellsDrop);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, tonic::Status>>> {
        Poll::Pending
    }
}

impl NamedService for Silent {
    const NAME: &'static str = "test.library.v1.Library";
}

impl tower::Service<Request<Body>> for Silent {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let guard = TellsDrop(self.seen.clone());
        self.seen.send(Seen::Called(request.headers().clone())).unwrap();
        Box::pin(async move {
            if request.uri().path().ends_with("StreamBooks") {
                let response = Response::builder().header("content-type", "application/grpc");
                return Ok(response.body(Body::new(Endless(guard))).unwrap());
            }
            std::future::pending::<()>().await;
            drop(guard);
            unreachable!("the future above never ends")
        })
    }
}

/// A gateway on a port, before a silent service on another one.
async fn before_silence(options: Options) -> (String, mpsc::UnboundedReceiver<Seen>) {
    let (seen, told) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = format!("http://{}", listener.local_addr().unwrap());
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = tonic::transport::Server::builder().add_service(Silent { seen });
    tokio::spawn(server.serve_with_incoming(incoming));
    let backend = Backend::address(&backend).unwrap();
    let gateway = Gateway::new(&support::descriptor_set(), backend, options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(gateway.serve(listener, std::future::pending()));
    (address, told)
}

async fn next(told: &mut mpsc::UnboundedReceiver<Seen>) -> Seen {
    timeout(LONG, told.recv()).await.expect("the service hears of it").unwrap()
}

fn codec() -> tonic_prost::ProstCodec<Id, Book> {
    tonic_prost::ProstCodec::default()
}

fn path(method: &str) -> http::uri::PathAndQuery {
    format!("/test.library.v1.Library/{method}").parse().unwrap()
}

async fn grpc(address: &str) -> tonic::client::Grpc<Channel> {
    let channel = Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    client
}

fn framed(message: &impl Message) -> Bytes {
    let encoded = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&(encoded.len() as u32).to_be_bytes());
    frame.extend_from_slice(&encoded);
    frame.into()
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_call() {
    // Whatever the protocol: when the caller's request is dropped, the service's is.
    let (address, mut told) = before_silence(Options::default()).await;
    let frame = framed(&Id { id: "1".into(), ..Id::default() });
    let rest = Request::get(format!("{address}/v1/books/1")).body(Full::default()).unwrap();
    let rest_stream = Request::get(format!("{address}/v1/books:stream")).body(Full::default()).unwrap();
    let web = Request::post(format!("{address}/test.library.v1.Library/GetBook"))
        .header("content-type", "application/grpc-web+proto");
    let web_stream = Request::post(format!("{address}/test.library.v1.Library/StreamBooks"))
        .header("content-type", "application/grpc-web+proto");
    let requests = [
        rest,
        rest_stream,
        web.body(Full::new(frame.clone())).unwrap(),
        web_stream.body(Full::new(frame)).unwrap(),
    ];
    for http2 in [false, true] {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http::<Full<Bytes>>();
        for request in requests.clone() {
            let what = format!("{} {}", request.uri().path(), if http2 { "HTTP/2" } else { "HTTP/1.1" });
            let client = client.clone();
            let call = tokio::spawn(async move { client.request(request).await.unwrap().collect().await });
            assert!(matches!(next(&mut told).await, Seen::Called(_)), "{what}");
            call.abort();
            assert!(matches!(next(&mut told).await, Seen::Dropped), "{what}");
        }
    }
    for method in ["GetBook", "StreamBooks"] {
        let mut client = grpc(&address).await;
        let call = tokio::spawn(async move {
            let request = tonic::Request::new(Id::default());
            let mut stream = client.server_streaming(request, path(method), codec()).await?.into_inner();
            stream.message().await
        });
        assert!(matches!(next(&mut told).await, Seen::Called(_)), "{method}");
        call.abort();
        assert!(matches!(next(&mut told).await, Seen::Dropped), "{method}");
    }
}

#[tokio::test]
async fn deadlines_are_kept_for_silent_services() {
    // The gateway answers at the deadline in the caller's protocol, and the service's call ends.
    let options = Options { timeout: Duration::from_millis(400), ..Options::default() };
    let (address, mut told) = before_silence(options).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    for (header, value, passed) in [
        ("x-unrelated", "1", "380m"),
        ("grpc-timeout", "100m", "95m"),
        ("x-request-timeout", "0.1", "95m"),
        ("x-request-timeout", "200ms", "190m"),
    ] {
        let request = Request::get(format!("{address}/v1/books/1")).header(header, value);
        let response = client.request(request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 504, "{header}: {value}");
        let Seen::Called(headers) = next(&mut told).await else { panic!("the call comes first") };
        assert_eq!(text(&headers, "grpc-timeout"), passed);
        assert!(!headers.contains_key("x-request-timeout"));
        assert!(matches!(next(&mut told).await, Seen::Dropped));
    }
    for (method, asked) in [("GetBook", None), ("GetBook", Some(100)), ("StreamBooks", Some(100))] {
        let mut client = grpc(&address).await;
        let mut request = tonic::Request::new(Id::default());
        if let Some(millis) = asked {
            // Not by `set_timeout`, which makes the client itself give up.
            request.metadata_mut().insert("x-request-timeout", format!("{millis}ms").parse().unwrap());
        }
        let answer = client.server_streaming(request, path(method), codec()).await;
        let status = match answer {
            Ok(answer) => answer.into_inner().message().await.unwrap_err(),
            Err(status) => status,
        };
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded, "{method} {status}");
        assert!(matches!(next(&mut told).await, Seen::Called(_)));
        assert!(matches!(next(&mut told).await, Seen::Dropped));
    }
    let web = Request::post(format!("{address}/test.library.v1.Library/StreamBooks"));
    let web = web.header("content-type", "application/grpc-web+proto").header("grpc-timeout", "100m");
    let response = client.request(web.body(Full::new(framed(&Id::default()))).unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("grpc-status: 4"), "{body:?}");
}

async fn answer(gateway: &Gateway, request: http::request::Builder) -> (http::StatusCode, HeaderMap, Bytes) {
    let request = request.body(Body::empty()).unwrap();
    let (head, body) = gateway.clone().into_service().oneshot(request).await.unwrap().into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn malformed_deadlines_are_refused_by_name() {
    let backend = Backend::routes(Routes::new(Library));
    let options = Options { max_timeout: Duration::from_secs(60), ..Options::default() };
    let gateway = Gateway::new(&support::descriptor_set(), backend, options).unwrap();
    let get = || Request::get("/v1/books/1");
    let (status, _, body) = answer(&gateway, get().header("x-request-timeout", "soon")).await;
    assert_eq!(status, 400);
    assert!(String::from_utf8_lossy(&body).contains("x-request-timeout"), "{body:?}");
    let (_, headers, _) = answer(&gateway, get().header("x-request-timeout", "86400")).await;
    assert_eq!(text(&headers, "x-seen-timeout"), "59950m", "capped, less the margin");
    let grpc = Request::post("/test.library.v1.Library/GetBook").header("content-type", "application/grpc");
    let (_, headers, _) = answer(&gateway, grpc.header("grpc-timeout", "1")).await;
    assert_eq!(text(&headers, "grpc-status"), "3");
}

#[tokio::test]
async fn requests_are_named_once() {
    let gateway =
        Gateway::new(&support::descriptor_set(), Backend::routes(Routes::new(Library)), Options::default())
            .unwrap();
    let request = Request::get("/v1/books/1").header("x-correlation-id", "order-7");
    let (_, headers, _) = answer(&gateway, request).await;
    for name in ["x-request-id", "x-correlation-id", "x-seen-request-id"] {
        assert_eq!(text(&headers, name), "order-7", "{name}");
    }
}

fn unpacked(coding: &str, body: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut plain = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap(),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut plain).unwrap(),
        "zstd" => zstd::stream::read::Decoder::new(body).unwrap().read_to_end(&mut plain).unwrap(),
        other => panic!("{other:?} is no coding that was asked for"),
    };
    plain
}

fn varies(headers: &HeaderMap) -> bool {
    headers.get_all("vary").iter().any(|value| value == "accept-encoding")
}

#[tokio::test]
async fn answers_are_packed_for_those_who_accept_it() {
    // Long answers and streams of REST, never small ones, and never frames of gRPC.
    let backend = Backend::routes(Routes::new(Library));
    let gateway = Gateway::new(&support::descriptor_set(), backend, Options::default()).unwrap();
    for path in ["/v1/books/big", "/v1/books:stream?size=40"] {
        let (_, headers, plain) = answer(&gateway, Request::get(path)).await;
        assert!(!headers.contains_key("content-encoding"));
        for coding in ["gzip", "br", "zstd"] {
            let (_, headers, body) =
                answer(&gateway, Request::get(path).header("accept-encoding", coding)).await;
            assert_eq!(text(&headers, "content-encoding"), coding, "{path}");
            assert!(varies(&headers));
            assert!(body.len() < plain.len() / 2, "{path} {coding}: {} of {}", body.len(), plain.len());
            assert_eq!(unpacked(coding, &body), plain, "{path} {coding}");
        }
    }
    let (_, headers, _) =
        answer(&gateway, Request::get("/v1/books/1").header("accept-encoding", "gzip")).await;
    assert_eq!((text(&headers, "content-encoding"), varies(&headers)), (String::new(), true));
    let frame = framed(&Id { id: "big".into(), ..Id::default() });
    let web =
        Request::post("/test.library.v1.Library/GetBook").header("content-type", "application/grpc-web");
    let web = web.header("accept-encoding", "gzip").body(Body::new(Full::new(frame))).unwrap();
    let response = gateway.clone().into_service().oneshot(web).await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn bodies_may_come_packed() {
    let backend = Backend::routes(Routes::new(Library));
    let options = Options { max_request: 10_000, ..Options::default() };
    let gateway = Gateway::new(&support::descriptor_set(), backend, options).unwrap();
    let post = async |coding: &str, body: Vec<u8>| {
        let request = Request::post("/v1/books").header("content-type", "application/json");
        let request =
            request.header("content-encoding", coding).body(Body::new(Full::new(Bytes::from(body))));
        let (head, body) =
            gateway.clone().into_service().oneshot(request.unwrap()).await.unwrap().into_parts();
        (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
    };
    let packed = |plain: &str| zstd::stream::encode_all(plain.as_bytes(), 3).unwrap();
    let (status, _, body) = post("zstd", packed(r#"{"title": "Packed"}"#)).await;
    assert_eq!(status, 200, "{body:?}");
    assert!(String::from_utf8_lossy(&body).contains("Packed"));
    let bomb = packed(&format!(r#"{{"title": "{}"}}"#, "x".repeat(10_000_000)));
    assert_eq!((post("zstd", bomb.clone()).await.0, bomb.len() < 10_000), (413, true));
    assert_eq!(post("gzip", bomb).await.0, 400);
    let (status, headers, _) = post("deflate", b"{}".to_vec()).await;
    assert_eq!((status, text(&headers, "accept-encoding")), (415, "gzip, zstd, br".to_owned()));
}
