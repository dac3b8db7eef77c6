//! Connect (connectrpc.com/docs/protocol): unary calls as plain HTTP, also by GET where nothing is
//! changed, and streams in envelopes, each in protobuf or JSON.
//!
//! What is posted to a method's own path as `application/json` or `application/proto` is Connect's
//! unary call; the version header need not be there, but must be `1` when it is.

mod frames;
mod stream;
mod unary;

use std::sync::Arc;

use http::header::ALLOW;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use tonic::Code;

use crate::Body;
use crate::codec::plan::MessageId;
use crate::codec::{Encoder, JsonOptions, Printer};
use crate::error::ApiError;
use crate::gateway::Inner;
use crate::snapshot::{MethodPlan, Snapshot};

pub(crate) use frames::{Frames, Reading, envelope};
pub(crate) use unary::coding;

const VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// The flag of the envelope that ends an answer.
pub(crate) const END: u8 = 2;

/// A request's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Unary(Codec),
    /// A unary call whose message stands in the query.
    Get,
    Stream(Codec),
    /// A codec that is not spoken.
    Unknown,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Proto,
    Json,
}

impl Kind {
    /// None: the request does not speak Connect.
    pub(crate) fn of<B>(request: &Request<B>, media: Option<&str>, snapshot: &Snapshot) -> Option<Self> {
        if let Some(codec) = media.and_then(|media| media.strip_prefix("application/connect+")) {
            return Some(Codec::of(codec).map_or(Self::Unknown, Self::Stream));
        }
        let (path, says) = (request.uri().path(), request.headers().contains_key(VERSION));
        match *request.method() {
            Method::POST => {
                let codec = Codec::of(media?.strip_prefix("application/")?)?;
                (says || snapshot.has_method(path)).then_some(Self::Unary(codec))
            }
            Method::GET | Method::HEAD if snapshot.has_method(path) => {
                let mut names = request.uri().query()?.split('&');
                let own = |name: &str| matches!(name, "connect" | "encoding" | "message");
                let one = names.any(|pair| own(pair.split('=').next().unwrap_or_default()));
                one.then_some(Self::Get)
            }
            _ => None,
        }
    }

    /// The content type of its answers.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Unary(Codec::Proto) => "application/proto",
            Self::Stream(Codec::Proto) => "application/connect+proto",
            Self::Stream(Codec::Json) => "application/connect+json",
            Self::Unary(Codec::Json) | Self::Get | Self::Unknown => "application/json",
        }
    }
}

impl Codec {
    fn of(name: &str) -> Option<Self> {
        match name {
            "proto" => Some(Self::Proto),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// Appends a caller's message as protobuf.
    fn read(
        self,
        snapshot: &Snapshot,
        id: MessageId,
        ignore_unknown: bool,
        message: &[u8],
        out: Vec<u8>,
    ) -> Result<Vec<u8>, ApiError> {
        let mut encoder = Encoder::new(&snapshot.plans, out);
        encoder.ignore_unknown = ignore_unknown;
        match self {
            Self::Proto => encoder.out.extend_from_slice(message),
            Self::Json => encoder.message(id, message).map_err(|error| ApiError::bad_request(&error))?,
        }
        Ok(encoder.out)
    }

    /// Appends a service's message as the caller reads it.
    fn write(
        self,
        snapshot: &Snapshot,
        id: MessageId,
        options: JsonOptions,
        message: &[u8],
        out: Vec<u8>,
    ) -> Result<Vec<u8>, ApiError> {
        let mut printer = Printer::new(&snapshot.plans, options, out);
        match self {
            Self::Proto => printer.out.extend_from_slice(message),
            Self::Json => printer.message(id, message).map_err(|error| ApiError::internal(&error))?,
        }
        Ok(printer.out)
    }
}

/// One call, as far as its headers tell it.
struct Call<'a> {
    inner: &'a Inner,
    snapshot: &'a Arc<Snapshot>,
    method: &'a MethodPlan,
}

/// Serves one call.
pub(crate) async fn serve(
    inner: &Inner,
    snapshot: &Arc<Snapshot>,
    kind: Kind,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    if let Some(version) = request.headers().get(VERSION)
        && version != "1"
    {
        return Err(ApiError::malformed(format!("{VERSION}: must be 1")));
    }
    let Some(method) = snapshot.method_at(request.uri().path()) else {
        let error = ApiError::new(Code::Unimplemented, "no such method").status(StatusCode::NOT_FOUND);
        return Err(error.reason("NO_SUCH_PATH"));
    };
    let streams = method.client_streaming || method.server_streaming;
    if matches!(kind, Kind::Unknown) || matches!(kind, Kind::Stream(_)) != streams {
        return Err(unsupported(streams));
    }
    let callable = *request.method() == Method::POST || kind == Kind::Get && method.safe;
    if !callable {
        let error = ApiError::new(Code::Unimplemented, "the method is only called by POST");
        let error = error.status(StatusCode::METHOD_NOT_ALLOWED).reason("METHOD_NOT_ALLOWED");
        return Err(error.header(ALLOW, "POST"));
    }
    let call = Call { inner, snapshot, method };
    match kind {
        Kind::Unary(codec) => unary::post(&call, codec, request).await,
        Kind::Get | Kind::Unknown => unary::get(&call, request).await,
        Kind::Stream(codec) => stream::serve(&call, codec, request).await,
    }
}

/// The content type is not one that the method takes.
fn unsupported(streams: bool) -> ApiError {
    let taken = if streams {
        "application/connect+proto, application/connect+json"
    } else {
        "application/proto, application/json"
    };
    ApiError::unsupported_media_type(taken).header(ACCEPT_POST, taken)
}

/// Metadata of an answer's end as headers, where there are no trailers.
fn put_trailers(headers: &mut HeaderMap, trailers: &HeaderMap) {
    for (name, value) in trailers {
        if let Ok(name) = HeaderName::try_from(format!("trailer-{name}")) {
            headers.append(name, value.clone());
        }
    }
}
