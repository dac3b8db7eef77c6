//! What operators see and change while the gateway runs.

use std::net::SocketAddr;
use std::time::Duration;

use gateway_grpcweb::{Backend, Descriptors, Gateway, HealthOptions, Metrics, Options};
use http::{HeaderName, HeaderValue};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tonic::transport::{Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::server_reflection_server::{ServerReflection, ServerReflectionServer};
use tonic_reflection::pb::v1::{
    FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse,
    ServiceResponse,
};

use super::services::{Gated, World, descriptor_set, get};

const LONG: Duration = Duration::from_secs(60);

/// Waits for what must come.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, waited).await.unwrap_or_else(|_| panic!("{what}"));
}

pub async fn page(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer[9..12].parse().unwrap(), answer)
}

#[tokio::test]
async fn operators_have_a_port_of_their_own() {
    let metrics = Metrics::install().unwrap();
    assert!(Metrics::install().is_err(), "a process has one recorder");
    let world = World::new();
    let gateway = world.gateway(Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(gateway.clone().serve_admin(listener, metrics));
    for path in ["/v1/open", "/v1/open", "/v1/open?text=fail", "/v1/nowhere"] {
        get(&gateway, path, &[]).await;
    }
    let (status, text) = page(address, "/metrics").await;
    assert_eq!(status, 200);
    let line = |status: &str| {
        format!(
            r#"gateway_requests_total{{rpc="test.gated.v1.Gated.Open",protocol="rest",status="{status}",grpc_status=""}}"#
        )
    };
    assert!(text.contains(&format!("{} 2", line("200"))), "{text}");
    assert!(text.contains(&format!("{} 1", line("404"))), "{text}");
    assert!(text.contains("gateway_request_seconds_bucket"), "{text}");
    assert!(!text.contains("nowhere"), "paths that are no method's are not told: {text}");
    assert_eq!(page(address, "/health").await.0, 200);
    assert_eq!(page(address, "/ready").await.0, 200);
    gateway.set_ready(false);
    assert_eq!((page(address, "/ready").await.0, page(address, "/health").await.0), (503, 200));
    assert_eq!(page(address, "/v1/open").await.0, 404, "methods are on the other port");
}

/// A service with its health, until it is aborted.
async fn upstream(text: &'static str) -> (String, HealthReporter, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (reporter, health) = tonic_health::server::health_reporter();
    let world = World::named(text);
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = Server::builder().add_service(health).add_service(Gated(world));
    let task = tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
    (address, reporter, task)
}

/// Which services answer a number of calls.
async fn who(gateway: &Gateway, headers: &[(&str, &str)]) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let (status, _, body) = get(gateway, "/v1/open", headers).await;
        names.insert(if status == 200 {
            body["text"].as_str().unwrap().to_owned()
        } else {
            status.to_string()
        });
    }
    names.into_iter().collect()
}

#[tokio::test]
async fn sick_addresses_are_left_out() {
    // By what they say of themselves, and by calls that do not reach them; and taken in again.
    let (first, reporter, _first) = upstream("first").await;
    let (second, ..) = upstream("second").await;
    // Nobody listens at the third.
    let third = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let health = HealthOptions { every: Duration::from_millis(50), within: Duration::from_secs(2) };
    let backend = Backend::addresses(&[first, second, format!("http://{third}")], health).unwrap();
    let gateway = Gateway::new(&descriptor_set(), backend, Options::default()).unwrap();
    until("the third goes", async || who(&gateway, &[]).await == ["first", "second"]).await;
    reporter.set_service_status("", ServingStatus::NotServing).await;
    until("the first goes", async || who(&gateway, &[]).await == ["second"]).await;
    reporter.set_service_status("", ServingStatus::Serving).await;
    until("the first comes back", async || who(&gateway, &[]).await == ["first", "second"]).await;
}

#[tokio::test]
async fn addresses_that_hang_do_not_keep_others_from_being_asked() {
    // Every address is asked at once, however long one of them takes to say nothing.
    let mut listeners = Vec::new();
    for _ in 0..4 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let addresses: Vec<_> =
        listeners.iter().map(|one| format!("http://{}", one.local_addr().unwrap())).collect();
    let health = HealthOptions { every: Duration::from_millis(50), within: 4 * LONG };
    let _backend = Backend::addresses(&addresses, health).unwrap();
    let mut open = Vec::new();
    for listener in &listeners {
        let asked = tokio::time::timeout(LONG, listener.accept()).await;
        open.push(asked.expect("each address is asked").unwrap());
    }
}

