//! Unary calls, posted or by GET.

use std::borrow::Cow;
use std::pin::pin;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::Code;

use super::{Call, Codec, Kind, put_trailers, unsupported};
use crate::Body;
use crate::call::{self, FRAME_HEAD, Fault};
use crate::codec::text::decode_base64;
use crate::edge::compress::Coding;
use crate::edge::decompress;
use crate::error::ApiError;
use crate::headers;
use crate::heavy;
use crate::routing::decode_query_bytes;

/// A call whose message is the body.
pub(super) async fn post(
    call: &Call<'_>,
    codec: Codec,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    let limit = call.inner.options.max_request;
    let deadline = headers::deadline(&head.headers, &call.inner.options, false);
    let work = async {
        let message = call::read_whole(&head.headers, body, limit).await?;
        send(call, codec, &head.headers, &message).await
    };
    call::within(deadline, pin!(work)).await
}

/// A call whose message stands in the query, so that its answer can be kept by caches.
pub(super) async fn get(call: &Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    if query.connect.as_deref().is_some_and(|version| version != b"v1") {
        return Err(ApiError::malformed("connect: must be v1"));
    }
    let codec = match query.encoding.as_deref().map(std::str::from_utf8) {
        Some(Ok(encoding)) => Codec::of(encoding).ok_or_else(|| unsupported(false))?,
        _ => return Err(ApiError::malformed("encoding: must be proto or json")),
    };
    let message = query.message.ok_or_else(|| ApiError::malformed("message: is missing"))?;
    let message = match query.base64.as_deref() {
        Some(b"1") => {
            let text = std::str::from_utf8(&message).ok().and_then(decode_base64);
            Cow::Owned(text.ok_or_else(|| ApiError::malformed("message: is no base64"))?)
        }
        None => message,
        Some(_) => return Err(ApiError::malformed("base64: must be 1")),
    };
    let limit = call.inner.options.max_request;
    let message = match query.compression.as_deref() {
        None | Some(b"identity") => message,
        Some(name) => Cow::Owned(decompress::plain(coding(name)?, &message, limit)?),
    };
    let deadline = headers::deadline(request.headers(), &call.inner.options, false);
    call::within(deadline, pin!(send(call, codec, request.headers(), &message))).await
}

/// A coding by its name in a request.
pub(crate) fn coding(name: &[u8]) -> Result<Coding, ApiError> {
    std::str::from_utf8(name).ok().and_then(Coding::parse).ok_or_else(|| {
        let message = format!("unknown compression; {} are taken", decompress::TAKEN);
        ApiError::new(Code::Unimplemented, message).reason("UNSUPPORTED_COMPRESSION")
    })
}

async fn send(
    call: &Call<'_>,
    codec: Codec,
    head: &HeaderMap,
    message: &[u8],
) -> Result<Response<Body>, ApiError> {
    let Call { inner, snapshot, method } = *call;
    let options = &inner.options;
    let mut frame = Vec::with_capacity(FRAME_HEAD + message.len());
    frame.resize(FRAME_HEAD, 0);
    let read = || codec.read(snapshot, method.input, options.ignore_unknown_fields, message, frame);
    let mut frame = heavy::in_turn(message.len(), read).await?;
    call::close_frame(&mut frame)?;
    let metadata = headers::metadata(head, headers::deadline(head, options, false));
    let body = crate::body(frame);
    let mut answer =
        call::send(&inner.backend, &method.path, metadata, body, Fault::default(), options.max_response)
            .await?;
    let message = answer.messages.only().await?;
    let out = Vec::with_capacity(message.len());
    let write = || codec.write(snapshot, method.output, options.json, &message, out);
    let out = heavy::in_turn(message.len(), write).await?;
    let mut response = Response::new(crate::body(out));
    let headers = response.headers_mut();
    *headers = headers::answer_headers(answer.headers);
    put_trailers(headers, &answer.messages.trailers());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(Kind::Unary(codec).content_type()));
    Ok(response)
}

/// The parameters of a GET, decoded; all others are ignored, as the protocol wants it.
#[derive(Default)]
struct Query<'q> {
    connect: Option<Cow<'q, [u8]>>,
    encoding: Option<Cow<'q, [u8]>>,
    message: Option<Cow<'q, [u8]>>,
    base64: Option<Cow<'q, [u8]>>,
    compression: Option<Cow<'q, [u8]>>,
}

impl<'q> Query<'q> {
    fn parse(text: &'q str) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match name {
                "connect" => &mut query.connect,
                "encoding" => &mut query.encoding,
                "message" => &mut query.message,
                "base64" => &mut query.base64,
                "compression" => &mut query.compression,
                _ => continue,
            };
            let value = decode_query_bytes(value);
            *slot = Some(
                value.ok_or_else(|| ApiError::malformed(format!("{name}: has a broken percent escape")))?,
            );
        }
        Ok(query)
    }
}
