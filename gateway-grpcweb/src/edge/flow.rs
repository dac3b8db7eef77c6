//! The way of a request through the edge, in the order that [`crate::edge`] tells.

use std::net::IpAddr;

use http::{Method, Request, Response};

use crate::edge::compress::{self, Coding};
use crate::edge::connections::Busy;
use crate::edge::record::Record;
use crate::edge::{deadline, decompress};
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
        let options = self.options();
        deadline::settle(request.headers_mut(), options.max_timeout)?;
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
}
