//! The services behind the gateway: one that echoes, and an identity service with real keys.

use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use gateway_grpcweb::{AuthOptions, Backend, Gateway, KeySet, Options};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use prost::Message;
use prost_types::Timestamp;
use serde_json::{Value, json};
use tonic::Status;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic_prost::ProstCodec;
use tower::ServiceExt;

pub const TENANT: &str = "00000000-0000-0000-0000-00000000000a";

pub fn descriptor_set() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let includes = [root.join("tests/protos"), root.join("../proto"), root.join("../proto/third_party")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(["gated.proto"]).unwrap();
    compiler.encode_file_descriptor_set()
}

#[derive(Clone, PartialEq, Message)]
struct EchoRequest {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, Message)]
struct EchoResponse {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(string, tag = "2")]
    authorization: String,
    #[prost(string, tag = "3")]
    api_key: String,
    #[prost(int64, tag = "4")]
    calls: i64,
    #[prost(string, tag = "5")]
    etag: String,
}

#[derive(Clone, PartialEq, Message)]
struct Jwk {
    #[prost(string, tag = "1")]
    kid: String,
    #[prost(string, tag = "4")]
    x: String,
}

#[derive(Clone, PartialEq, Message)]
struct Jwks {
    #[prost(message, repeated, tag = "1")]
    keys: Vec<Jwk>,
}

#[derive(Clone, PartialEq, Message)]
struct Exchanged {
    #[prost(string, tag = "1")]
    access_token: String,
    #[prost(message, optional, tag = "2")]
    access_expire_time: Option<Timestamp>,
}

/// What the test sets and sees of the services.
pub struct World {
    pub signer: Mutex<(String, SigningKey)>,
    /// Keys are not told while it is set.
    pub away: std::sync::atomic::AtomicBool,
    pub echoes: AtomicUsize,
    pub exchanges: AtomicUsize,
    pub jwks: AtomicUsize,
    /// What an echo of nothing says.
    name: &'static str,
}

impl World {
    pub fn new() -> Arc<Self> {
        Self::named("")
    }

    pub fn named(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            signer: Mutex::new(("one".to_owned(), SigningKey::from_bytes(&[7; 32]))),
            away: Default::default(),
            echoes: AtomicUsize::new(0),
            exchanges: AtomicUsize::new(0),
            jwks: AtomicUsize::new(0),
        })
    }

    /// A token of the user; the claims given win over the usual ones.
    pub fn token(&self, user: &str, claims: Value) -> String {
        let now = kit::Clock::now(&kit::SystemClock).unix_timestamp();
        let mut all = json!({"iss": "tessera", "aud": "tessera", "sub": user, "tenant_id": TENANT,
            "perms": [], "iat": now, "nbf": now, "exp": now + 300});
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let signer = self.signer.lock().unwrap();
        let header = Header {
            kid: Some(signer.0.clone()),
            typ: Some("at+jwt".to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        let der = signer.1.to_pkcs8_der().unwrap();
        jsonwebtoken::encode(&header, &all, &EncodingKey::from_ed_der(der.as_bytes())).unwrap()
    }

    /// A gateway before these services.
    pub fn gateway(self: &Arc<Self>, options: Options) -> Gateway {
        Gateway::new(&descriptor_set(), self.backend(), options).unwrap()
    }

    /// These services.
    pub fn backend(self: &Arc<Self>) -> Backend {
        Backend::routes(Routes::new(Gated(self.clone())).add_service(Identity(self.clone())))
    }
}

/// The edge as it stands before Tessera's identity service.
pub fn known() -> Option<AuthOptions> {
    Some(AuthOptions {
        keys: KeySet::Method("test.identity.v1.Auth/GetJwks".to_owned()),
        api_keys: Some("test.identity.v1.Auth/ExchangeApiKey".to_owned()),
        ..AuthOptions::default()
    })
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Infallible>> + Send>>;

#[derive(Clone)]
pub struct Gated(pub Arc<World>);

impl NamedService for Gated {
    const NAME: &'static str = "test.gated.v1.Gated";
}

impl tower::Service<Request<Body>> for Gated {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<Response<Body>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let world = self.0.clone();
        Box::pin(async move {
            let handler = Handler(move |request: EchoRequest, headers: &HeaderMap| {
                let calls = world.echoes.fetch_add(1, Ordering::Relaxed) as i64 + 1;
                let text =
                    |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
                if request.text == "fail" {
                    return Err(Status::not_found("no such echo"));
                }
                let (authorization, api_key) = (text("authorization"), text("x-api-key"));
                let said = if request.text.is_empty() { world.name.to_owned() } else { request.text };
                Ok(EchoResponse { text: said, authorization, api_key, calls, etag: "\"1\"".to_owned() })
            });
            Ok(Grpc::new(ProstCodec::<EchoResponse, EchoRequest>::default()).unary(handler, request).await)
        })
    }
}

#[derive(Clone)]
struct Identity(Arc<World>);

impl NamedService for Identity {
    const NAME: &'static str = "test.identity.v1.Auth";
}

impl tower::Service<Request<Body>> for Identity {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<Response<Body>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let world = self.0.clone();
        Box::pin(async move {
            if world.away.load(Ordering::Relaxed) {
                return Ok(Status::unavailable("away").into_http());
            }
            if request.uri().path().ends_with("GetJwks") {
                let handler = Handler(move |(): (), _: &HeaderMap| {
                    world.jwks.fetch_add(1, Ordering::Relaxed);
                    let signer = world.signer.lock().unwrap();
                    let x = URL_SAFE_NO_PAD.encode(signer.1.verifying_key().as_bytes());
                    Ok(Jwks { keys: vec![Jwk { kid: signer.0.clone(), x }] })
                });
                return Ok(Grpc::new(ProstCodec::<Jwks, ()>::default()).unary(handler, request).await);
            }
            // Long enough for other calls with the same key to come meanwhile.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let handler = Handler(move |request: EchoRequest, _: &HeaderMap| {
                world.exchanges.fetch_add(1, Ordering::Relaxed);
                let user = request.text.strip_prefix("key-of-");
                let user = user.ok_or_else(|| Status::unauthenticated("no such key"))?;
                let seconds = kit::Clock::now(&kit::SystemClock).unix_timestamp() + 300;
                let access_expire_time = Some(Timestamp { seconds, nanos: 0 });
                Ok(Exchanged { access_token: world.token(user, json!({})), access_expire_time })
            });
            Ok(Grpc::new(ProstCodec::<Exchanged, EchoRequest>::default()).unary(handler, request).await)
        })
    }
}

struct Handler<F>(F);

impl<F, I, O> UnaryService<I> for Handler<F>
where
    F: FnMut(I, &HeaderMap) -> Result<O, Status>,
    O: Send + 'static,
{
    type Response = O;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<O>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<I>) -> Self::Future {
        let (metadata, _, message) = request.into_parts();
        let answer = (self.0)(message, &metadata.into_headers()).map(tonic::Response::new);
        Box::pin(async move { answer })
    }
}

/// Status, headers and JSON of an answer.
pub async fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Value) {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    let request = request.body(Body::empty()).unwrap();
    let (head, body) = gateway.clone().into_service().oneshot(request).await.unwrap().into_parts();
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default().to_owned()
}