#[tokio::test]
async fn headers_choose_other_services() {
    let (one, ..) = upstream("one").await;
    let (two, ..) = upstream("two").await;
    let of = |package: &str, address: &String| {
        Backend::by_package([(package.to_owned(), Backend::address(address).unwrap())])
    };
    let header = |name| HeaderName::from_static(name);
    let value = HeaderValue::from_static;
    let backend = of("test.gated", &one).with_variants([
        (header("x-service-version"), value("v2"), of("test.gated", &two)),
        (header("x-tenant-type"), value("other"), of("test.other", &two)),
    ]);
    let gateway = Gateway::new(&descriptor_set(), backend, Options::default()).unwrap();
    assert_eq!(who(&gateway, &[]).await, ["one"]);
    assert_eq!(who(&gateway, &[("x-service-version", "v2")]).await, ["two"]);
    assert_eq!(who(&gateway, &[("x-service-version", "v3")]).await, ["one"]);
    assert_eq!(who(&gateway, &[("x-tenant-type", "other")]).await, ["one"], "it does not have the package");
}

/// The set without the method `Open`.
fn smaller() -> Vec<u8> {
    let mut set = prost_types::FileDescriptorSet::decode(&*descriptor_set()).unwrap();
    for file in &mut set.file {
        for service in &mut file.service {
            service.method.retain(|method| method.name() != "Open");
        }
    }
    set.encode_to_vec()
}

#[tokio::test]
async fn descriptor_files_are_taken_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.binpb");
    std::fs::write(&path, descriptor_set()).unwrap();
    let gateway = World::new().gateway(Options::default());
    let watch = gateway.clone().watch(Descriptors::File(path.clone()), Duration::from_millis(30));
    tokio::spawn(watch);
    let status = async || get(&gateway, "/v1/open", &[]).await.0;
    assert_eq!(status().await, 200);
    tokio::time::sleep(Duration::from_millis(100)).await;
    std::fs::write(&path, smaller()).unwrap();
    until("the method goes", async || status().await == 404).await;
    std::fs::write(&path, b"rubbish").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status().await, 404, "a bad set is refused");
    std::fs::write(&path, descriptor_set()).unwrap();
    until("the method comes back", async || status().await == 200).await;
}

/// Tells the files of the test's contracts with all their options, as most servers do; that of
/// tonic loses those it does not know, and HTTP rules with them.
struct Reflection(Vec<Vec<u8>>);

#[derive(Clone, PartialEq, Message)]
struct RawSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

#[tonic::async_trait]
impl ServerReflection for Reflection {
    type ServerReflectionInfoStream = tokio_stream::Once<Result<ServerReflectionResponse, tonic::Status>>;

    async fn server_reflection_info(
        &self,
        request: tonic::Request<tonic::Streaming<ServerReflectionRequest>>,
    ) -> Result<tonic::Response<Self::ServerReflectionInfoStream>, tonic::Status> {
        let asked = request.into_inner().message().await?.unwrap();
        let with_name = |name: &str| {
            let named =
                |file: &&Vec<u8>| prost_types::FileDescriptorProto::decode(&***file).unwrap().name() == name;
            vec![self.0.iter().find(named).unwrap().clone()]
        };
        let files = |file_descriptor_proto| {
            MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
        };
        let answer = match asked.message_request.unwrap() {
            MessageRequest::ListServices(_) => MessageResponse::ListServicesResponse(ListServiceResponse {
                service: vec![ServiceResponse { name: "test.gated.v1.Gated".to_owned() }],
            }),
            MessageRequest::FileContainingSymbol(_) => files(with_name("gated.proto")),
            MessageRequest::FileByFilename(name) => files(with_name(&name)),
            other => panic!("nobody asks for {other:?}"),
        };
        let response = ServerReflectionResponse { message_response: Some(answer), ..Default::default() };
        Ok(tonic::Response::new(tokio_stream::once(Ok(response))))
    }
}

#[tokio::test]
async fn services_tell_their_descriptors() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let set = RawSet::decode(&*descriptor_set()).unwrap();
    let reflection = ServerReflectionServer::new(Reflection(set.file));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = Server::builder().add_service(reflection).add_service(Gated(World::new()));
    tokio::spawn(server.serve_with_incoming(incoming));
    let channel = Endpoint::from_shared(address.clone()).unwrap().connect_lazy();
    let told = Descriptors::Reflection(vec![channel]).read().await.unwrap();
    let gateway = Gateway::new(&told, Backend::address(&address).unwrap(), Options::default()).unwrap();
    assert_eq!(get(&gateway, "/v1/open?text=x", &[]).await.2["text"], "x");
}
