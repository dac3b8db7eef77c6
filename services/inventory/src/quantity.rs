//! Quantities as they come in: exact, with at most six decimals, and never so large that sums lose digits.

use contracts::google::r#type as wire;
use contracts::inventory::v1::InventoryReason;
use kit::{Decimal, Error, Result, ensure};

/// Finer quantities than millionths are refused.
const DECIMALS_MAX: u32 = 6;

/// No quantity reaches this, so that shares of a value are computed in 128 bits.
pub const LIMIT: i64 = 1_000_000_000_000;

/// A quantity that must be more than zero.
pub fn positive(number: Option<&wire::Decimal>, field: &str) -> Result<Decimal> {
    let wrong = || Error::from(InventoryReason::QuantityNotPositive).with("field", field);
    let quantity = number.and_then(|number| number.to_decimal(field).ok()).ok_or_else(wrong)?.normalize();
    if quantity <= Decimal::ZERO || quantity.scale() > DECIMALS_MAX {
        return Err(wrong());
    }
    in_range(quantity, field)
}

/// A change, which may be negative but not zero.
pub fn change(number: Option<&wire::Decimal>, field: &str) -> Result<Decimal> {
    let quantity = number.ok_or_else(|| Error::invalid(field, "is required"))?.to_decimal(field)?.normalize();
    ensure!(!quantity.is_zero(), InventoryReason::QuantityZero);
    if quantity.scale() > DECIMALS_MAX {
        return Err(Error::invalid(field, "must have at most six decimals"));
    }
    in_range(quantity, field)
}

/// A reorder level: zero or more, or none.
pub fn reorder_level(number: Option<&wire::Decimal>) -> Result<Option<Decimal>> {
    let Some(number) = number else { return Ok(None) };
    let level =
        number.to_decimal("reorder_level").map_err(|_| InventoryReason::ReorderLevelInvalid)?.normalize();
    ensure!(level >= Decimal::ZERO && level.scale() <= DECIMALS_MAX, InventoryReason::ReorderLevelInvalid);
    in_range(level, "reorder_level").map(Some)
}

fn in_range(quantity: Decimal, field: &str) -> Result<Decimal> {
    if quantity.abs() >= Decimal::from(LIMIT) {
        return Err(Error::invalid(field, "must be less than 1,000,000,000,000"));
    }
    Ok(quantity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<wire::Decimal> {
        Some(wire::Decimal { value: text.to_owned() })
    }

    #[test]
    fn only_countable_quantities_pass() {
        // Zero, negative, unreadable, too fine and too large quantities must all be refused.
        for text in ["0", "-1", "", "x", "0.0000001", "0.0000000"] {
            let error = positive(number(text).as_ref(), "lines[0].quantity").unwrap_err();
            assert!(error.is(InventoryReason::QuantityNotPositive), "{text}: {error}");
        }
        assert!(positive(number("1000000000000").as_ref(), "q").is_err());
        assert!(positive(None, "q").is_err());
        assert_eq!(positive(number("1.5000000000").as_ref(), "q").unwrap().to_string(), "1.5");
    }

    #[test]
    fn a_change_may_be_negative_but_not_nothing() {
        // An adjustment of zero would leave a move that says nothing.
        assert!(change(number("0.00").as_ref(), "q").unwrap_err().is(InventoryReason::QuantityZero));
        assert_eq!(change(number("-2.50").as_ref(), "q").unwrap().to_string(), "-2.5");
        assert!(change(number("0.0000001").as_ref(), "q").is_err());
    }

    #[test]
    fn a_reorder_level_is_zero_or_more_or_none() {
        // No level means never low; a negative one can never be reached and is a mistake.
        assert_eq!(reorder_level(None).unwrap(), None);
        assert_eq!(reorder_level(number("0").as_ref()).unwrap(), Some(Decimal::ZERO));
        assert!(reorder_level(number("-1").as_ref()).unwrap_err().is(InventoryReason::ReorderLevelInvalid));
    }
}
