//! Where calls go: services in this process, or channels to others.

use std::fmt;
use std::sync::Arc;

use http::{Request, Response};
use tonic::service::Routes;
use tonic::transport::Channel;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use crate::Body;
use crate::edge::deadline;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Takes gRPC requests: a tower service over HTTP bodies, wherever it runs.
#[derive(Clone)]
pub struct Backend(Kind);

#[derive(Clone)]
enum Kind {
    One(BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>),
    Packages(Arc<[(Box<str>, Backend)]>),
}

impl Backend {
    /// Any tower service.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        Self(Kind::One(BoxCloneSyncService::new(service.map_err(Into::into))))
    }

    /// Services of this process, called without a socket.
    pub fn routes(routes: Routes) -> Self {
        Self::new(routes.prepare())
    }

    /// Services of another process.
    pub fn channel(channel: Channel) -> Self {
        Self::new(channel)
    }

    /// One backend for each protobuf package: `erp.crm` takes `erp.crm.v1.AccountService`. The
    /// longest name that fits wins.
    pub fn by_package(packages: impl IntoIterator<Item = (String, Self)>) -> Self {
        let mut packages: Vec<_> =
            packages.into_iter().map(|(name, one)| (name.into_boxed_str(), one)).collect();
        packages.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self(Kind::Packages(packages.into()))
    }

    /// Calls the service that the path names.
    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, CallError> {
        let mut backend = self;
        loop {
            match &backend.0 {
                Kind::One(service) => {
                    let call = async |request| service.clone().oneshot(request).await;
                    return deadline::keep(request, call).await.map_err(CallError::Failed);
                }
                Kind::Packages(packages) => {
                    let service = request.uri().path().trim_start_matches('/');
                    let fits =
                        |name: &str| service.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
                    let found = packages.iter().find(|(name, _)| fits(name));
                    backend = &found.ok_or(CallError::NoBackend)?.1;
                }
            }
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::One(_) => f.write_str("Backend"),
            Kind::Packages(packages) => {
                f.debug_list().entries(packages.iter().map(|(name, _)| name)).finish()
            }
        }
    }
}

/// Why a call did not reach its service.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No backend is configured for the package.
    NoBackend,
    Failed(BoxError),
}
