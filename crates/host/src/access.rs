//! The one layer that decides who may call what, from the access options of the contracts.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName};
use kit::{Code, Error, Result};
use store::{Access, BoxFuture, CallError, Caller, Method, TENANT_HEADER};
use tonic::Status;
use tonic::body::Body;
use tower::{BoxError, Service};
use tracing::{Instrument as _, Span};

use crate::meter::{self, Meter, Under};
use crate::token::{self, Verifier};

/// The longest that a call may take, whatever its caller allows.
const CALL_MAX: Duration = Duration::from_secs(300);

/// Lets through the calls that the contracts allow, with their [`Caller`] in the extensions.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    inner: S,
    methods: Arc<HashMap<&'static str, Arc<Meter>>>,
    verifier: Arc<Verifier>,
}

impl<S> Guard<S> {
    /// Guards these methods. A path that is not among them is answered by the routes themselves: health,
    /// reflection, or UNIMPLEMENTED.
    pub fn new(inner: S, methods: impl Iterator<Item = &'static Method>, verifier: Arc<Verifier>) -> Self {
        let methods = methods.map(|method| (method.path, Arc::new(Meter::new(method)))).collect();
        Self { inner, methods: Arc::new(methods), verifier }
    }
}

impl<S> Service<http::Request<Body>> for Guard<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = CallError;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, CallError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), CallError>> {
        self.inner.poll_ready(cx).map_err(CallError::new)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let meter = self.methods.get(request.uri().path()).cloned();
        let verifier = self.verifier.clone();
        // Taken out beforehand: a request's body can't be shared with the future that checks the token.
        let token = text(&request, &AUTHORIZATION);
        let tenant = text(&request, &TENANT_HEADER);
        let limit = text(&request, &HeaderName::from_static("grpc-timeout"));
        let limit = limit.and_then(|value| store::grpc_timeout(&value)).unwrap_or(CALL_MAX).min(CALL_MAX);
        let Some(meter) = meter else {
            let call = async move { within(limit, inner.call(request)).await };
            return Box::pin(call);
        };
        let span = meter.span(request.headers());
        let (access, under) = (meter.access, Under::new(meter, span.clone()));
        let call = async move {
            match admit(&verifier, access, token, tenant).await {
                Ok(caller) => {
                    meter::called_by(&Span::current(), &caller);
                    request.extensions_mut().insert(caller);
                }
                Err(error) => return Ok(under.answered(Status::from(error).into_http())),
            }
            match within(limit, inner.call(request)).await {
                Ok(answer) => Ok(under.answered(answer)),
                Err(error) => {
                    under.failed();
                    Err(error)
                }
            }
        };
        Box::pin(call.instrument(span))
    }
}

async fn within<E: Into<BoxError>>(
    limit: Duration,
    call: impl Future<Output = std::result::Result<http::Response<Body>, E>>,
) -> std::result::Result<http::Response<Body>, CallError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(CallError::new),
        Err(_) => Ok(Status::from(deadline_exceeded()).into_http()),
    }
}

async fn admit(
    verifier: &Arc<Verifier>,
    access: Access,
    token: Option<String>,
    tenant: Option<String>,
) -> Result<Caller> {
    if access == Access::Public {
        return Ok(Caller::anonymous());
    }
    let bearer = token
        .as_deref()
        .and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")));
    let checked = verifier.check(bearer.ok_or_else(|| token::refused("sign in first"))?).await;
    let checked = checked.map_err(token::error)?;
    let caller = token::caller(&checked.claims, tenant.as_deref())?;
    match access {
        Access::Permission(permission) if !caller.may(permission) => {
            Err(Error::permission_missing(permission))
        }
        _ => Ok(caller),
    }
}

fn text(request: &http::Request<Body>, name: &HeaderName) -> Option<String> {
    request.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn deadline_exceeded() -> Error {
    Error::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "erp", "the deadline passed")
}
