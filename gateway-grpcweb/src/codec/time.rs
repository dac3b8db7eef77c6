//! `google.protobuf.Timestamp`, `Duration` and `FieldMask` as text.

use super::text::{put_int, put_padded, put_uint};

/// The seconds of 0001-01-01T00:00:00Z and of 9999-12-31T23:59:59Z.
const TIMESTAMPS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Plus and minus 10,000 years.
const DURATIONS: std::ops::RangeInclusive<i64> = -315_576_000_000..=315_576_000_000;
const NANOS: i32 = 1_000_000_000;

/// Reads RFC 3339 with a capital `T`, up to nine digits of a second, and an offset.
pub(crate) fn parse_timestamp(text: &str) -> Option<(i64, i32)> {
    let bytes = text.as_bytes();
    let (head, mut rest) = bytes.split_at_checked(19)?;
    let number = |from: usize, to: usize| digits(&head[from..to]);
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| head[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = fraction.iter().take_while(|one| one.is_ascii_digit()).count();
        nanos = fraction_nanos(&fraction[..len])?;
        rest = &fraction[len..];
    }
    let offset = parse_offset(rest)?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    TIMESTAMPS.contains(&seconds).then_some((seconds, nanos))
}

fn parse_offset(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let offset = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            Some(if *sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

/// Appends RFC 3339 in UTC with 0, 3, 6 or 9 digits of a second. None: out of range.
pub(crate) fn put_timestamp(out: &mut Vec<u8>, seconds: i64, nanos: i32) -> Option<()> {
    if !TIMESTAMPS.contains(&seconds) || !(0..NANOS).contains(&nanos) {
        return None;
    }
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400) as u64;
    put_padded(out, year as u64, 4);
    out.push(b'-');
    put_padded(out, month as u64, 2);
    out.push(b'-');
    put_padded(out, day as u64, 2);
    out.push(b'T');
    put_padded(out, second / 3600, 2);
    out.push(b':');
    put_padded(out, second / 60 % 60, 2);
    out.push(b':');
    put_padded(out, second % 60, 2);
    put_fraction(out, nanos.unsigned_abs());
    out.push(b'Z');
    Some(())
}

/// Reads decimal seconds with an `s` behind.
pub(crate) fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let number = text.strip_suffix('s')?;
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |rest| (-1, rest));
    let (whole, fraction) =
        number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let seconds = sign * digits(whole.as_bytes())?;
    let nanos = fraction.map_or(Some(0), |one| fraction_nanos(one.as_bytes()))?;
    DURATIONS.contains(&seconds).then_some((seconds, sign as i32 * nanos))
}

/// Appends seconds with 0, 3, 6 or 9 digits behind the point. None: out of range.
pub(crate) fn put_duration(out: &mut Vec<u8>, seconds: i64, nanos: i32) -> Option<()> {
    let mixed = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
    if !DURATIONS.contains(&seconds) || nanos <= -NANOS || nanos >= NANOS || mixed {
        return None;
    }
    if seconds < 0 || nanos < 0 {
        out.push(b'-');
    }
    put_uint(out, seconds.unsigned_abs());
    put_fraction(out, nanos.unsigned_abs());
    out.push(b's');
    Some(())
}

fn put_fraction(out: &mut Vec<u8>, nanos: u32) {
    let (value, width) = match nanos {
        0 => return,
        _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
        _ if nanos.is_multiple_of(1_000) => (nanos / 1_000, 6),
        _ => (nanos, 9),
    };
    out.push(b'.');
    put_padded(out, u64::from(value), width);
}

fn fraction_nanos(fraction: &[u8]) -> Option<i32> {
    if fraction.len() > 9 {
        return None;
    }
    let value = digits(fraction)? as i32;
    Some(value * 10_i32.pow(9 - fraction.len() as u32))
}

