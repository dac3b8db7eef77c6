//! The protobuf wire format: writing, length patching and reading.

use super::plan::Wire;

/// Appends a base-128 integer.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the length and the bytes.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Leaves one byte for a length that is not known yet; pass the result to [`close_len`].
#[inline]
pub(crate) fn open_len(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Writes the length of all that follows `start`, making room when it needs more than a byte.
/// Returns where the content begins now.
#[inline]
pub(crate) fn close_len(out: &mut Vec<u8>, start: usize) -> usize {
    let len = out.len() - start;
    if len < 0x80 {
        out[start - 1] = len as u8;
        return start;
    }
    let mut encoded = [0_u8; 10];
    let mut size = 0;
    let mut rest = len as u64;
    while rest >= 0x80 {
        encoded[size] = rest as u8 | 0x80;
        rest >>= 7;
        size += 1;
    }
    encoded[size] = rest as u8;
    size += 1;
    let extra = size - 1;
    out.resize(out.len() + extra, 0);
    out.copy_within(start..start + len, start + extra);
    out[start - 1..start + extra].copy_from_slice(&encoded[..size]);
    start + extra
}

/// One value as it stands on the wire.
#[derive(Clone, Copy)]
pub(crate) enum Raw<'a> {
    /// A varint or a fixed-width value, zero-extended.
    Bits(u64),
    Bytes(&'a [u8]),
}

impl Raw<'_> {
    /// Whether it is the zero of its type.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Bits(bits) => *bits == 0,
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

/// The bytes are no protobuf.
#[derive(Debug)]
pub(crate) struct Malformed;

/// Reads records off a message's bytes.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a field number and the three bits of the wire type.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<(u32, u8), Malformed> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Malformed)?;
        if number == 0 {
            return Err(Malformed);
        }
        Ok((number, (tag & 7) as u8))
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * index);
            if *byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    #[inline]
    pub(crate) fn raw(&mut self, wire: Wire) -> Result<Raw<'a>, Malformed> {
        Ok(match wire {
            Wire::Varint => Raw::Bits(self.varint()?),
            Wire::Len => Raw::Bytes(self.bytes()?),
            Wire::Fixed32 => {
                let (head, rest) = self.rest.split_first_chunk::<4>().ok_or(Malformed)?;
                self.rest = rest;
                Raw::Bits(u64::from(u32::from_le_bytes(*head)))
            }
            Wire::Fixed64 => {
                let (head, rest) = self.rest.split_first_chunk::<8>().ok_or(Malformed)?;
                self.rest = rest;
                Raw::Bits(u64::from_le_bytes(*head))
            }
        })
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(head)
    }

    /// Skips a value whose field is not known.
    pub(crate) fn skip(&mut self, number: u32, wire: u8) -> Result<(), Malformed> {
        self.skip_nested(number, wire, 0)
    }

    fn skip_nested(&mut self, number: u32, wire: u8, depth: u32) -> Result<(), Malformed> {
        match wire {
            0 => self.varint().map(drop),
            1 => self.raw(Wire::Fixed64).map(drop),
            2 => self.bytes().map(drop),
            5 => self.raw(Wire::Fixed32).map(drop),
            3 if depth < super::MAX_DEPTH => loop {
                let (inner, wire) = self.tag()?;
                if wire == 4 {
                    return if inner == number { Ok(()) } else { Err(Malformed) };
                }
                self.skip_nested(inner, wire, depth + 1)?;
            },
            _ => Err(Malformed),
        }
    }
}

/// Finds the last value of a field of strings or bytes within nested messages, by the numbers of the
/// fields on the way. None: it is not there, or the bytes are no protobuf.
pub(crate) fn find_bytes<'a>(mut message: &'a [u8], path: &[u32]) -> Option<&'a [u8]> {
    for wanted in path {
        let mut reader = Reader::new(message);
        let mut found = None;
        while !reader.is_empty() {
            match reader.tag().ok()? {
                (number, 2) if number == *wanted => found = Some(reader.bytes().ok()?),
                (number, wire) => reader.skip(number, wire).ok()?,
            }
        }
        message = found?;
    }
    Some(message)
}

/// Which of a message's fields were met.
pub(crate) struct Seen {
    small: u128,
    large: Vec<u64>,
}

impl Seen {
    pub(crate) fn new(fields: usize) -> Self {
        let words = if fields > 128 { fields.div_ceil(64) } else { 0 };
        Self { small: 0, large: vec![0; words] }
    }

    /// Marks the field and tells whether it was marked before.
    #[inline]
    pub(crate) fn set(&mut self, index: u16) -> bool {
        if self.large.is_empty() {
            let bit = 1_u128 << index;
            let before = self.small & bit != 0;
            self.small |= bit;
            return before;
        }
        let word = &mut self.large[usize::from(index) / 64];
        let bit = 1_u64 << (index % 64);
        let before = *word & bit != 0;
        *word |= bit;
        before
    }

    pub(crate) fn has(&self, index: u16) -> bool {
        if self.large.is_empty() {
            return self.small & 1_u128 << index != 0;
        }
        self.large[usize::from(index) / 64] & 1_u64 << (index % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_size_are_patched() {
        for len in [0, 1, 127, 128, 300, 16_383, 16_384, 100_000] {
            let mut out = vec![0xAA];
            let start = open_len(&mut out);
            out.extend((0..len).map(|one| one as u8));
            let start = close_len(&mut out, start);
            let mut reader = Reader::new(&out[1..]);
            let Ok(Raw::Bytes(bytes)) = reader.raw(Wire::Len) else { panic!("no bytes") };
            assert_eq!(bytes.len(), len);
            assert_eq!(&out[start..], bytes);
        }
    }

    #[test]
    fn marks_few_and_many_fields() {
        for fields in [3_usize, 128, 129, 700] {
            let mut seen = Seen::new(fields);
            let last = fields as u16 - 1;
            assert!(!seen.set(last) && seen.set(last) && seen.has(last) && !seen.has(0));
        }
    }
}
