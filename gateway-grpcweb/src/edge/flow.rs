//! The way of a request through the edge, in the order that [`crate::edge`] tells.

use std::net::IpAddr;

use http::{HeaderMap, Method, Request, Response};
use tonic::Code;

use crate::edge::auth::Caller;
use crate::edge::compress::{self, Coding};
use crate::edge::connections::Busy;
use crate::edge::limit::Told;
use crate::edge::record::Record;
use crate::edge::{Edge, address, auth, deadline, decompress};
use crate::error::ApiError;
use crate::{Body, Gateway, cors, headers};

impl Gateway {
    /// Answers one request that comes from nowhere in particular: this process, most likely.
    pub async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        let record = Record::begin(&mut request, self.snapshot());
        self.pass(record, request).await
    }

    /// Answers one request of a connection, which is busy until the answer's end.
    pub(crate) async fn handle_from(
        &self,
        peer: IpAddr,
        busy: Busy,
        mut request: Request<Body>,
    ) -> Response<Body> {
        let mut record = Record::begin(&mut request, self.snapshot());
        record.came_from(peer, busy);
        self.pass(record, request).await
    }

    async fn pass(&self, record: Record, request: Request<Body>) -> Response<Body> {
        let head = request.method() == Method::HEAD;
        let origins = &self.options().origins;
        let allowed = cors::allowed_origin(origins, request.headers());
        let coding = Coding::accepted(request.headers());
        let mut response = match cors::preflight(&request, allowed.as_ref()) {
            Some(response) => response,
            None => match self.admit(&record, request).await {
                Ok(response) => response,
                Err(error) => error.answer(&record.protocol, &record.snapshot),
            },
        };
        if record.protocol.has_content_codings() {
            response = compress::compress(response, coding);
        }
        if head {
            *response.body_mut() = Body::empty();
        }
        cors::apply(origins, allowed, response.headers_mut());
        record.names.show(response.headers_mut());
        record.answered(response)
    }

    /// What may refuse a request before its call.
    async fn admit(&self, record: &Record, mut request: Request<Body>) -> Result<Response<Body>, ApiError> {
        deadline::settle(request.headers_mut(), self.options().max_timeout)?;
        let (caller, told) = self.know(record, request.headers_mut()).await?;
        let declared = record.method().and_then(|method| method.declared.cache);
        let mut response = match (&self.edge().cache, declared) {
            (Some(cache), Some(declared)) if record.protocol.has_content_codings() => {
                // Apart from the way of other calls, whose futures are not to grow by it.
                Box::pin(cache.answer(self, record, (declared, caller.as_ref()), request)).await
            }
            _ => self.call(record, request).await,
        };
        if let (Ok(response), Some(told)) = (&mut response, told) {
            told.show(response.headers_mut());
        }
        response
    }

    pub(crate) async fn call(
        &self,
        record: &Record,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, ApiError> {
        let options = self.options();
        if record.protocol.has_content_codings()
            && let Some(coding) = decompress::coding(request.headers())?
        {
            let deadline = headers::deadline(request.headers(), options, false);
            let unpacked = decompress::unpack(request, coding, options.max_request);
            let unpacked = tokio::time::timeout(deadline.unwrap_or(options.timeout), unpacked);
            request = unpacked.await.map_err(|_| ApiError::deadline())??;
        }
        self.dispatch(&record.snapshot, &record.protocol, request).await
    }

    /// Finds out who calls, and whether they may call so often.
    async fn know(
        &self,
        record: &Record,
        headers: &mut HeaderMap,
    ) -> Result<(Option<Caller>, Option<Told>), ApiError> {
        let Edge { auth, limits, .. } = self.edge();
        let trusted = &self.options().trusted_proxies;
        let address = record.peer.map(|peer| address::caller(peer, headers, trusted));
        let method = record.method();
        // Tools are called on behalf of whoever signs in; listing the public ones needs nobody.
        let public = match method {
            Some(method) => method.declared.public,
            None if !record.is_mcp() => return Ok((None, None)),
            None => !auth::has_credentials(headers),
        };
        if let (Some(limits), false) = (limits, public) {
            limits.check_strikes(address)?;
        }
        let caller = match auth {
            Some(auth) => match auth.admit(headers, public).await {
                Ok(caller) => caller,
                Err(error) => {
                    if let (Some(limits), Code::Unauthenticated) = (limits, error.code) {
                        limits.strike(address);
                    }
                    return Err(error);
                }
            },
            None => None,
        };
        let told = match limits {
            Some(limits) => limits.take(method, caller.as_ref(), address).await?,
            None => None,
        };
        Ok((caller, told))
    }
}
