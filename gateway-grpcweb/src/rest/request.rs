//! A REST request as the message of its method.

use bytes::Bytes;
use http::HeaderMap;

use super::Call;
use super::form::JSON;
use crate::Body;
use crate::call::{self, FRAME_HEAD};
use crate::codec::plan::MessageId;
use crate::codec::{Encoder, FieldPath};
use crate::error::ApiError;
use crate::headers;
use crate::query::{self, Bound};
use crate::snapshot::{Body as Binding, Route};

/// A body that has come.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// What is in the body is written by someone else.
    Nothing,
    Json(&'a [u8]),
    /// A content type, and bytes that are taken as they are.
    Raw(&'a [u8], &'a [u8]),
}

/// Reads a body to its end; `raw` when it may be of any type.
pub(super) async fn read_body(
    head: &HeaderMap,
    body: Body,
    raw: bool,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let read = call::read_whole(head, body, limit).await?;
    let json = headers::media_type(head).is_none_or(|(media, utf8)| {
        utf8 && (media == "application/json"
            || (media.starts_with("application/") && media.ends_with("+json")))
    });
    if !read.is_empty() && !json && !raw {
        return Err(ApiError::unsupported_media_type(JSON));
    }
    Ok(read)
}

/// Writes the framed request message: first the body, then the query, then the path, so that the
/// path wins by protobuf's own merge. An expected etag comes last of all.
pub(super) fn encode(
    call: &Call<'_>,
    query: &str,
    body: Content<'_>,
    etag: Option<&str>,
) -> Result<Vec<u8>, ApiError> {
    let Call { snapshot, route, .. } = *call;
    let input = snapshot.method(route).input;
    let len = match body {
        Content::Nothing => 0,
        Content::Json(bytes) | Content::Raw(_, bytes) => bytes.len(),
    };
    let mut frame = Vec::with_capacity(FRAME_HEAD + len + query.len() + 64);
    frame.resize(FRAME_HEAD, 0);
    let mut encoder = Encoder::new(&snapshot.plans, frame);
    encoder.ignore_unknown = call.form.ignore_unknown;
    let refuse = |error| ApiError::bad_request(&error);
    let pairs = query::parse(query).map_err(refuse)?;
    match (&route.raw_in, body) {
        (Some(path), Content::Raw(content_type, data)) => encoder.raw(path, content_type, data),
        (_, Content::Json(json)) => encode_body(&mut encoder, route, input, &pairs, json).map_err(refuse)?,
        _ => {}
    }
    if route.body == Binding::Message && !pairs.is_empty() {
        let name = &pairs[0].0;
        let message = format!("`{name}`: the method takes everything in its body, and no query parameters");
        return Err(ApiError::malformed(message));
    }
    let mut taken: Vec<&FieldPath> = route.variables.iter().collect();
    if let Binding::Field(path) = &route.body {
        taken.push(path);
    }
    query::bind(&mut encoder, input, &pairs, &taken, Bound::Refuse).map_err(refuse)?;
    for (path, text) in route.variables.iter().zip(call.variables) {
        query::bind_variable(&mut encoder, path, text).map_err(refuse)?;
    }
    if let (Some(etag), Some(path)) = (etag, &route.etag_in) {
        let given = crate::codec::wire::find_bytes(&encoder.out[FRAME_HEAD..], &numbers(call, path));
        if given.is_some_and(|given| !given.is_empty() && given != etag.as_bytes()) {
            let name = query::dotted(&snapshot.plans, path);
            return Err(ApiError::malformed(format!("if-match: `{name}` of the request names another etag")));
        }
        query::bind_variable(&mut encoder, path, etag).map_err(refuse)?;
    }
    if let (Some(id), Some(cursor)) = (&call.last_event, call.route.cursor) {
        query::bind_variable(&mut encoder, &[cursor.request], id).map_err(refuse)?;
    }
    let mut frame = encoder.out;
    call::close_frame(&mut frame)?;
    Ok(frame)
}

fn numbers(call: &Call<'_>, path: &FieldPath) -> Vec<u32> {
    let plans = &call.snapshot.plans;
    path.iter().map(|(message, index)| plans.message(*message).fields[usize::from(*index)].number).collect()
}

fn encode_body(
    encoder: &mut Encoder<'_>,
    route: &Route,
    input: MessageId,
    pairs: &[query::Pair<'_>],
    body: &[u8],
) -> Result<(), crate::JsonError> {
    match &route.body {
        _ if body.is_empty() => Ok(()),
        Binding::Message => encoder.message(input, body),
        Binding::Field(path) => {
            let mask = route.mask.filter(|mask| !query::has_field(encoder, input, pairs, *mask));
            if mask.is_some() {
                encoder.start_mask();
            }
            encoder.field(path, body)?;
            if let Some(mask) = mask {
                let plans = encoder.plans;
                // Fields that the path binds, and the etag that guards the change, are not changed.
                let bound: Vec<String> = route
                    .variables
                    .iter()
                    .filter_map(|variable| variable.strip_prefix(&**path))
                    .map(|rest| query::dotted(plans, rest))
                    .collect();
                encoder.finish_mask(mask, |name| name == "etag" || bound.iter().any(|bound| bound == name));
            }
            Ok(())
        }
        Binding::None if body == b"{}" => Ok(()),
        Binding::None => {
            Err(crate::JsonError { field: String::new(), message: "the method takes no body".to_owned() })
        }
    }
}
