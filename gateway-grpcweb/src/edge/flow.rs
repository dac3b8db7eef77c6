//! The way of a request through the edge, in the order that [`crate::edge`] tells.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Collected};
use tonic::Code;
use tracing::Instrument as _;

use crate::edge::compress::{self, Coding};
use crate::edge::connections::Busy;
use crate::edge::limit::Told;
use crate::edge::record::Record;
use crate::edge::{Edge, address, auth, deadline, decompress};
use crate::error::ApiError;
use crate::{Body, Gateway, cors, grpc, headers, mcp};

impl Gateway {
    /// Answers one request that comes from nowhere in particular: this process, most likely.
    pub async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        let record = Record::begin(&mut request, self.snapshot());
        let span = record.span.clone();
        self.pass(record, request).instrument(span).await
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
        let span = record.span.clone();
        self.pass(record, request).instrument(span).await
    }

    async fn pass(&self, mut record: Box<Record>, request: Request<Body>) -> Response<Body> {
        let head = request.method() == Method::HEAD;
        let origins = &self.options().origins;
        let allowed = cors::allowed_origin(origins, request.headers());
        let coding = Coding::accepted(request.headers());
        let mut response = match cors::preflight(&request, allowed.as_ref()) {
            Some(response) => response,
            None => match self.admit(&mut record, request).await {
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
    async fn admit(
        &self,
        record: &mut Record,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, ApiError> {
        headers::check_length(&request)?;
        deadline::settle(request.headers_mut(), self.options().max_timeout)?;
        let told = self.know(record, &mut request).await?;
        let declared = record.method().and_then(|method| method.declared.cache);
        let answer = match (&self.edge().cache, declared) {
            (Some(cache), Some(declared)) => {
                // Apart from the way of other calls, whose futures are not to grow by it.
                Box::pin(cache.answer(self, record, declared, request)).await
            }
            _ => self.call(record, request).await,
        };
        let Some(told) = told else { return answer };
        // What a service refuses has been counted like what it grants.
        answer.map_err(|error| told.add_to(error)).map(|mut response| {
            told.show(response.headers_mut());
            response
        })
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
            let unpacked = Box::pin(decompress::unpack(request, coding, options.max_request));
            let unpacked = tokio::time::timeout(deadline.unwrap_or(options.timeout), unpacked);
            request = unpacked.await.map_err(|_| ApiError::deadline())??;
        }
        self.dispatch(record, request).await
    }

    /// Calls a method for a tool: JSON in and out, as [`Gateway::handle`] does, but for the caller
    /// of a request that was let in and counted already.
    pub(crate) async fn call_tool(
        &self,
        mut record: Box<Record>,
        request: Request<Body>,
    ) -> Result<Bytes, ApiError> {
        match self.admit(&mut record, request).await {
            Ok(response) => {
                let body = record.answered(response).into_body().collect().await;
                body.map(Collected::to_bytes).map_err(|error| ApiError::internal(&error))
            }
            Err(error) => {
                record.refused(&error);
                Err(error)
            }
        }
    }

    /// Finds out who calls, and whether they may call so often.
    async fn know(&self, record: &mut Record, request: &mut Request<Body>) -> Result<Option<Told>, ApiError> {
        let Edge { auth, limits, .. } = self.edge();
        let trusted = &self.options().trusted_proxies;
        let address = record.peer.map(|peer| address::caller(peer, request.headers(), trusted));
        let path = request.uri().path();
        let public = match record.method() {
            Some(method) => method.declared.public,
            None if record.protocol.passes_through() => {
                grpc::admit_stranger(path, self.options().docs)?;
                true
            }
            // Tools are called on behalf of whoever signs in; listing the public ones needs nobody.
            None if mcp::is_path(path) => !auth::has_credentials(request.headers()),
            None => return Ok(None),
        };
        if let (Some(limits), false) = (limits, public) {
            limits.check_strikes(address)?;
        }
        if let (Some(auth), None) = (auth, &record.caller) {
            match auth.admit(request.headers_mut(), public).await {
                Ok(caller) => record.caller = caller,
                Err(error) => {
                    if let (Some(limits), Code::Unauthenticated) = (limits, error.code) {
                        limits.strike(address);
                    }
                    return Err(error);
                }
            }
        }
        match limits {
            Some(limits) => limits.take(record, address).await,
            None => Ok(None),
        }
    }
}
