//! From what was written to a value of a column's type.

use kit::{Error, Result};
use rust_decimal::Decimal;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, Time, UtcOffset};
use uuid::Uuid;

use super::ast::{At, Call, Literal};
use super::lexer::fault;
use super::params::Value;
use crate::table::{Column, Kind};

/// How far `daysAgo` reaches, both ways: a hundred years.
const MAX_DAYS: i64 = 36_525;

/// The right side of a comparison.
#[derive(Clone, Copy)]
pub(super) enum Operand<'a> {
    Literal(&'a Literal),
    /// What a function gave.
    Instant(OffsetDateTime, At),
}

impl Operand<'_> {
    pub(super) fn at(&self) -> At {
        match self {
            Self::Literal(literal) => literal.at,
            Self::Instant(_, at) => *at,
        }
    }

    /// Whether it is a lone `*`.
    pub(super) fn is_any(&self) -> bool {
        matches!(self, Self::Literal(literal) if literal.is_any())
    }
}

/// What a function gives.
pub(super) fn call(call: &Call, now: OffsetDateTime) -> Result<OffsetDateTime> {
    let now = to_micros(now).unwrap_or(now);
    match (call.name.as_str(), call.arguments.as_slice()) {
        ("now", []) => Ok(now),
        ("today", []) => Ok(now.replace_time(Time::MIDNIGHT)),
        ("daysAgo", [days]) => {
            let days = days.text.parse().ok().filter(|days: &i64| days.abs() <= MAX_DAYS);
            let instant = days.and_then(|days| now.checked_sub(Duration::days(days)));
            instant.ok_or_else(|| fault(call.at, format!("daysAgo takes whole days up to {MAX_DAYS}")))
        }
        ("now" | "today", _) => Err(fault(call.at, format!("{}() takes no arguments", call.name))),
        ("daysAgo", _) => Err(fault(call.at, "daysAgo takes one argument, as in `daysAgo(7)`")),
        (name, _) => Err(fault(
            call.at,
            format!("unknown function `{name}`; there are now(), today() and daysAgo(days)"),
        )),
    }
}

/// A value of this kind; `column` is named in the error, and its enum's values are known.
pub(super) fn typed(column: &Column, kind: Kind, operand: Operand<'_>) -> Result<Value> {
    let field = column.field;
    let wrong = |what: &str| fault(operand.at(), format!("`{field}` takes {what}"));
    let literal = match (operand, kind) {
        (Operand::Instant(instant, _), Kind::Timestamp) => return Ok(Value::Timestamp(instant)),
        (Operand::Instant(instant, _), Kind::Date) => return Ok(Value::Date(instant.date())),
        (Operand::Instant(..), _) => return Err(wrong("no instant; the functions go with times and dates")),
        (Operand::Literal(literal), _) => literal,
    };
    let text = literal.text.as_str();
    let value = match kind {
        Kind::Uuid => Uuid::parse_str(text).map(Value::Uuid).map_err(|_| wrong("a UUID")),
        Kind::Text => Ok(Value::Text(text.to_owned())),
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wrong("`true` or `false`")),
        },
        Kind::Int32 => text.parse().map(Value::I32).map_err(|_| wrong("a whole number of 32 bits")),
        Kind::Int64 => text.parse().map(Value::I64).map_err(|_| wrong("a whole number of 64 bits")),
        Kind::Double => double(text).map(Value::F64).ok_or_else(|| wrong("a number")),
        Kind::Decimal => {
            decimal(text).map(Value::Decimal).ok_or_else(|| wrong("a number of 28 digits at the most"))
        }
        Kind::Timestamp => instant(text)
            .map(Value::Timestamp)
            .ok_or_else(|| wrong("a time such as 2026-01-31T10:00:00Z or a date")),
        Kind::Date => date(text).map(Value::Date).ok_or_else(|| wrong("a date such as 2026-01-31")),
        Kind::Enum => enum_number(column, text).map(Value::I32).ok_or_else(|| wrong(&enum_choice(column))),
        _ => Err(Error::internal(format!("no value of {kind:?} in a filter on {field}"))),
    };
    let is_unset = text.is_empty() && column.nullable && kind != Kind::Text;
    value.map_err(
        |error| if is_unset { wrong(&format!("a value; write `NOT {field}:*` for unset")) } else { error },
    )
}

fn enum_number(column: &Column, text: &str) -> Option<i32> {
    let number = text.parse::<i32>().ok();
    column
        .values
        .iter()
        .find(|(name, value)| *name == text || number == Some(*value))
        .map(|(_, value)| *value)
}

/// The enum's values by their shortest names.
fn enum_choice(column: &Column) -> String {
    let mut names: Vec<(i32, &str)> = Vec::new();
    for (name, value) in column.values {
        match names.iter_mut().find(|(known, _)| known == value) {
            Some((_, shortest)) if name.len() < shortest.len() => *shortest = name,
            Some(_) => {}
            None => names.push((*value, name)),
        }
    }
    let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
    format!("one of {}", names.join(", "))
}

/// Whether a text is a number: `-12`, `1.5`, `2e3`.
pub(super) fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    [whole, fraction, exponent].into_iter().all(is_digits)
}

fn double(text: &str) -> Option<f64> {
    let number = text.parse::<f64>().ok().filter(|_| is_number(text))?;
    number.is_finite().then_some(number)
}

/// A number without a loss; `None` also for more digits than a decimal holds.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    if !is_number(text) {
        return None;
    }
    let has_exponent = text.contains(['e', 'E']);
    if has_exponent { Decimal::from_scientific(text).ok() } else { Decimal::from_str_exact(text).ok() }
}

/// An instant, cut to microseconds, which is what PostgreSQL keeps.
pub(super) fn instant(text: &str) -> Option<OffsetDateTime> {
    let whole = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(to_micros);
    whole.or_else(|| date(text).map(|date| date.midnight().assume_utc()))
}

/// `None` for the few hours that are in the years that can be written, but not so in UTC.
fn to_micros(instant: OffsetDateTime) -> Option<OffsetDateTime> {
    let micros = instant.nanosecond() / 1_000;
    instant.checked_to_offset(UtcOffset::UTC)?.replace_nanosecond(micros * 1_000).ok()
}

fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}
