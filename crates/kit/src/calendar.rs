//! The calendar as reports divide it. Days have no time of day and no zone.

use time::{Date, Duration};

use crate::{Error, Result};

/// How long a stretch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A day.
    Day,
    /// Monday to Sunday.
    Week,
    /// The first to the last.
    Month,
}

/// The days from one to another, both of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Date,
}

impl Step {
    /// The word by which PostgreSQL's `date_trunc` knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of the stretch that a day belongs to.
    pub fn start(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => day - Duration::days(i64::from(day.weekday().number_days_from_monday())),
            Self::Month => day.replace_day(1).unwrap_or(day),
        }
    }

    /// The last day of the same; at the calendar's end the last that there is.
    pub fn end(self, day: Date) -> Date {
        let start = self.start(day);
        match self {
            Self::Day => day,
            Self::Week => start.checked_add(Duration::days(6)).unwrap_or(Date::MAX),
            Self::Month => {
                let length = start.month().length(start.year());
                start.replace_day(length).unwrap_or(start)
            }
        }
    }
}

impl Span {
    /// The stretches that the span is made of, in their order; the first and the last one may be cut. Fails,
    /// naming the field of its last day, for an end before the start and for more stretches than `max`.
    pub fn divide(self, step: Step, max: usize, end_field: &str) -> Result<Vec<Self>> {
        if self.end < self.start {
            return Err(Error::invalid(end_field, "must not be before the first day"));
        }
        let mut parts = Vec::new();
        let mut start = self.start;
        loop {
            if parts.len() == max {
                return Err(Error::invalid(end_field, format!("must leave {max} periods at the most")));
            }
            let end = step.end(start).min(self.end);
            parts.push(Self { start, end });
            match end.next_day() {
                Some(next) if next <= self.end => start = next,
                _ => return Ok(parts),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Month;

    use super::*;

    fn day(year: i32, month: u8, day: u8) -> Date {
        Date::from_calendar_date(year, Month::try_from(month).unwrap(), day).unwrap()
    }

    fn parts(start: Date, end: Date, step: Step) -> Vec<(Date, Date)> {
        let parts = Span { start, end }.divide(step, 400, "to").unwrap();
        parts.into_iter().map(|part| (part.start, part.end)).collect()
    }

    #[test]
    fn months_begin_on_the_first_and_are_cut_at_the_ends() {
        // A report from the middle of a month counts no day before it.
        let expected = [
            (day(2028, 1, 20), day(2028, 1, 31)),
            (day(2028, 2, 1), day(2028, 2, 29)),
            (day(2028, 3, 1), day(2028, 3, 2)),
        ];
        assert_eq!(parts(day(2028, 1, 20), day(2028, 3, 2), Step::Month), expected);
    }

    #[test]
    fn weeks_begin_on_monday() {
        // The first of January 2027 is a Friday of a week that began in December.
        let expected = [
            (day(2026, 12, 30), day(2027, 1, 3)),
            (day(2027, 1, 4), day(2027, 1, 10)),
            (day(2027, 1, 11), day(2027, 1, 11)),
        ];
        assert_eq!(parts(day(2026, 12, 30), day(2027, 1, 11), Step::Week), expected);
        assert_eq!(Step::Week.start(day(2027, 1, 1)), day(2026, 12, 28));
    }

    #[test]
    fn a_span_of_one_day_is_one_part() {
        // Also at the end of all days, behind which there is none.
        for step in [Step::Day, Step::Week, Step::Month] {
            assert_eq!(parts(Date::MAX, Date::MAX, step), [(Date::MAX, Date::MAX)]);
        }
        assert_eq!(parts(day(2026, 2, 3), day(2026, 2, 4), Step::Day).len(), 2);
    }

    #[test]
    fn spans_that_are_turned_or_too_long_are_refused() {
        // One request must not ask for any amount of work; what fits exactly fits.
        let span = |end| Span { start: day(2026, 1, 1), end };
        assert!(span(day(2025, 12, 31)).divide(Step::Day, 400, "to").is_err());
        assert_eq!(span(day(2027, 2, 4)).divide(Step::Day, 400, "to").unwrap().len(), 400);
        let refused = span(day(2027, 2, 5)).divide(Step::Day, 400, "to").unwrap_err();
        assert_eq!(refused.violations()[0].field, "to");
    }
}
