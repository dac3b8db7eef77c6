//! Calls to services of another process, over the gateway's own connections.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use gateway_grpcweb::{Backend, Gateway, Options};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Server;
use tower::ServiceExt as _;

use crate::archive::{Archive, Note};
use crate::calls::{frame, over_tcp, send, text_body};
use crate::support::{self, Library, book};

/// A gateway before this port.
fn before(port: u16) -> Gateway {
    let backend = Backend::address(&format!("http://127.0.0.1:{port}")).unwrap();
    Gateway::new(&support::descriptor_set(), backend, Options::default()).unwrap()
}

/// Services on a port. They end in peace when told to, and at once with their runtime.
struct Services {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Services {
    fn start(port: u16) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(async move {
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener).unwrap());
            // More calls at a time than this have to wait.
            let mut services = Server::builder().max_concurrent_streams(20);
            let services = services.add_service(Library).add_service(Archive);
            services.serve_with_incoming_shutdown(incoming, async { drop(stopped.await) }).await.unwrap();
        });
        Self { port, stop: Some(stop), runtime: Some(runtime) }
    }

    fn gateway(&self) -> Gateway {
        before(self.port)
    }
}

async fn begin(gateway: &Gateway, path: &str) -> Response<Body> {
    let request = Request::get(path).header("accept", "application/x-ndjson").body(text_body("")).unwrap();
    gateway.clone().into_service().oneshot(request).await.unwrap()
}

async fn get(gateway: &Gateway, path: &str) -> (StatusCode, Bytes) {
    let (status, _, body) = send(gateway, Request::get(path).body(text_body("")).unwrap()).await;
    (status, body)
}

#[tokio::test]
async fn who_reads_slowly_keeps_nobody_waiting() {
    // All calls to a service share a connection, and some callers take nothing of what they asked for.
    let services = Services::start(0);
    let gateway = services.gateway();
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(begin(&gateway, "/v1/books:stream?size=20000").await);
    }
    // What fits has come meanwhile.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, body) = get(&gateway, "/v1/books/big").await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    assert!(body.len() > 300_000);
    for slow in slow {
        let lines = slow.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 20_000);
    }
}

/// A service that answers every call by this body, on a port of its own.
async fn answering<B>(body: fn(Incoming) -> B) -> u16
where
    B: http_body::Body<Data = Bytes, Error = Status> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |request: Request<Incoming>| async move {
        let response = Response::builder().header("content-type", "application/grpc");
        Ok::<_, Infallible>(response.body(body(request.into_body())).unwrap())
    };
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    port
}

fn ended() -> Frame<Bytes> {
    Frame::trailers(HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from(0))]))
}

