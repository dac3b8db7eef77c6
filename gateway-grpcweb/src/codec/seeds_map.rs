//! JSON to protobuf: the keys of maps.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::encode::{Encoder, Fail, Put, Step};
use super::plan::{FieldPlan, Tag, Ty};
use super::scalar::Scalar;
use super::wire::{Raw, Reader, open_len};

/// Writes a map's key. Gives where its entry begins and how long the key is, tag included.
pub(super) struct KeySeed<'e, 'p> {
    pub(super) enc: &'e mut Encoder<'p>,
    pub(super) field: &'p FieldPlan,
    pub(super) key: Ty,
    pub(super) tag: &'p Tag,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = (usize, usize);

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(usize, usize), D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = (usize, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map's key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<(usize, usize), E> {
        let enc = self.enc;
        enc.out.extend_from_slice(self.field.tag.as_slice());
        let start = open_len(&mut enc.out);
        let value = match (self.key, key) {
            (Ty::Bool, "true") => Scalar::Bool(true),
            (Ty::Bool, "false") => Scalar::Bool(false),
            _ => Scalar::Text(key),
        };
        if let Err(Fail(message)) = enc.scalar(self.key, Put::Always(self.tag), value) {
            enc.step(Step::Key(key.chars().take(80).collect()));
            return Err(enc.fail(Fail(message)));
        }
        Ok((start, enc.out.len() - start))
    }
}

/// A key as the caller wrote it, as far as that can be told from its bytes.
pub(super) fn shown_key(ty: Ty, encoded: &[u8]) -> String {
    let mut reader = Reader::new(encoded);
    let value = reader.tag().and_then(|_| reader.raw(ty.wire()));
    match value {
        Ok(Raw::Bytes(text)) => String::from_utf8_lossy(text).chars().take(80).collect(),
        Ok(Raw::Bits(bits)) if ty == Ty::Bool => (bits != 0).to_string(),
        Ok(Raw::Bits(bits)) => super::print::integer(ty, bits).to_string(),
        Err(_) => String::new(),
    }
}

/// Finds a key that stands twice among the entries.
pub(super) fn twice(out: &[u8], keys: &mut [(usize, usize)]) -> Option<(usize, usize)> {
    let bytes = |(start, len): (usize, usize)| &out[start..start + len];
    if keys.len() <= 12 {
        return keys.iter().enumerate().find_map(|(at, key)| {
            keys[..at].iter().any(|other| bytes(*other) == bytes(*key)).then_some(*key)
        });
    }
    keys.sort_by(|a, b| bytes(*a).cmp(bytes(*b)));
    keys.windows(2).find(|pair| bytes(pair[0]) == bytes(pair[1])).map(|pair| pair[0])
}
