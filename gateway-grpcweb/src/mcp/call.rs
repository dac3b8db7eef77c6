//! One call to a method by name: JSON in, JSON out, on the way that REST calls take.

use http::HeaderMap;

use crate::call::{self, FRAME_HEAD, Fault};
use crate::codec::{Encoder, Printer};
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::headers;
use crate::snapshot::Snapshot;

/// Headers that belong to the protocol of the tools.
const OWN: [&str; 4] = ["mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name"];

/// Calls the method at `path`, such as `/erp.crm.v1.ContactService/GetContact`, as the caller whose
/// headers these are.
///
/// # Errors
/// What the service answers, or what is wrong with the JSON.
pub(super) async fn unary(
    inner: &Inner,
    snapshot: &Snapshot,
    path: &str,
    head: &HeaderMap,
    json: &[u8],
) -> Result<Vec<u8>, ApiError> {
    let method = snapshot.method_at(path).ok_or_else(ApiError::not_found)?;
    let deadline = headers::deadline(head, &inner.options, false);
    let mut metadata = headers::metadata(head, deadline);
    for name in OWN {
        metadata.remove(name);
    }
    let mut frame = Vec::with_capacity(FRAME_HEAD + json.len());
    frame.resize(FRAME_HEAD, 0);
    let mut encoder = Encoder::new(&snapshot.plans, frame);
    encoder.message(method.input, json).map_err(|error| ApiError::bad_request(&error))?;
    let mut frame = encoder.out;
    call::close_frame(&mut frame)?;
    let work = async {
        let limit = inner.options.max_response;
        let mut answer =
            call::send(&inner.backend, &method.path, metadata, crate::body(frame), Fault::default(), limit)
                .await?;
        let message = answer.messages.next().await?;
        let message =
            message.ok_or_else(|| ApiError::internal(&"a service answered OK without a message"))?;
        // The status comes behind the message.
        if answer.messages.next().await?.is_some() {
            return Err(ApiError::internal(&"a service answered a unary call twice"));
        }
        let out = Vec::with_capacity(message.len() * 3 + 16);
        let mut printer = Printer::new(&snapshot.plans, inner.options.json, out);
        printer.message(method.output, &message).map_err(|error| ApiError::internal(&error))?;
        Ok(printer.out)
    };
    match deadline {
        Some(deadline) => {
            tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| Err(ApiError::deadline()))
        }
        None => work.await,
    }
}
