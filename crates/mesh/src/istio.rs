//! Istio's objects as far as they are translated. A field that stands in none of these types is refused: what is not
//! translated must not look as if it were in force.

mod security;
mod settings;
mod traffic;

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

pub use security::*;
pub use settings::*;
pub use traffic::*;

/// A length of time: `10s`, `250ms`, `1m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// As Envoy reads it: seconds, with a fraction where there is one.
    pub fn to_envoy(self) -> String {
        format!("{}s", self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        span(&text)
            .map(Self)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is no length of time like 10s")))
    }
}

fn span(text: &str) -> Option<Duration> {
    let unit = text.find(|letter: char| !letter.is_ascii_digit())?;
    let number: u64 = text[..unit].parse().ok()?;
    match &text[unit..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3_600)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_or_refused() {
        // A length that is misread is a limit that does not hold.
        let read = |text: &str| serde_json::from_value::<Span>(text.into()).map(|span| span.to_envoy());
        assert_eq!(read("10s").unwrap(), "10s");
        assert_eq!(read("250ms").unwrap(), "0.25s");
        assert_eq!(read("15m").unwrap(), "900s");
        for wrong in ["10", "s", "1.5s", "-1s", "1d", "1h30m", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
