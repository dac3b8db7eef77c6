//! Text forms of scalars: strings, numbers, base64.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};

use super::wire::put_varint;

/// Appends a JSON string with its quotes.
pub(crate) fn put_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    put_escaped(out, text);
    out.push(b'"');
}

/// Appends the inside of a JSON string.
pub(crate) fn put_escaped(out: &mut Vec<u8>, text: &str) {
    let mut bytes = text.as_bytes();
    while let Some(at) = first_escaped(bytes) {
        out.extend_from_slice(&bytes[..at]);
        match bytes[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.extend([control >> 4, control & 0xF].map(|half| b"0123456789abcdef"[usize::from(half)]));
            }
        }
        bytes = &bytes[at + 1..];
    }
    out.extend_from_slice(bytes);
}

/// The place of the first byte that may not stand in a JSON string as it is. Most texts have none,
/// so eight bytes are looked at together.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The high bit of each byte below the limit, and perhaps of some behind the first of them.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = (below(word, 0x20) | is(word, b'"') | is(word, b'\\')) & HIGH;
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))?;
    Some(bytes.len() - rest.len() + at)
}

/// Appends a decimal integer.
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    put_uint(out, value.unsigned_abs());
}

/// Appends a decimal integer.
pub(crate) fn put_uint(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `value` in `width` digits with leading zeros.
pub(crate) fn put_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let start = out.len();
    put_uint(out, value);
    let len = out.len() - start;
    if len < width {
        let missing = width - len;
        out.resize(start + width, b'0');
        out.copy_within(start..start + len, start + missing);
        out[start..start + missing].fill(b'0');
    }
}

/// Appends a double, or the quoted name of one that JSON has no number for.
pub(crate) fn put_double(out: &mut Vec<u8>, value: f64) {
    if put_special(out, value) {
        // A finite number into a Vec cannot fail.
        let _ = serde_json::to_writer(out, &value);
    }
}

/// Appends a float in the shortest form that reads back as the same float.
pub(crate) fn put_float(out: &mut Vec<u8>, value: f32) {
    if put_special(out, f64::from(value)) {
        let _ = serde_json::to_writer(out, &value);
    }
}

/// Appends NaN and the infinities; true when the value is none of them.
fn put_special(out: &mut Vec<u8>, value: f64) -> bool {
    let name: &[u8] = if value.is_nan() {
        b"\"NaN\""
    } else if value == f64::INFINITY {
        b"\"Infinity\""
    } else if value == f64::NEG_INFINITY {
        b"\"-Infinity\""
    } else {
        return true;
    };
    out.extend_from_slice(name);
    false
}

/// Appends standard base64 with padding.
pub(crate) fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The space is exactly what the encoder needs, so this cannot fail.
    let written = general_purpose::STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Decodes base64 of either alphabet, padded or not, behind its length. None: it is no base64.
pub(crate) fn put_from_base64(out: &mut Vec<u8>, text: &str) -> Option<usize> {
    let decoded = decode_base64(text)?;
    put_varint(out, decoded.len() as u64);
    out.extend_from_slice(&decoded);
    Some(decoded.len())
}

/// Two lower-case digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Decodes base64 of either alphabet, padded or not.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let url = text.bytes().any(|one| matches!(one, b'-' | b'_'));
    if url { URL_SAFE.decode(text).ok() } else { STANDARD.decode(text).ok() }
}

/// Reads an integer: decimal, or a decimal fraction or exponent whose value is whole (`1e3`).
pub(crate) fn parse_int(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit()) {
        return if digits.len() <= 20 { text.parse().ok() } else { None };
    }
    whole(parse_number(text)?)
}

/// The value as an integer when it has no fraction and is exact.
pub(crate) fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 2_f64.powi(64)).then_some(value as i128)
}

/// Reads a double, also by its proto3 name.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => parse_number(text),
    }
}

/// Reads a finite number in JSON's grammar; Rust's own is wider (`inf`, `+1`, `1.`).
fn parse_number(text: &str) -> Option<f64> {
    let first = text.strip_prefix('-').unwrap_or(text).bytes().next()?;
    if !first.is_ascii_digit()
        || !text.bytes().all(|one| matches!(one, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
    {
        return None;
    }
    text.parse().ok().filter(|one: &f64| one.is_finite())
}

/// Narrows to a float; None when it is finite but beyond a float's range.
pub(crate) fn narrow(value: f64) -> Option<f32> {
    let narrow = value as f32;
    (narrow.is_finite() || !value.is_finite()).then_some(narrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_in_text() {
        for (text, value) in [
            ("0", 0),
            ("-1", -1),
            ("1e3", 1000),
            ("100000.000", 100_000),
            ("18446744073709551615", u64::MAX.into()),
        ] {
            assert_eq!(parse_int(text), Some(value), "{text}");
        }
        for text in ["", " 1", "1 ", "+1", "0.5", "1x", "0x10", "-", "inf", "NaN", "99999999999999999999999"]
        {
            assert_eq!(parse_int(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_print_back() {
        let mut out = Vec::new();
        for value in [0, -1, i64::MIN, i64::MAX] {
            out.clear();
            put_int(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
        out.clear();
        put_padded(&mut out, 42, 6);
        assert_eq!(out, b"000042");
    }

    #[test]
    fn base64_of_both_alphabets() {
        for text in ["-_8", "-_8=", "+/8", "+/8="] {
            assert_eq!(decode_base64(text), Some(vec![0xFB, 0xFF]), "{text}");
        }
        assert_eq!(decode_base64("?"), None);
    }

    #[test]
    fn strings_are_escaped_as_json() {
        // Whatever stands before and behind it, in every place of a word.
        let mut out = Vec::new();
        for special in (0..=0x80).filter_map(char::from_u32).chain(['ü', '\u{ffff}', '😀']) {
            for place in 0..20 {
                let text =
                    format!("{}{special}{}\u{1}\"ü", "a!~[]#".repeat(4).split_at(place).0, "b".repeat(9));
                out.clear();
                put_json_string(&mut out, &text);
                assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            }
        }
        for text in ["a\"\\\n\u{1}ü\u{7f}", "\u{8}\u{c}\r\t", ""] {
            out.clear();
            put_json_string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
