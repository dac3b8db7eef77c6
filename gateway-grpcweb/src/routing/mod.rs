//! From a method and a path to a route, by the templates of `google.api.http`.

mod percent;
mod template;
mod trie;

pub(crate) use percent::{Unescape, decode, decode_query, decode_query_bytes};
#[cfg(test)]
pub(crate) use template::Edge;
pub(crate) use template::{Segment, Template, Variable};
pub(crate) use trie::{Found, Router};
