//! From a method and a path to a route, by the templates of `google.api.http`.

mod percent;
mod template;
mod trie;

pub(crate) use percent::{Unescape, decode, decode_query};
#[cfg(test)]
pub(crate) use template::Segment;
pub(crate) use template::Template;
pub(crate) use trie::{Found, Router};
