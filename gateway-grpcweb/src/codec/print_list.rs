//! Protobuf to JSON: what is kept of a list or map while its elements pass.

use std::collections::HashSet;

use super::wire::Raw;

/// A list or map whose elements are being printed.
pub(super) struct OpenList<'a> {
    pub(super) index: u16,
    pub(super) close: u8,
    pub(super) empty: bool,
    pub(super) keys: Keys<'a>,
}

impl OpenList<'_> {
    pub(super) fn comma(&mut self, out: &mut Vec<u8>) {
        if !self.empty {
            out.push(b',');
        }
        self.empty = false;
    }
}

/// The keys of a map met so far: encoders never repeat one, but the wire format allows it.
#[derive(Default)]
pub(super) struct Keys<'a> {
    few: Vec<Raw<'a>>,
    /// Made only when it is needed: every list has a place for its keys.
    many: Option<HashSet<(u64, &'a [u8])>>,
}

impl<'a> Keys<'a> {
    /// Notes the key; false when it was there.
    pub(super) fn insert(&mut self, key: Raw<'a>) -> bool {
        const FEW: usize = 8;
        if self.few.len() < FEW {
            if self.few.iter().any(|one| pair(*one) == pair(key)) {
                return false;
            }
            self.few.push(key);
            return true;
        }
        let many = self.many.get_or_insert_with(|| self.few.iter().map(|one| pair(*one)).collect());
        many.insert(pair(key))
    }
}

fn pair(raw: Raw<'_>) -> (u64, &[u8]) {
    match raw {
        Raw::Bits(bits) => (bits, &[]),
        Raw::Bytes(bytes) => (0, bytes),
    }
}
