//! JSON text to protobuf bytes and back, by plans compiled from the descriptors.
//!
//! No message object is built: the encoder walks the JSON text and writes fields, the printer
//! walks the fields and writes JSON. The reflective message serves two rare cases only: messages
//! with groups or extensions, and repeated fields whose elements are scattered over the wire.

mod encode;
mod mask;
mod names;
pub(crate) mod plan;
mod print;
mod print_known;
mod print_list;
mod scalar;
mod seeds;
mod seeds_any;
mod seeds_map;
pub(crate) mod text;
mod time;
pub(crate) mod wire;

pub use encode::JsonError;
pub(crate) use encode::{Encoder, FieldPath};
pub use print::JsonOptions;
pub(crate) use print::Printer;

/// How deep messages may nest, in both directions.
pub(crate) const MAX_DEPTH: u32 = 100;

#[cfg(test)]
mod tests;
