//! Money as integer minor units with a currency, and the one way to round.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::{RoundingStrategy, ToPrimitive};

use crate::{Error, Result};

/// A currency by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Currencies whose minor unit is not a hundredth, by ISO 4217 (2024), with their digits.
const UNUSUAL_DIGITS: &[(&str, u32)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// The currencies of ISO 4217 that money is kept in (2024; no metals, funds or test codes).
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLF", "CLP", "CNY", "COP",
    "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL",
    "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK",
    "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD",
    "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN",
    "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON",
    "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC",
    "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UYW",
    "UZS", "VED", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

impl Currency {
    /// Reads a code of three capital letters; `field` is named in the error.
    pub fn parse(code: &str, field: &str) -> Result<Self> {
        match code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(Error::invalid(field, "must be an ISO 4217 code of three capital letters")),
        }
    }

    /// The code, such as `EUR`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("parse lets only ASCII letters in")
    }

    /// Whether it is one of the world's currencies, and not merely formed like one.
    pub fn is_known(&self) -> bool {
        KNOWN.contains(&self.code())
    }

    /// How many decimal digits the minor unit has: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn digits(&self) -> u32 {
        UNUSUAL_DIGITS.iter().find(|(code, _)| *code == self.code()).map_or(2, |(_, digits)| *digits)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What to do with half a minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Away from zero, as tax offices print.
    HalfUp,
    /// To the even neighbour.
    HalfEven,
}

/// An amount of one currency in its minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Hundredths for EUR, whole yen for JPY.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// An amount of minor units.
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing of a currency.
    pub fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Rounds a decimal amount of whole units to the currency's minor unit.
    pub fn round(amount: Decimal, currency: Currency, rounding: Rounding) -> Result<Self> {
        let strategy = match rounding {
            Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
        };
        let scale = Decimal::from(10_i64.pow(currency.digits()));
        let minor = amount.checked_mul(scale).map(|scaled| scaled.round_dp_with_strategy(0, strategy));
        let minor = minor.and_then(|scaled| scaled.to_i64()).ok_or_else(too_large)?;
        Ok(Self { minor, currency })
    }

    /// Reads a money of the wire; `field` is named in the error. Refuses parts of a minor unit.
    pub fn from_proto(units: i64, nanos: i32, code: &str, field: &str) -> Result<Self> {
        let currency = Currency::parse(code, field)?;
        if nanos.unsigned_abs() > 999_999_999 || (units > 0 && nanos < 0) || (units < 0 && nanos > 0) {
            return Err(Error::invalid(field, "nanos must be below one unit and have the sign of units"));
        }
        let digits = currency.digits();
        let nanos_per_minor = 10_i32.pow(9 - digits);
        if nanos % nanos_per_minor != 0 {
            return Err(Error::invalid(field, "has more decimal digits than its currency"));
        }
        let minor = units
            .checked_mul(10_i64.pow(digits))
            .and_then(|minor| minor.checked_add(i64::from(nanos / nanos_per_minor)))
            .ok_or_else(|| Error::invalid(field, "is too large"))?;
        Ok(Self { minor, currency })
    }

    /// Whole units and billionths, as the wire has them.
    pub fn to_units_nanos(self) -> (i64, i32) {
        let digits = self.currency.digits();
        let per_unit = 10_i64.pow(digits);
        let nanos = (self.minor % per_unit) * 10_i64.pow(9 - digits);
        (self.minor / per_unit, i32::try_from(nanos).expect("less than one unit is under 10^9 nanos"))
    }

    /// The amount in whole units.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.digits())
    }

    /// The sum of two amounts of one currency.
    pub fn plus(self, other: Self) -> Result<Self> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or_else(too_large)?;
        Ok(Self { minor, ..self })
    }

    /// The difference of two amounts of one currency.
    pub fn minus(self, other: Self) -> Result<Self> {
        self.plus(other.negated())
    }

    /// The same amount with the other sign.
    pub fn negated(self) -> Self {
        Self { minor: -self.minor, ..self }
    }

    /// Sums amounts of one currency.
    pub fn sum(amounts: impl IntoIterator<Item = Self>, currency: Currency) -> Result<Self> {
        let mut total = Self::zero(currency);
        for amount in amounts {
            total = total.plus(amount)?;
        }
        Ok(total)
    }

    fn same_currency(self, other: Self) -> Result<()> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(Error::invalid(
            "currency_code",
            format!("{} and {} do not mix in one amount", self.currency, other.currency),
        ))
    }
}

fn too_large() -> Error {
    Error::invalid("amount", "is too large")
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur() -> Currency {
        Currency::parse("EUR", "c").unwrap()
    }

    #[test]
    fn only_currencies_of_the_list_are_known() {
        // Books cannot be kept in gold, in a test currency or in a typing error.
        let known = |code: &str| Currency::parse(code, "currency").unwrap().is_known();
        assert!(known("EUR") && known("JPY"));
        assert!(!known("XAU") && !known("XTS") && !known("EUX"));
    }

    #[test]
    fn half_a_cent_goes_away_from_zero() {
        // Half-up rounding must move both signs away from zero, half-even to the even cent.
        let round = |text: &str, mode| Money::round(text.parse().unwrap(), eur(), mode).unwrap().minor;
        assert_eq!(round("1.005", Rounding::HalfUp), 101);
        assert_eq!(round("-1.005", Rounding::HalfUp), -101);
        assert_eq!(round("1.005", Rounding::HalfEven), 100);
    }

    #[test]
    fn digits_follow_the_currency() {
        // Yen have no minor unit, dinars of Kuwait have three digits.
        let minor = |units, nanos, code| Money::from_proto(units, nanos, code, "price").map(|m| m.minor);
        assert_eq!(minor(12, 0, "JPY").unwrap(), 12);
        assert_eq!(minor(1, 5_000_000, "KWD").unwrap(), 1_005);
        assert!(minor(1, 500_000_000, "JPY").is_err());
        assert!(minor(1, -1, "EUR").is_err());
        assert!(minor(1, 0, "eur").is_err());
    }

    #[test]
    fn the_wire_form_comes_back() {
        // Every amount must survive the way to units and nanos and back.
        for minor in [-150, -1, 0, 1, 99, 100, 123_456_789] {
            let money = Money::new(minor, eur());
            let (units, nanos) = money.to_units_nanos();
            assert_eq!(Money::from_proto(units, nanos, "EUR", "m").unwrap(), money);
        }
    }
}
