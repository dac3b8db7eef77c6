//! What is fuzzed, and what must hold for every input. `cargo fuzz` feeds these functions, and an ordinary
//! test replays the corpora through them.

#[path = "../tests/support/echo.rs"]
mod echo;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_grpcweb::{Backend, Gateway, JsonOptions, Options, Snapshot};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use prost_reflect::{DescriptorPool, DynamicMessage};
use tonic::body::Body;
use tower::ServiceExt;

const KINDS: &str = "test.library.v1.Kinds";

/// The smallest limits that leave room for what a target sends.
fn options() -> Options {
    Options { max_request: 1 << 20, max_response: 1 << 20, ..Options::default() }
}

struct World {
    snapshot: Snapshot,
    pool: DescriptorPool,
    /// Before a service that answers with its request.
    echo: Gateway,
    /// Before a service that answers with what [`ANSWER`] holds.
    scripted: Gateway,
    runtime: tokio::runtime::Runtime,
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| {
    let set = echo::descriptor_set();
    let gateway = |backend| Gateway::new(&set, backend, options()).unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Mutex::new(World {
        snapshot: Snapshot::compile(&set).unwrap_or_else(|error| panic!("{error}")),
        pool: DescriptorPool::decode(&*set).unwrap_or_else(|error| panic!("{error}")),
        echo: gateway(Backend::new(echo::Echo::new(&set))),
        scripted: gateway(Backend::new(Scripted)),
        runtime: runtime.unwrap_or_else(|error| panic!("{error}")),
    })
});

/// The pieces of the scripted service's next answer.
static ANSWER: Mutex<Vec<Bytes>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Scripted;

impl tower::Service<Request<Body>> for Scripted {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let pieces = std::mem::take(&mut *lock(&ANSWER));
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let frames = pieces.into_iter().map(Frame::data).chain([Frame::trailers(trailers)]);
        let body =
            StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, tonic::Status>).collect::<Vec<_>>()));
        let mut response = Response::new(Body::new(body));
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        Box::pin(async move { Ok(response) })
    }
}

/// A panic of an earlier input is told by itself.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl World {
    fn send(&self, gateway: &Gateway, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
        self.runtime.block_on(async {
            let answer = gateway.clone().into_service().oneshot(request).await;
            let (head, body) = answer.unwrap_or_else(|error| match error {}).into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            (head.status, head.headers, body)
        })
    }

    fn encode(&self, json: &[u8]) -> Option<Vec<u8>> {
        self.snapshot.json_to_protobuf(KINDS, json).and_then(Result::ok)
    }

    fn print(&self, bytes: &[u8], options: JsonOptions) -> Option<Vec<u8>> {
        self.snapshot.protobuf_to_json(KINDS, bytes, options).and_then(Result::ok)
    }

    /// JSON that was printed is JSON, and reads back to what prints as the same, in whatever order.
    fn check_printed(&self, printed: &[u8], options: JsonOptions) {
        let shown = || String::from_utf8_lossy(printed).into_owned();
        let parsed = serde_json::from_slice::<serde_json::Value>(printed);
        // Lists in lists are deeper in JSON than in messages.
        let Ok(parsed) = parsed else {
            let whole = serde_json::from_slice::<serde::de::IgnoredAny>(printed);
            assert!(whole.is_ok_and(|_| printed.len() > 100), "no JSON: {}", shown());
            return;
        };
        let Some(again) = self.encode(printed) else { panic!("not read back: {}", shown()) };
        let again = self.print(&again, options).unwrap_or_else(|| panic!("not printed again: {}", shown()));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&again).ok(), Some(parsed), "{}", shown());
    }
}

/// A template is taken or refused.
pub fn template(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = gateway_grpcweb::check_template(text);
    }
}

/// Path and query: every request is answered, with no fault of the gateway's or of the service's, which
/// decodes what it gets.
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let methods = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"];
    let method = methods[text.len() % methods.len()];
    let Ok(request) = Request::builder().method(method).uri(format!("/{text}")).body(Body::empty()) else {
        return;
    };
    let world = lock(&WORLD);
    let (status, _, body) = world.send(&world.echo, request);
    // 501: a gRPC code that says the method is not there. A mask such as `a_1` has no JSON, as protobuf has it,
    // so that its echo cannot be shown.
    let fine = !status.is_server_error() || status == 501 || text.to_ascii_lowercase().contains("mask");
    assert!(fine, "{method} /{text}: {status} {body:?}");
}

/// JSON to protobuf: what is taken, decodes and prints as JSON that is taken again.
pub fn json(data: &[u8]) {
    let world = lock(&WORLD);
    let Some(bytes) = world.encode(data) else { return };
    let Some(descriptor) = world.pool.get_message_by_name(KINDS) else { panic!("no {KINDS}") };
    let decoded = DynamicMessage::decode(descriptor, &*bytes);
    assert!(decoded.is_ok(), "{decoded:?}: {}", String::from_utf8_lossy(data));
    let options = JsonOptions::default();
    let Some(printed) = world.print(&bytes, options) else {
        panic!("not printed: {}", String::from_utf8_lossy(data));
    };
    world.check_printed(&printed, options);
}

/// Protobuf to JSON: what is printed, is JSON that is taken again.
pub fn protobuf(data: &[u8]) {
    let Some((flags, bytes)) = data.split_first() else { return };
    let options = JsonOptions {
        emit_defaults: flags & 1 != 0,
        enum_numbers: flags & 2 != 0,
        proto_names: flags & 4 != 0,
    };
    let world = lock(&WORLD);
    if let Some(printed) = world.print(bytes, options) {
        world.check_printed(&printed, options);
    }
}

/// Frames of a service's answer, in pieces of every size: the same answer however they are cut.
pub fn response(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let world = lock(&WORLD);
    for path in ["/v1/query", "/v1/repeat"] {
        let mut answers = [usize::from(*cut) + 1, usize::MAX].into_iter().map(|size| {
            *lock(&ANSWER) = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
            let request = Request::get(path).body(Body::empty());
            let (status, _, body) = world.send(&world.scripted, request.unwrap_or_default());
            let json = serde_json::from_slice::<serde::de::IgnoredAny>(&body);
            assert!(json.is_ok(), "{path}: {status} {body:?}");
            (status, body)
        });
        assert_eq!(answers.next(), answers.next(), "{path}");
    }
}

/// Frames of a gRPC-Web caller, in pieces of every size: the call ends with a status, and the same one
/// however they are cut.
pub fn frames(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let text = cut & 1 != 0;
    let world = lock(&WORLD);
    let content_type = if text { "application/grpc-web-text" } else { "application/grpc-web" };
    let mut answers = [usize::from(*cut) / 2 + 1, usize::MAX].into_iter().map(|size| {
        let pieces: Vec<_> = bytes
            .chunks(size)
            .map(|piece| Ok::<_, tonic::Status>(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let request = Request::post("/test.echo.v1.Echo/Whole").header("content-type", content_type);
        let request = request.body(Body::new(StreamBody::new(tokio_stream::iter(pieces))));
        let Ok(request) = request else { panic!("a request of known parts") };
        let (status, headers, body) = world.send(&world.echo, request);
        assert_eq!(status, 200);
        let in_head = headers.contains_key("grpc-status");
        assert!(in_head || !body.is_empty(), "{headers:?}");
        (headers.get("grpc-status").cloned(), body)
    });
    let (first, second) = (answers.next(), answers.next());
    // Pieces of base64 are padded by themselves, so that only binary answers are the same bytes.
    if !text {
        assert_eq!(first, second);
    }
}
