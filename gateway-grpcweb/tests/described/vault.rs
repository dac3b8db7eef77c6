//! `test.vault.v1.VaultService`, with real messages over real gRPC frames.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use gateway_grpcweb::{Backend, Gateway, McpOptions, Options};
use http::{Request, Response};
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// `Caller`, `Greeting`: a text, or some of them, in the first field.
#[derive(Clone, PartialEq, Message)]
struct Texts {
    #[prost(string, repeated, tag = "1")]
    texts: Vec<String>,
    #[prost(int64, tag = "2")]
    count: i64,
}

/// The token whose questions are counted.
pub const COUNTED: &str = "Bearer counted";
/// How often its permissions were asked for.
pub static ASKED: AtomicU32 = AtomicU32::new(0);

pub fn descriptor_set() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let includes = [root.join("tests/protos"), root.join("../proto"), root.join("../proto/third_party")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(["vault.proto"]).unwrap();
    compiler.encode_file_descriptor_set()
}

pub fn gateway(change: impl FnOnce(&mut Options)) -> Gateway {
    let mcp =
        McpOptions { permissions: "/test.vault.v1.VaultService/GetCaller".into(), ..McpOptions::default() };
    let mut options = Options { mcp: Some(mcp), ..Options::default() };
    change(&mut options);
    Gateway::new(&descriptor_set(), Backend::new(Vault), options).unwrap()
}

#[derive(Clone)]
pub struct Vault;

impl tower::Service<Request<Body>> for Vault {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Texts, Named>::default());
            Ok(grpc.unary(Method(method), request).await)
        })
    }
}

struct Method(String);

impl UnaryService<Named> for Method {
    type Response = Texts;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Texts>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Named>) -> Self::Future {
        let text = |name: &str| {
            request.metadata().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let token = text("authorization");
        let answer = |text: String| Ok(Texts { texts: vec![text], count: 9_007_199_254_740_993 });
        let result = match (self.0.as_str(), token.as_str()) {
            ("Greet", _) => answer(format!("Hello, {}", request.get_ref().name)),
            ("Guess", _) => answer("wrong".to_owned()),
            (_, "") => Err(Status::unauthenticated("sign in first")),
            (_, "Bearer wrong") => Err(Status::unauthenticated("the token is not valid")),
            ("GetCaller", "Bearer service") => Err(Status::failed_precondition("no user")),
            ("GetCaller", token) => {
                ASKED.fetch_add(u32::from(token == COUNTED), Ordering::Relaxed);
                let held = if token == "Bearer reader" { vec!["vault.boxes.read"] } else { vec!["vault.*"] };
                Ok(Texts { texts: held.into_iter().map(str::to_owned).collect(), count: 0 })
            }
            ("GetBox", _) if request.get_ref().name == "none" => {
                Err(Status::not_found("there is no such box"))
            }
            ("GetBox", _) => answer(format!(
                "{} by {}, id {}, deadline {}",
                request.get_ref().name,
                token,
                text("x-request-id"),
                !text("grpc-timeout").is_empty()
            )),
            ("DeleteBox", "Bearer owner") => answer("gone".to_owned()),
            _ => Err(Status::permission_denied("needs vault.boxes.delete")),
        };
        Box::pin(async move { result.map(tonic::Response::new) })
    }
}
