//! The processes of a mesh: one by itself, or several that reach each other over the network.

use std::sync::Arc;

use host::{Config, Service};
use store::{CallError, Channel};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::transport::Server;
use tower::ServiceExt as _;

use crate::clock::TestClock;

/// A process of the mesh.
pub struct Process {
    /// What runs in it.
    pub host: host::Mesh,
    /// The packages whose calls it takes, as they begin: `/erp.crm.`.
    packages: Vec<String>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Process {
    /// Drains and stops it.
    pub async fn stop(self) {
        self.host.drain().await;
        self.server.abort();
    }
}

/// Starts these services, each group as a process that knows the addresses of the others.
pub async fn start(groups: Vec<Vec<Service>>, config: Config, clock: Arc<TestClock>) -> Vec<Process> {
    let mut listeners = Vec::with_capacity(groups.len());
    let mut addresses = Vec::new();
    for group in &groups {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        addresses.push(group.iter().map(|one| (one.name(), format!("http://{address}"))).collect::<Vec<_>>());
        listeners.push(listener);
    }
    let mut processes = Vec::with_capacity(groups.len());
    for (place, (group, listener)) in groups.into_iter().zip(listeners).enumerate() {
        let mut config = config.clone();
        let others = addresses.iter().enumerate().filter(|(other, _)| *other != place);
        let others = others.flat_map(|(_, names)| names);
        config.peers.extend(others.map(|(name, address)| ((*name).to_owned(), address.clone())));
        let for_operators = group.iter().any(Service::is_for_operators).then_some("ops");
        let packages = group.iter().map(Service::name).chain(for_operators);
        let packages = packages.map(|name| format!("/erp.{name}.")).collect();
        let host = host::Mesh::start_with(group, config, clock.clone()).await.expect("the mesh starts");
        let listener = TcpListenerStream::new(listener);
        let server = tokio::spawn(Server::builder().serve_with_incoming(host.channel(), listener));
        processes.push(Process { host, packages, server });
    }
    processes
}

/// Every method of every process, each call sent by its package as the gateway sends it. What no package fits goes to
/// the first.
pub fn channel(processes: &[Process]) -> Channel {
    let ways: Vec<_> = processes.iter().map(|one| (one.packages.clone(), one.host.channel())).collect();
    Channel::new(tower::service_fn(move |request: http::Request<Body>| {
        let path = request.uri().path();
        let fits = |packages: &[String]| packages.iter().any(|package| path.starts_with(package));
        let way = ways.iter().find(|(packages, _)| fits(packages)).or(ways.first());
        let way = way.map(|(_, channel)| channel.clone());
        async move {
            let way = way.ok_or_else(|| CallError::new("there is no process".to_owned()))?;
            way.oneshot(request).await
        }
    }))
}
