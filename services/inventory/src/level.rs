//! The rules of one product in one warehouse: what it is worth, and that nothing of the worth is lost or made.

use kit::{Currency, Decimal, Error, Money, Result, Uuid};

use crate::place::Place;

/// Quantities are counted in millionths where values are shared, so that all of it is integers.
const MILLIONTHS: i64 = 1_000_000;

/// One product in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    pub id: Uuid,
    pub place: Place,
    pub on_hand: Decimal,
    pub reserved: Decimal,
    pub reorder_level: Option<Decimal>,
    /// The sum of the moves' values; none while no cost is known.
    pub value: Option<Money>,
}

impl Level {
    /// What can be promised.
    pub fn available(&self) -> Decimal {
        self.on_hand - self.reserved
    }

    /// Adds goods, and their worth where it is known.
    pub fn add(&mut self, quantity: Decimal, value: Option<Money>) -> Result<()> {
        self.on_hand += quantity;
        self.value = match (self.value, value) {
            (Some(held), Some(added)) => Some(held.plus(added)?),
            (held, added) => held.or(added),
        };
        Ok(())
    }

    /// Takes goods away that are there, and returns what they were worth: their share of the value, and all of
    /// it with the last of them.
    pub fn remove(&mut self, quantity: Decimal) -> Option<Money> {
        let left =
            self.value.map(|held| Money::new(share(held.minor, quantity, self.on_hand), held.currency));
        self.on_hand -= quantity;
        if let (Some(held), Some(left)) = (&mut self.value, left) {
            held.minor -= left.minor;
        }
        left
    }

    /// Whether the product is low now, with so much available, and was not before.
    pub fn fell_low(&self, available_before: Decimal) -> bool {
        falls_low(self.reorder_level, available_before, self.available())
    }
}

/// Whether a level is crossed downwards.
pub fn falls_low(level: Option<Decimal>, before: Decimal, after: Decimal) -> bool {
    level.is_some_and(|level| before >= level && after < level)
}

/// What a quantity costs, rounded to the currency's minor unit.
pub fn cost_of(quantity: Decimal, unit_cost: Money) -> Result<Money> {
    let total = divide(i128::from(unit_cost.minor) * millionths(quantity), i128::from(MILLIONTHS));
    let minor =
        i64::try_from(total).map_err(|_| Error::invalid("unit_cost", "makes a value that is too large"))?;
    Ok(Money::new(minor, unit_cost.currency))
}

/// What one unit costs on the average, rounded; none for nothing.
pub fn average(value: i64, quantity: Decimal, currency: Currency) -> Option<Money> {
    let quantity = millionths(quantity);
    if quantity <= 0 {
        return None;
    }
    let minor = divide(i128::from(value) * i128::from(MILLIONTHS), quantity);
    i64::try_from(minor).ok().map(|minor| Money::new(minor, currency))
}

/// The share of a value that belongs to a part of a quantity.
pub fn share(value: i64, part: Decimal, whole: Decimal) -> i64 {
    if part >= whole {
        return value;
    }
    let share = divide(i128::from(value) * millionths(part), millionths(whole));
    i64::try_from(share).expect("a part is worth no more than the whole")
}

/// Millionths of a quantity of at most six decimals below 10^12, so below 10^18.
fn millionths(quantity: Decimal) -> i128 {
    let scaled = quantity * Decimal::from(MILLIONTHS);
    i128::try_from(scaled).expect("quantities are bounded where they come in")
}

/// Divides what is not negative by what is positive and rounds half up.
fn divide(number: i128, by: i128) -> i128 {
    (number + by / 2) / by
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::parse("EUR", "c").unwrap())
    }

    fn empty() -> Level {
        let place = Place { product: Uuid::nil(), warehouse: Uuid::nil() };
        Level {
            id: Uuid::nil(),
            place,
            on_hand: Decimal::ZERO,
            reserved: Decimal::ZERO,
            reorder_level: None,
            value: None,
        }
    }

    #[test]
    fn the_last_unit_takes_the_last_cent() {
        // 10.00 over three units is 3.33, 3.34, 3.33: the cents must add up to what came in.
        let mut level = empty();
        level.add(3.into(), Some(eur(1_000))).unwrap();
        let left: Vec<_> = (0..3).map(|_| level.remove(1.into()).unwrap().minor).collect();
        assert_eq!(left, [333, 334, 333]);
        assert_eq!((level.on_hand, level.value), (Decimal::ZERO, Some(eur(0))));
    }

    #[test]
    fn the_average_moves_with_receipts_only() {
        // 10 at 1.00 and 10 at 2.00 leave at 1.50 each, and what leaves doesn't change the average of the rest.
        let mut level = empty();
        level.add(10.into(), Some(eur(1_000))).unwrap();
        level.add(10.into(), Some(eur(2_000))).unwrap();
        assert_eq!(level.remove(4.into()), Some(eur(600)));
        assert_eq!(average(2_400, level.on_hand, eur(0).currency), Some(eur(150)));
    }

    #[test]
    fn an_unknown_cost_stays_unknown() {
        // Goods without a cost must not be worth zero on paper: they have no worth at all until one is known.
        let mut level = empty();
        level.add(5.into(), None).unwrap();
        assert_eq!(level.remove(2.into()), None);
        level.add(3.into(), Some(eur(300))).unwrap();
        assert_eq!(level.value, Some(eur(300)));
    }

    #[test]
    fn low_is_told_when_the_level_is_crossed() {
        // Once on the way down; not while it stays low, not on the way up, not at the level itself.
        let low = |before: i64, after: i64| falls_low(Some(5.into()), before.into(), after.into());
        assert!(low(5, 4) && low(9, 0));
        assert!(!low(9, 5) && !low(4, 3) && !low(4, 9));
        assert!(!falls_low(None, 9.into(), 0.into()));
    }

    #[test]
    fn the_largest_quantities_and_values_are_exact() {
        // The bound on quantities must keep the arithmetic inside 128 bits.
        let most = Decimal::new(999_999_999_999_999_999, 6);
        assert_eq!(share(i64::MAX, most - Decimal::new(1, 6), most), i64::MAX - 9);
        assert!(cost_of(most, eur(i64::MAX)).is_err());
    }

    proptest! {
        #[test]
        fn value_is_conserved(steps in prop::collection::vec((any::<bool>(), 1_i64..5_000_000, 0_i64..100_000), 1..60)) {
            // Whatever comes and goes: in = out + held, the value is never negative, and nothing left is worth nothing.
            let mut level = empty();
            let (mut came, mut went) = (0_i64, 0_i64);
            for (comes, micros, cost) in steps {
                let quantity = Decimal::new(micros, 4);
                if comes {
                    let value = cost_of(quantity, eur(cost)).unwrap();
                    came += value.minor;
                    level.add(quantity, Some(value)).unwrap();
                } else {
                    let quantity = quantity.min(level.on_hand);
                    went += level.remove(quantity).map_or(0, |value| value.minor);
                }
                let held = level.value.map_or(0, |value| value.minor);
                prop_assert_eq!(came, went + held);
                prop_assert!(held >= 0);
                prop_assert!(!level.on_hand.is_zero() || held == 0);
            }
        }
    }
}
