//! Errors as Connect tells them: `{"code": "not_found", "message": "...", "details": [...]}`, as the
//! body of a unary answer, or within the envelope that ends a stream.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::codes::{self, code_name};
use super::print::write_any;
use super::{ApiError, Snapshot};
use crate::Body;
use crate::codec::text::put_json_string;
use crate::connect::{END, Kind, envelope};

impl ApiError {
    /// The error as an answer. A stream is refused with status 200 and its end, but for what HTTP
    /// itself has a word for.
    pub(super) fn connect(&self, kind: Kind, snapshot: &Snapshot) -> Response<Body> {
        let of_http = [
            StatusCode::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ];
        let of_http = self.status.filter(|status| of_http.contains(status));
        let (status, content_type, out) = match kind {
            Kind::Stream(_) if of_http.is_none() => {
                let end = Self::connect_end(Some(self), &HeaderMap::new(), snapshot);
                (StatusCode::OK, kind.content_type(), end)
            }
            _ => {
                let mut out = Vec::with_capacity(256);
                self.write_connect(&mut out, snapshot);
                (of_http.unwrap_or_else(|| codes::http_status(self.code)), "application/json", out)
            }
        };
        let mut response = Response::new(crate::body(out));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    /// The envelope that ends a stream, with an error or without, and with its trailers.
    pub(crate) fn connect_end(error: Option<&Self>, trailers: &HeaderMap, snapshot: &Snapshot) -> Vec<u8> {
        let written = envelope(Vec::with_capacity(64), END, |mut out| {
            out.push(b'{');
            if let Some(error) = error {
                out.extend_from_slice(b"\"error\":");
                error.write_connect(&mut out, snapshot);
            }
            let own = error.map_or(&[][..], |error| &error.headers);
            let mut metadata = trailers.clone();
            metadata.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
            if !metadata.is_empty() {
                out.extend_from_slice(if error.is_some() { b",\"metadata\":" } else { b"\"metadata\":" });
                write_metadata(&mut out, &metadata);
            }
            out.push(b'}');
            Ok(out)
        });
        // Messages and metadata are bounded by the limits of headers, far below 4 GiB.
        written.unwrap_or_default()
    }

    fn write_connect(&self, out: &mut Vec<u8>, snapshot: &Snapshot) {
        out.extend_from_slice(b"{\"code\":\"");
        let name = code_name(self.code).to_ascii_lowercase();
        // Connect spells this one word as Americans do.
        out.extend_from_slice(if name == "cancelled" { b"canceled" } else { name.as_bytes() });
        out.push(b'"');
        if !self.message.is_empty() {
            out.extend_from_slice(b",\"message\":");
            put_json_string(out, &self.message);
        }
        for (index, detail) in self.details.iter().enumerate() {
            out.extend_from_slice(if index > 0 { b"," } else { b",\"details\":[" });
            let name = detail.type_url.rsplit('/').next().unwrap_or_default();
            out.extend_from_slice(b"{\"type\":");
            put_json_string(out, name);
            out.extend_from_slice(b",\"value\":\"");
            out.extend_from_slice(STANDARD_NO_PAD.encode(&detail.value).as_bytes());
            out.extend_from_slice(b"\",\"debug\":");
            write_any(out, detail, snapshot);
            out.push(b'}');
        }
        if !self.details.is_empty() {
            out.push(b']');
        }
        out.push(b'}');
    }
}

/// `{"name": ["value", ...]}`
fn write_metadata(out: &mut Vec<u8>, metadata: &HeaderMap) {
    out.push(b'{');
    for (index, name) in metadata.keys().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put_json_string(out, name.as_str());
        out.extend_from_slice(b":[");
        let values = metadata.get_all(name).iter().filter_map(|value| value.to_str().ok());
        for (index, value) in values.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            put_json_string(out, value);
        }
        out.push(b']');
    }
    out.push(b'}');
}
