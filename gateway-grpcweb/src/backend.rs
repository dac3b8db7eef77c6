//! Where calls go: services in this process, or channels to others.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response};
use tonic::service::Routes;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use crate::Body;
use crate::edge::deadline;
use crate::edge::upstream::Pool;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Takes gRPC requests: a tower service over HTTP bodies, wherever it runs.
#[derive(Clone)]
pub struct Backend(Kind);

#[derive(Clone)]
enum Kind {
    One(Callee),
    Packages(Arc<[(Box<str>, Backend)]>),
    Variants(Arc<Variants>),
}

/// Whom calls are sent to.
#[derive(Clone)]
enum Callee {
    Service(BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>),
    Addresses(Arc<Pool>),
}

/// On its own in memory: whatever waits for it is moved about, and is not to grow by it.
type Called<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send + 'a>>;

impl Callee {
    fn call(&self, request: Request<Body>) -> Called<'_> {
        match self {
            Self::Service(service) => Box::pin(service.clone().oneshot(request)),
            Self::Addresses(pool) => Box::pin(pool.call(request)),
        }
    }
}

struct Variants {
    variants: Vec<Variant>,
    /// Their headers.
    names: Vec<HeaderName>,
    rest: Backend,
}

/// Another backend for calls with a header, for the packages that it has.
struct Variant {
    header: HeaderName,
    value: HeaderValue,
    backend: Backend,
}

impl Backend {
    /// Any tower service.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        Self(Kind::One(Callee::Service(BoxCloneSyncService::new(service.map_err(Into::into)))))
    }

    /// Services of this process, called without a socket.
    pub fn routes(routes: Routes) -> Self {
        Self::new(routes.prepare())
    }

    /// Services at one of these addresses.
    pub(crate) fn pool(pool: Arc<Pool>) -> Self {
        Self(Kind::One(Callee::Addresses(pool)))
    }

    /// One backend for each protobuf package: `erp.crm` takes `erp.crm.v1.AccountService`. The
    /// longest name that fits wins.
    pub fn by_package(packages: impl IntoIterator<Item = (String, Self)>) -> Self {
        let mut packages: Vec<_> =
            packages.into_iter().map(|(name, one)| (name.into_boxed_str(), one)).collect();
        packages.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self(Kind::Packages(packages.into()))
    }

    /// Other backends for calls that have a header of this value, such as `x-service-version: v2`.
    /// The first that fits and has the package wins; all other calls go where they went before.
    pub fn with_variants(self, variants: impl IntoIterator<Item = (HeaderName, HeaderValue, Self)>) -> Self {
        let variants = variants.into_iter();
        let variants = variants.map(|(header, value, backend)| Variant { header, value, backend });
        let variants: Vec<_> = variants.collect();
        let mut names: Vec<_> = variants.iter().map(|one| one.header.clone()).collect();
        names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        Self(Kind::Variants(Arc::new(Variants { variants, names, rest: self })))
    }

    /// The headers that choose between variants: by them the same call may be answered in two ways.
    pub(crate) fn choosing(&self) -> &[HeaderName] {
        match &self.0 {
            Kind::Variants(all) => &all.names,
            Kind::One(_) | Kind::Packages(_) => &[],
        }
    }

    fn find(&self, request: &Request<Body>) -> Option<&Callee> {
        match &self.0 {
            Kind::One(callee) => Some(callee),
            Kind::Packages(packages) => {
                let service = request.uri().path().trim_start_matches('/');
                let fits = |name: &str| service.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
                packages.iter().find(|(name, _)| fits(name))?.1.find(request)
            }
            Kind::Variants(all) => {
                let fits = |one: &&Variant| request.headers().get(&one.header) == Some(&one.value);
                let found = all.variants.iter().filter(fits).find_map(|one| one.backend.find(request));
                found.or_else(|| all.rest.find(request))
            }
        }
    }

    /// Calls the service that the path names.
    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, CallError> {
        let callee = self.find(&request).ok_or(CallError::NoBackend)?;
        let told = deadline::told(request.headers());
        deadline::keep(told, callee.call(request)).await.map_err(CallError::Failed)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::One(_) => f.write_str("Backend"),
            Kind::Variants(all) => all.rest.fmt(f),
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
