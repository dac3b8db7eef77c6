//! The descriptor set for programs that learn the contracts when they start, such as the console.
//!
//! It is the set that the gateway serves, options byte for byte, but with no more of the source than
//! people read: the comments of declarations, in the files of our own contracts. The comments of
//! Google's files alone would be half of it.

use std::collections::HashSet;

use prost::Message as _;
use prost_reflect::{DescriptorPool, FileDescriptor};
use prost_types::SourceCodeInfo;
use prost_types::source_code_info::Location;

use crate::codec::wire::{Malformed, Reader, close_len, open_len, put_bytes, put_varint};
use crate::served::{Served, digest};

/// `FileDescriptorSet.file`
const FILE: u32 = 1;
/// `FileDescriptorProto.source_code_info`
const SOURCE: u32 = 9;
/// The wire type of what has a length.
const LEN: u64 = 2;

/// What is told to such programs.
pub(super) struct DescriptorSet {
    /// Follows from the bytes, so that these may be kept for ever under it.
    pub(super) name: String,
    /// Where it is now.
    pub(super) pointer: Served,
    pub(super) bytes: Served,
}

impl DescriptorSet {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let bytes = encode(pool);
        let name = digest(&bytes);
        let pointer = serde_json::json!({ "url": format!("/descriptors/{name}.binpb") }).to_string();
        Self {
            pointer: Served::new(pointer, "application/json"),
            bytes: Served::new(bytes, "application/protobuf").for_ever().brotlied().gzipped(),
            name,
        }
    }
}

fn encode(pool: &DescriptorPool) -> Vec<u8> {
    let services = pool.services().map(|service| root(service.package_name()).to_owned());
    let own: HashSet<String> = services.collect();
    let mut out = Vec::new();
    for file in pool.files() {
        put_varint(&mut out, u64::from(FILE) << 3 | LEN);
        let start = open_len(&mut out);
        let encoded = file.encode_to_vec();
        // It was encoded a moment ago, and can be read; the whole file would do no harm, either.
        out.extend(without(&encoded, SOURCE).unwrap_or(encoded));
        if own.contains(root(file.package_name())) {
            put_varint(&mut out, u64::from(SOURCE) << 3 | LEN);
            put_bytes(&mut out, &comments(&file).encode_to_vec());
        }
        close_len(&mut out, start);
    }
    out
}

/// `erp` of `erp.crm.v1`: packages under the same root have one author.
fn root(package: &str) -> &str {
    package.split('.').next().unwrap_or_default()
}

/// The records of a message but those of one field, as they stand.
fn without(message: &[u8], field: u32) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(message);
    let mut out = Vec::with_capacity(message.len());
    while !reader.is_empty() {
        let record = reader.rest();
        let (number, wire) = reader.tag()?;
        reader.skip(number, wire)?;
        if number != field {
            out.extend_from_slice(&record[..record.len() - reader.rest().len()]);
        }
    }
    Ok(out)
}

/// The comments of a file's declarations, without the places where they stand.
fn comments(file: &FileDescriptor) -> SourceCodeInfo {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let places = info.iter().flat_map(|info| &info.location).filter(|place| is_declaration(&place.path));
    let location = places.filter_map(|place| {
        let comment = place.leading_comments.as_ref().or(place.trailing_comments.as_ref())?;
        let leading_comments = Some(comment.clone());
        Some(Location { path: place.path.clone(), leading_comments, ..Location::default() })
    });
    SourceCodeInfo { location: location.collect() }
}

/// Whether a path within `FileDescriptorProto` leads to a message, field, enum, value, service or
/// method.
fn is_declaration(path: &[i32]) -> bool {
    let mut steps = path.chunks_exact(2).map(|step| step[0]);
    let (mut kind, even) = (Kind::File, path.len().is_multiple_of(2));
    let leads = steps.all(|field| {
        let next = kind.child(field);
        kind = next.unwrap_or(Kind::File);
        next.is_some()
    });
    even && leads && !path.is_empty()
}

#[derive(Clone, Copy)]
enum Kind {
    File,
    Message,
    Enum,
    Service,
    /// A field, a value or a method: nothing stands within.
    Leaf,
}

impl Kind {
    /// What a field of its descriptor holds, by the numbers of google/protobuf/descriptor.proto.
    fn child(self, field: i32) -> Option<Self> {
        match (self, field) {
            (Self::File, 4) | (Self::Message, 3) => Some(Self::Message),
            (Self::File, 5) | (Self::Message, 4) => Some(Self::Enum),
            (Self::File, 6) => Some(Self::Service),
            (Self::Message | Self::Enum | Self::Service, 2) => Some(Self::Leaf),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_declaration;

    #[test]
    fn only_paths_of_declarations_are_known() {
        for path in [&[4, 0][..], &[4, 0, 2, 3], &[4, 0, 3, 1, 4, 0, 2, 2], &[5, 0, 2, 1], &[6, 0, 2, 9]] {
            assert!(is_declaration(path), "{path:?}");
        }
        for path in
            [&[][..], &[2], &[12], &[4, 0, 2], &[4, 0, 2, 3, 8], &[4, 0, 7, 0], &[6, 0, 2, 9, 4, 0], &[8, 1]]
        {
            assert!(!is_declaration(path), "{path:?}");
        }
    }
}
