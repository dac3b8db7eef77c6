//! One call to a method by name: JSON in, JSON out.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use super::Handler;
use crate::edge::record::Record;
use crate::error::ApiError;

/// Headers of the request for a tool that say nothing of the method's call.
const OTHER: [HeaderName; 10] = [
    ACCEPT,
    ACCEPT_ENCODING,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    HeaderName::from_static("connect-protocol-version"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
];

impl Handler {
    /// Calls the method at `path`, such as `/erp.crm.v1.ContactService/GetContact`, as the caller
    /// whose headers these are: a Connect call of its own, which passes the edge.
    ///
    /// # Errors
    /// What the edge refuses, what the service answers, or what is wrong with the JSON.
    pub(super) async fn call(
        &self,
        path: &str,
        mut headers: HeaderMap,
        json: Vec<u8>,
    ) -> Result<Bytes, ApiError> {
        let method = self.snapshot.method_at(path).ok_or_else(ApiError::not_found)?;
        OTHER.iter().for_each(|name| drop(headers.remove(name)));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut request = Request::new(crate::body(json));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from(method.path.clone());
        *request.headers_mut() = headers;
        let mut record = Record::begin(&mut request, self.snapshot.clone());
        record.for_tool(self.caller.clone(), self.peer);
        self.gateway.call_tool(record, request).await
    }
}
