//! Percent-decoding of paths and queries.

use std::borrow::Cow;

/// What is decoded in a variable of several segments. A variable of one segment is always decoded
/// wholly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Unescape {
    /// All but `%2F`, as google/api/http.proto says.
    #[default]
    ExceptSlash,
    /// All but the reserved characters of RFC 6570: grpc-httpjson-transcoding's default.
    #[cfg(test)]
    ExceptReserved,
    /// Everything.
    #[cfg(test)]
    All,
}

/// Decodes every escape. None: an escape is broken or the result is no UTF-8.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    decode_with(text, |_| true, false)
}

/// Decodes a query's name or value, where `+` is a space.
pub(crate) fn decode_query(text: &str) -> Option<Cow<'_, str>> {
    decode_with(text, |_| true, true)
}

/// Decodes the text that a path variable takes.
pub(crate) fn decode_variable(text: &str, multi: bool, mode: Unescape) -> Option<Cow<'_, str>> {
    match mode {
        Unescape::ExceptSlash if multi => decode_with(text, |byte| byte != b'/', false),
        #[cfg(test)]
        Unescape::ExceptReserved if multi => {
            decode_with(text, |byte| !b"!#$&'()*+,/:;=?@[]".contains(&byte), false)
        }
        _ => decode(text),
    }
}

/// Decodes a query's value that need not be text.
pub(crate) fn decode_query_bytes(text: &str) -> Option<Cow<'_, [u8]>> {
    bytes_with(text, |_| true, true)
}

fn decode_with(text: &str, decodes: impl Fn(u8) -> bool, plus: bool) -> Option<Cow<'_, str>> {
    match bytes_with(text, decodes, plus)? {
        Cow::Borrowed(_) => Some(Cow::Borrowed(text)),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

fn bytes_with(text: &str, decodes: impl Fn(u8) -> bool, plus: bool) -> Option<Cow<'_, [u8]>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|one| *one == b'%' || plus && *one == b'+') {
        return Some(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let byte = hex(*bytes.get(at + 1)?)? << 4 | hex(*bytes.get(at + 2)?)?;
                if decodes(byte) {
                    out.push(byte);
                } else {
                    // Kept, in the capital form that RFC 3986 calls normal.
                    out.extend(bytes[at..at + 3].iter().map(u8::to_ascii_uppercase));
                }
                at += 3;
            }
            byte => {
                out.push(if plus && byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    Some(Cow::Owned(out))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|one| one as u8)
}
