//! Between the values of `google.type` on the wire and those that Rust computes with.

use kit::{Date, Decimal, Error, Money, Result, Span, Step};

use crate::google::r#type as wire;

impl From<Money> for wire::Money {
    fn from(money: Money) -> Self {
        let (units, nanos) = money.to_units_nanos();
        Self { currency_code: money.currency.code().to_owned(), units, nanos }
    }
}

impl wire::Money {
    /// The amount in minor units; `field` is named in the error.
    pub fn to_money(&self, field: &str) -> Result<Money> {
        Money::from_proto(self.units, self.nanos, &self.currency_code, field)
    }
}

impl From<Decimal> for wire::Decimal {
    fn from(number: Decimal) -> Self {
        Self { value: number.to_string() }
    }
}

impl wire::Decimal {
    /// The number, exactly; `field` is named in the error.
    pub fn to_decimal(&self, field: &str) -> Result<Decimal> {
        Decimal::from_str_exact(&self.value)
            .map_err(|_| Error::invalid(field, "must be a decimal number of at most 28 digits"))
    }
}

impl From<Date> for wire::Date {
    fn from(date: Date) -> Self {
        Self { year: date.year(), month: i32::from(u8::from(date.month())), day: i32::from(date.day()) }
    }
}

impl wire::Date {
    /// The day; `field` is named in the error. A year or a month alone is no day.
    pub fn to_date(&self, field: &str) -> Result<Date> {
        let wrong = || Error::invalid(field, "must be a day of the calendar with year, month and day");
        let month =
            u8::try_from(self.month).ok().and_then(|month| month.try_into().ok()).ok_or_else(wrong)?;
        let day = u8::try_from(self.day).map_err(|_| wrong())?;
        // PostgreSQL and people agree on years 1 to 9999.
        let year = Some(self.year).filter(|year| (1..=9999).contains(year)).ok_or_else(wrong)?;
        Date::from_calendar_date(year, month, day).map_err(|_| wrong())
    }
}

impl crate::v1::Period {
    /// The stretch of the calendar that is meant; the method's own choice where none is named.
    pub fn step_or(self, own: Step) -> Step {
        match self {
            Self::Unspecified => own,
            Self::Day => Step::Day,
            Self::Week => Step::Week,
            Self::Month => Step::Month,
        }
    }
}

/// The days from one to another, as requests ask for them.
pub fn span(from_date: Option<&wire::Date>, to_date: Option<&wire::Date>) -> Result<Span> {
    let day = |date: Option<&wire::Date>, field: &str| {
        date.ok_or_else(|| Error::invalid(field, "is required"))?.to_date(field)
    };
    Ok(Span { start: day(from_date, "from_date")?, end: day(to_date, "to_date")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_must_be_a_day() {
        // Partial dates are legal on the wire and must not become another day.
        let date = |year, month, day| wire::Date { year, month, day }.to_date("due");
        assert_eq!(
            wire::Date::from(date(2028, 2, 29).unwrap()),
            wire::Date { year: 2028, month: 2, day: 29 }
        );
        for (year, month, day) in
            [(2027, 2, 29), (2027, 0, 1), (2027, 1, 0), (0, 1, 1), (2027, 13, 1), (2027, -1, 1)]
        {
            assert!(date(year, month, day).is_err(), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn a_decimal_is_never_rounded() {
        // Digits that don't fit must be refused, not dropped.
        let decimal = |text: &str| wire::Decimal { value: text.to_owned() }.to_decimal("rate");
        assert_eq!(wire::Decimal::from(decimal("-12.3400").unwrap()).value, "-12.3400");
        for text in ["", "x", "1,5", "0.12345678901234567890123456789012345"] {
            assert!(decimal(text).is_err(), "{text}");
        }
    }
}
