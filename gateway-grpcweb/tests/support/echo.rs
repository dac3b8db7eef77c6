//! `test.echo.v1.Echo`: decodes what comes and encodes it again, as any service does.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};

/// Compiles the contract, with the details of errors.
pub fn descriptor_set() -> Vec<u8> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The fuzz targets are a package within the gateway's folder.
    let root = if own.join("tests/protos").exists() { own.to_owned() } else { own.join("..") };
    let includes = [root.join("tests/protos"), root.join("../proto/third_party")];
    let mut compiler = protox::Compiler::new(includes).unwrap_or_else(|error| panic!("{error}"));
    compiler.include_imports(true).include_source_info(false);
    let files = ["echo.proto", "google/rpc/error_details.proto", "google/rpc/status.proto"];
    compiler.open_files(files).unwrap_or_else(|error| panic!("{error}"));
    compiler.encode_file_descriptor_set()
}

/// The service.
#[derive(Clone)]
pub struct Echo {
    pool: DescriptorPool,
}

impl Echo {
    pub fn new(descriptor_set: &[u8]) -> Self {
        let pool = DescriptorPool::decode(descriptor_set).unwrap_or_else(|error| panic!("{error}"));
        Self { pool }
    }

    fn decode(&self, name: &str, bytes: &[u8]) -> Result<DynamicMessage, Status> {
        let descriptor =
            self.pool.get_message_by_name(name).ok_or_else(|| Status::internal("no such message"))?;
        DynamicMessage::decode(descriptor, bytes).map_err(|error| Status::internal(error.to_string()))
    }

    /// The frames of the answer, and how it ends.
    fn answer(&self, method: &str, frame: &[u8]) -> (BytesMut, Status) {
        let mut frames = BytesMut::new();
        let ended = self.fill(method, frame, &mut frames);
        (frames, ended.err().unwrap_or_else(|| Status::new(Code::Ok, "")))
    }

    fn fill(&self, method: &str, frame: &[u8], frames: &mut BytesMut) -> Result<(), Status> {
        let bytes = frame.get(5..).ok_or_else(|| Status::internal("the frame is cut off"))?;
        if method == "Fail" {
            return Err(fail(&self.decode("test.echo.v1.FailRequest", bytes)?));
        }
        let message = self.decode("test.library.v1.Kinds", bytes)?;
        let encoded = message.encode_to_vec();
        let field = |name: &str| message.get_field_by_name(name);
        let times = match method {
            "Repeat" => field("f_int32").and_then(|value| value.as_i32()).unwrap_or_default(),
            _ => 1,
        };
        for _ in 0..times {
            frames.put_u8(0);
            frames.put_u32(u32::try_from(encoded.len()).map_err(|_| Status::internal("too long"))?);
            frames.put_slice(&encoded);
        }
        let told = field("f_string").is_some_and(|value| value.as_str() == Some("fail"));
        if method == "Repeat" && told { Err(Status::aborted("torn")) } else { Ok(()) }
    }
}

/// The status that the request describes; its details pass as they came.
fn fail(request: &DynamicMessage) -> Status {
    /// `google.rpc.Status`
    #[derive(Clone, PartialEq, Message)]
    struct Wire {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types::Any>,
    }
    let wire = Wire::decode(&*request.encode_to_vec()).unwrap_or_default();
    let details = if wire.details.is_empty() { Bytes::new() } else { wire.encode_to_vec().into() };
    Status::with_details(Code::from_i32(wire.code), wire.message, details)
}

impl NamedService for Echo {
    const NAME: &'static str = "test.echo.v1.Echo";
}

impl tower::Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let service = head.uri.path().strip_prefix('/').and_then(|path| path.strip_prefix(Self::NAME));
            let Some(method) = service.and_then(|method| method.strip_prefix('/')) else {
                return Ok(Status::unimplemented("no such service").into_http());
            };
            let Ok(body) = body.collect().await else { return Ok(Status::cancelled("cut off").into_http()) };
            let (frames, status) = echo.answer(method, &body.to_bytes());
            if frames.is_empty() && status.code() != Code::Ok {
                return Ok(status.into_http());
            }
            let mut trailers = http::HeaderMap::new();
            if status.add_header(&mut trailers).is_err() {
                return Ok(Status::internal("a status that no header can hold").into_http());
            }
            // A stream, whose length nobody knows: gRPC servers name none.
            let parts = [Ok::<_, Status>(Frame::data(frames.freeze())), Ok(Frame::trailers(trailers))];
            let body = StreamBody::new(tokio_stream::iter(parts));
            let mut response = Response::new(Body::new(body));
            let grpc = http::HeaderValue::from_static("application/grpc");
            response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
            Ok(response)
        })
    }
}