/// Reads 1 to 18 decimal digits.
fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0, |sum, one| one.is_ascii_digit().then(|| sum * 10 + i64::from(one - b'0')))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar. Years begin in March here, so that
/// the leap day is the last one of a year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// One path of a mask from JSON's lowerCamel to the proto's snake_case. None: not lowerCamel.
pub(crate) fn mask_path_from_json(path: &str, keep_snake: bool) -> Option<String> {
    let mut out = String::with_capacity(path.len() + 4);
    for one in path.chars() {
        match one {
            '_' if !keep_snake => return None,
            // No field's name has these, and the printer has no form for them.
            '"' | '\\' | '\0'..'\x20' => return None,
            'A'..='Z' => {
                out.push('_');
                out.push(one.to_ascii_lowercase());
            }
            _ => out.push(one),
        }
    }
    Some(out)
}

/// One path of a mask from snake_case to lowerCamel. None: it would not come back the same.
pub(crate) fn put_mask_path(out: &mut Vec<u8>, path: &str) -> Option<()> {
    let mut bytes = path.bytes();
    while let Some(one) = bytes.next() {
        match one {
            b'_' => match bytes.next() {
                Some(next @ b'a'..=b'z') => out.push(next.to_ascii_uppercase()),
                _ => return None,
            },
            b'A'..=b'Z' | b'"' | b'\\' | 0..0x20 => return None,
            _ => out.push(one),
        }
    }
    Some(())
}

/// Appends an integer of 64 bits as the JSON string it is in proto3.
pub(crate) fn put_quoted_int(out: &mut Vec<u8>, value: i64) {
    out.push(b'"');
    put_int(out, value);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(seconds: i64, nanos: i32) -> Option<String> {
        let mut out = Vec::new();
        put_timestamp(&mut out, seconds, nanos)?;
        String::from_utf8(out).ok()
    }

    #[test]
    fn timestamps_both_ways() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2026-03-01T10:15:30.250Z", 1_772_360_130, 250_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
            ("2000-02-29T23:59:59.000001Z", 951_868_799, 1000),
        ] {
            assert_eq!(parse_timestamp(text), Some((seconds, nanos)), "{text}");
            assert_eq!(timestamp(seconds, nanos).as_deref(), Some(text));
        }
        assert_eq!(parse_timestamp("1970-01-01T01:30:00+01:30"), Some((0, 0)));
        for text in [
            "1970-01-01t00:00:00Z",
            "1970-01-01T00:00:00z",
            "1970-01-01T00:00:00",
            "0000-01-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567890Z",
            "0001-01-01T00:00:00+00:01",
            "1970-01-01T24:00:00Z",
            "ü970-01-01T00:00:0",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        for day in (-800_000..2_900_000).step_by(37) {
            let (year, month, date) = civil_from_days(day);
            assert_eq!(days_from_civil(year, month, date), day);
        }
    }

    #[test]
    fn durations_both_ways() {
        for (text, seconds, nanos) in
            [("0s", 0, 0), ("-0.500s", 0, -500_000_000), ("3.000000001s", 3, 1), ("-12s", -12, 0)]
        {
            assert_eq!(parse_duration(text), Some((seconds, nanos)), "{text}");
            let mut out = Vec::new();
            assert!(put_duration(&mut out, seconds, nanos).is_some());
            assert_eq!(out, text.as_bytes());
        }
        for text in ["1", "s", "1.s", "--1s", "1m", "13h0m0s", "315576000001s", "1.0000000001s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn mask_paths_both_ways() {
        assert_eq!(
            mask_path_from_json("billingAddress.regionCode", false).as_deref(),
            Some("billing_address.region_code")
        );
        assert_eq!(mask_path_from_json("a_b", false), None);
        for bad in ["a\0b", "a\"", "a\\b", "a\n"] {
            assert_eq!(mask_path_from_json(bad, true), None, "{bad:?}");
        }
        assert_eq!(mask_path_from_json("a_b,cD", true).as_deref(), Some("a_b,c_d"));
        let mut out = Vec::new();
        assert!(put_mask_path(&mut out, "a_b.c").is_some() && out == b"aB.c");
        assert!(put_mask_path(&mut out, "a__b").is_none() && put_mask_path(&mut out, "aB").is_none());
    }
}
