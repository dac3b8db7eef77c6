//! What a descriptor set tells of its source: of all of it only the comments of declarations are read.
//!
//! A compiler also tells where every name, type and number stands, which takes more memory than all else in the set.

use prost::Message as _;
use prost_types::SourceCodeInfo;
use prost_types::source_code_info::Location;

use crate::codec::wire::{Malformed, Reader, put_bytes, put_varint};

/// `FileDescriptorSet.file`
const FILE: u32 = 1;
/// `FileDescriptorProto.source_code_info`
const SOURCE: u32 = 9;
/// The wire type of what has a length.
const LEN: u8 = 2;

/// An encoded `FileDescriptorSet` whose files tell nothing of their source but the comments of declarations. All
/// else, options that nobody here knows among it, stays byte for byte.
pub(crate) fn slim(set: &[u8]) -> Result<Vec<u8>, Malformed> {
    rewrite(set, FILE, |file| {
        let slim = rewrite(file, SOURCE, |info| {
            let info = SourceCodeInfo::decode(info).map_err(|_| Malformed)?;
            Ok(Some(comments(info).encode_to_vec()))
        });
        slim.map(Some)
    })
}

/// An encoded `FileDescriptorProto` that tells nothing of its source.
pub(super) fn without(file: &[u8]) -> Result<Vec<u8>, Malformed> {
    rewrite(file, SOURCE, |_| Ok(None))
}

/// Appends a file to an encoded `FileDescriptorSet`.
pub(super) fn put_file(set: &mut Vec<u8>, file: &[u8]) {
    put(set, FILE, file);
}

fn put(message: &mut Vec<u8>, field: u32, content: &[u8]) {
    put_varint(message, u64::from(field) << 3 | u64::from(LEN));
    put_bytes(message, content);
}

/// A message with other content in one of its fields, or without what there is to be none of.
fn rewrite(
    message: &[u8],
    field: u32,
    content: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Malformed>,
) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(message);
    let mut out = Vec::with_capacity(message.len());
    while !reader.is_empty() {
        let record = reader.rest();
        let (number, wire) = reader.tag()?;
        if (number, wire) == (field, LEN) {
            if let Some(content) = content(reader.bytes()?)? {
                put(&mut out, field, &content);
            }
        } else {
            reader.skip(number, wire)?;
            out.extend_from_slice(&record[..record.len() - reader.rest().len()]);
        }
    }
    Ok(out)
}

/// The comments of declarations, without the places where they stand.
fn comments(info: SourceCodeInfo) -> SourceCodeInfo {
    let places = info.location.into_iter().filter(|place| is_declaration(&place.path));
    let location = places.filter_map(|place| {
        let leading_comments = Some(place.leading_comments.or(place.trailing_comments)?);
        Some(Location { path: place.path, leading_comments, ..Location::default() })
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
    use prost_types::{FileDescriptorProto, FileDescriptorSet};

    use super::*;

    #[test]
    fn nothing_but_the_source_changes() {
        // Comments of declarations stay, wherever they stood; an option that nobody knows stays, too.
        let place = |path: &[i32], leading: Option<&str>, trailing: Option<&str>| Location {
            path: path.to_vec(),
            span: vec![1, 2, 3],
            leading_comments: leading.map(str::to_owned),
            trailing_comments: trailing.map(str::to_owned),
            leading_detached_comments: vec!["far away".to_owned()],
        };
        let told = vec![
            place(&[4, 0], Some("before"), Some("behind")),
            place(&[4, 0, 2, 0], None, Some("behind")),
            place(&[4, 0, 1], Some("of a name"), None),
            place(&[4, 1], None, None),
        ];
        let file = |location| FileDescriptorProto {
            name: Some("a.proto".to_owned()),
            source_code_info: Some(SourceCodeInfo { location }),
            ..FileDescriptorProto::default()
        };
        let set = |location| {
            let mut file = file(location).encode_to_vec();
            put(&mut file, 50_000, b"an option");
            let mut set = Vec::new();
            put_file(&mut set, &file);
            put(&mut set, 50_001, b"beside the files");
            set
        };
        let comment = |path: &[i32], text: &str| Location {
            path: path.to_vec(),
            leading_comments: Some(text.to_owned()),
            ..Location::default()
        };
        let wanted = set(vec![comment(&[4, 0], "before"), comment(&[4, 0, 2, 0], "behind")]);
        assert!(slim(&set(told)).is_ok_and(|slim| slim == wanted));
        let read = FileDescriptorSet::decode(&*wanted).unwrap();
        assert_eq!(read.file[0].name(), "a.proto");
        assert!(slim(&wanted[1..]).is_err());
    }

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
