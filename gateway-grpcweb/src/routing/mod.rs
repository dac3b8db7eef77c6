//! From a method and a path to a route, by the templates of `google.api.http`.

mod percent;
mod template;
mod trie;

pub(crate) use percent::{Unescape, decode, decode_query, decode_query_bytes};
pub(crate) use template::Template;
#[cfg(test)]
pub(crate) use template::{Edge, Segment};
pub(crate) use trie::{Found, Router};
