//! Tells sidecars which pods are behind each cluster, as istiod does: by Envoy's aggregated discovery, each change as it
//! happens. The messages are the few fields of `envoy.service.discovery.v3` and `envoy.config.endpoint.v3` that this takes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use anyhow::Result;
use futures::future::BoxFuture;
use http::{Request, Response};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// What sidecars ask for.
const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
/// Answers on their way to one sidecar; behind these the newest is made when there is room again.
const AHEAD: usize = 4;

/// The pods that get calls, by cluster.
pub type Published = BTreeMap<String, Vec<SocketAddr>>;

/// What all sidecars are told now. Dropping it ends their streams, and they go on with what they know.
#[derive(Debug)]
pub struct Discovery {
    state: watch::Sender<State>,
    _serving: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    published: Published,
}

impl Discovery {
    /// Answers sidecars on this listener.
    pub fn serve(listener: std::net::TcpListener) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let incoming = TcpListenerStream::new(TcpListener::from_std(listener)?);
        let (state, watched) = watch::channel(State::default());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let served = Server::builder().add_service(Api(watched)).serve_with_incoming(incoming).await;
            if let Err(error) = served {
                eprintln!("mesh: sidecars are no longer told who is there: {error}");
            }
        });
        Ok(Self { state, _serving: serving })
    }

    /// Lets exactly these pods get calls.
    pub fn publish(&self, published: Published) {
        self.state.send_modify(|state| {
            state.version += 1;
            state.published = published;
        });
    }
}

impl State {
    /// The clusters of these names. One that nobody is behind is told as empty: a sidecar waits for what it asked for.
    fn answer(&self, names: &[String]) -> DiscoveryResponse {
        let version = self.version.to_string();
        let resources = names.iter().map(|name| {
            let addresses = self.published.get(name).map(Vec::as_slice).unwrap_or_default();
            Any { type_url: ENDPOINTS.to_owned(), value: assignment(name, addresses).encode_to_vec() }
        });
        DiscoveryResponse {
            version_info: version.clone(),
            resources: resources.collect(),
            type_url: ENDPOINTS.to_owned(),
            nonce: version,
        }
    }
}

/// Tells one sidecar what it asks for, and again whenever that changes.
async fn tell(
    mut asked: Streaming<DiscoveryRequest>,
    mut state: watch::Receiver<State>,
    answers: mpsc::Sender<Result<DiscoveryResponse, Status>>,
) {
    let mut names = Vec::new();
    loop {
        tokio::select! {
            request = asked.message() => {
                let Ok(Some(request)) = request else { return };
                if let Some(error) = &request.error_detail {
                    eprintln!("mesh: a sidecar refuses its endpoints: {}", error.message);
                }
                // With the same names it says that it has taken an answer.
                if request.type_url != ENDPOINTS || request.resource_names == names {
                    continue;
                }
                names = request.resource_names;
            }
            changed = state.changed() => if changed.is_err() { return },
        }
        let answer = state.borrow_and_update().answer(&names);
        if !names.is_empty() && answers.send(Ok(answer)).await.is_err() {
            return;
        }
    }
}

#[derive(Clone)]
struct Api(watch::Receiver<State>);

impl NamedService for Api {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl tower::Service<Request<Body>> for Api {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let state = self.0.clone();
        let stream = service_fn(move |asked: tonic::Request<Streaming<DiscoveryRequest>>| {
            let (answers, told) = mpsc::channel(AHEAD);
            tokio::spawn(tell(asked.into_inner(), state.clone(), answers));
            std::future::ready(Ok::<_, Status>(tonic::Response::new(ReceiverStream::new(told))))
        });
        let codec = ProstCodec::<DiscoveryResponse, DiscoveryRequest>::default();
        Box::pin(async move { Ok(tonic::server::Grpc::new(codec).streaming(stream, request).await) })
    }
}

#[derive(Clone, PartialEq, Message)]
struct DiscoveryRequest {
    #[prost(string, repeated, tag = "3")]
    resource_names: Vec<String>,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(message, optional, tag = "6")]
    error_detail: Option<Refusal>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct DiscoveryResponse {
    #[prost(string, tag = "1")]
    version_info: String,
    #[prost(message, repeated, tag = "2")]
    resources: Vec<Any>,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(string, tag = "5")]
    nonce: String,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

fn assignment(cluster: &str, addresses: &[SocketAddr]) -> ClusterLoadAssignment {
    let endpoint = |at: &SocketAddr| {
        let at = SocketAddress { address: at.ip().to_string(), port_value: at.port().into() };
        LbEndpoint { endpoint: Some(Endpoint { address: Some(Address { socket_address: Some(at) }) }) }
    };
    ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: vec![LocalityLbEndpoints { lb_endpoints: addresses.iter().map(endpoint).collect() }],
    }
}

#[derive(Clone, PartialEq, Message)]
struct ClusterLoadAssignment {
    #[prost(string, tag = "1")]
    cluster_name: String,
    #[prost(message, repeated, tag = "2")]
    endpoints: Vec<LocalityLbEndpoints>,
}

#[derive(Clone, PartialEq, Message)]
struct LocalityLbEndpoints {
    #[prost(message, repeated, tag = "2")]
    lb_endpoints: Vec<LbEndpoint>,
}

#[derive(Clone, PartialEq, Message)]
struct LbEndpoint {
    #[prost(message, optional, tag = "1")]
    endpoint: Option<Endpoint>,
}

#[derive(Clone, PartialEq, Message)]
struct Endpoint {
    #[prost(message, optional, tag = "1")]
    address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(message, optional, tag = "1")]
    socket_address: Option<SocketAddress>,
}

#[derive(Clone, PartialEq, Message)]
struct SocketAddress {
    #[prost(string, tag = "2")]
    address: String,
    #[prost(uint32, tag = "3")]
    port_value: u32,
}