#[tokio::test]
async fn many_small_events_nobody_reads_break_no_connection() {
    // Each is a frame of its own, which costs memory beside its bytes; HTTP/2 ends connections for too many.
    const EVENTS: usize = 3_000;
    let port = answering(|_| {
        let events = (0..EVENTS).map(|_| Frame::data(Bytes::from(frame(&book("1")))));
        let events = tokio_stream::iter(events.chain([ended()]));
        // The next one comes when the one before is on its way.
        StreamBody::new(events.then(async |event| {
            tokio::task::yield_now().await;
            Ok(event)
        }))
    });
    let gateway = before(port.await);
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(begin(&gateway, "/v1/books:stream").await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for slow in slow {
        let lines = slow.into_body().collect().await.unwrap().to_bytes();
        let lines: Vec<_> = lines.trim_ascii_end().split(|byte| *byte == b'\n').collect();
        let last = String::from_utf8_lossy(lines.last().unwrap());
        assert_eq!(lines.len(), EVENTS, "{last}");
        assert!(!last.contains("error"), "{last}");
    }
}

#[test]
fn a_service_that_comes_back_is_called_again() {
    // Whether it said goodbye or not.
    let caller = Runtime::new().unwrap();
    for peaceful in [true, false] {
        let mut first = Services::start(0);
        let (port, gateway) = (first.port, first.gateway());
        let status = || caller.block_on(get(&gateway, "/v1/books/1")).0;
        assert_eq!(status(), StatusCode::OK);
        if peaceful {
            drop(first.stop.take());
        } else {
            drop(first.runtime.take());
        }
        while status() != StatusCode::SERVICE_UNAVAILABLE {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _second = Services::start(port);
        assert_eq!(status(), StatusCode::OK, "the first call finds it");
    }
}

#[test]
fn more_calls_than_a_connection_takes_wait_their_turn() {
    let services = Services::start(0);
    let gateway = services.gateway();
    let calls = (0..200).map(|_| {
        let gateway = gateway.clone();
        async move { get(&gateway, "/v1/books/big").await }
    });
    let caller = Runtime::new().unwrap();
    let answers = caller.block_on(async { calls.collect::<JoinSet<_>>().join_all().await });
    for (status, body) in answers {
        assert_eq!((status, body.len() > 300_000), (StatusCode::OK, true));
    }
}

#[tokio::test]
async fn a_request_goes_on_while_it_is_answered() {
    // The service answers each message as it comes; the next one is sent when the answer is there.
    let services = Services::start(0);
    let gateway = services.gateway();
    let (send, sent) = tokio::sync::mpsc::channel(1);
    let sent = tokio_stream::wrappers::ReceiverStream::new(sent);
    let body = Body::new(StreamBody::new(sent.map(Ok::<_, Status>)));
    let request =
        Request::post("/test.archive.v1.Archive/EchoNotes").header("content-type", "application/grpc");
    let call = gateway.clone().into_service().oneshot(request.body(body).unwrap());
    let mut answer = call.await.unwrap().into_body();
    for round in 0..5 {
        // Longer than a window, so that it is taken in parts.
        let note = Note { id: round.to_string(), note_text: "x".repeat(300_000), ..Note::default() };
        let note = frame(&note);
        send.send(Frame::data(Bytes::from(note.clone()))).await.unwrap();
        let mut echoed = Vec::new();
        while echoed.len() < note.len() {
            echoed.extend(answer.frame().await.unwrap().unwrap().into_data().unwrap());
        }
        assert!(echoed == note, "round {round}");
    }
    drop(send);
    assert_eq!(answer.collect().await.unwrap().trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn an_answer_may_come_before_the_end_of_its_request() {
    // What is left of the request is of no use then, and nobody waits for it.
    let port = answering(|_| StreamBody::new(tokio_stream::iter([Ok(ended())]))).await;
    let gateway = before(port);
    let part = || Ok::<_, Status>(Frame::data(Bytes::from(vec![0; 16 * 1024])));
    let endless = tokio_stream::iter(std::iter::repeat_with(part));
    let request =
        Request::post("/test.archive.v1.Archive/EchoNotes").header("content-type", "application/grpc");
    let request = request.body(Body::new(StreamBody::new(endless))).unwrap();
    let answer = gateway.clone().into_service().oneshot(request).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), answer.into_body().collect()).await;
    assert_eq!(answer.unwrap().unwrap().trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn an_upload_nobody_takes_leaves_its_connection_to_others() {
    // A proxy before the gateway sends the calls of many people over one connection.
    let silent = answering(|unread| {
        let never = tokio_stream::pending::<Result<Frame<Bytes>, Status>>();
        StreamBody::new(never.map(move |frame| {
            let _ = &unread;
            frame
        }))
    });
    let services = Services::start(0);
    let address = |port| Backend::address(&format!("http://127.0.0.1:{port}")).unwrap();
    let packages = [("test.archive", silent.await), ("test.library", services.port)];
    let backend = Backend::by_package(packages.map(|(name, port)| (name.to_owned(), address(port))));
    let gateway = Gateway::new(&support::descriptor_set(), backend, Options::default()).unwrap();
    let (address, _stop) = over_tcp(gateway).await;

    let stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut peer, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let mut call = async |method: &str, body: Body| {
        let request = Request::post(format!("{address}/{method}")).header("content-type", "application/grpc");
        peer.send_request(request.body(body).unwrap()).await.unwrap().into_body()
    };
    let part = || Ok::<_, Status>(Frame::data(Bytes::from(vec![0; 16 * 1024])));
    let endless = Body::new(StreamBody::new(tokio_stream::iter(std::iter::repeat_with(part))));
    let _stuck = call("test.archive.v1.Archive/EchoNotes", endless).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let book = crate::support::CreateBookRequest { book: Some(book("1")), ..Default::default() };
    let created =
        call("test.library.v1.Library/CreateBook", Body::new(Full::new(Bytes::from(frame(&book))))).await;
    assert_eq!(created.collect().await.unwrap().trailers().unwrap()["grpc-status"], "0");
}

#[test]
fn addresses_say_what_they_must_be() {
    for wrong in ["", "crm", "crm:1", "https://crm:1", "http://", "http://crm:1/path", "http://crm:1?a"] {
        let error = Backend::address(wrong).unwrap_err();
        assert!(error.starts_with(wrong) && error.len() > wrong.len() + 5, "{error}");
    }
    assert!(Backend::address("http://crm:1/").is_ok());
}
