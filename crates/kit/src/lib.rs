//! The small things that every crate shares: errors, money, time and ids. No I/O.

mod calendar;
mod clock;
mod error;
mod money;
mod status;

pub use calendar::{Span, Step};
pub use clock::{Clock, IdSource, ManualClock, SystemClock, UuidV7};
pub use error::{Code, Error, Reason, Result, Violation};
pub use money::{Currency, Money, Rounding};
pub use rust_decimal::Decimal;
pub use time::{Date, Duration, OffsetDateTime};
pub use uuid::Uuid;

/// Leaves the function with the reason when the condition does not hold.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $reason:expr $(,)?) => {
        if !$condition {
            return Err($crate::Error::from($reason));
        }
    };
}
