//! A product in a warehouse, and the demand for several of them.

use std::collections::BTreeMap;

use kit::{Decimal, Error, Result, Uuid};

/// A product in a warehouse. The order of places is the order in which their rows are locked, everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub product: Uuid,
    pub warehouse: Uuid,
}

/// How much of what: each place once.
pub type Demand = BTreeMap<Place, Decimal>;

/// Sums the quantities of each place, so that two lines of one product are checked as one.
pub fn demand(lines: impl IntoIterator<Item = (Place, Decimal)>) -> Result<Demand> {
    let mut demand = Demand::new();
    for (place, quantity) in lines {
        let sum = demand.entry(place).or_default();
        *sum = sum.checked_add(quantity).ok_or_else(|| Error::invalid("lines", "add up to too much"))?;
    }
    Ok(demand)
}

/// Reads an id of a request; `field` is named in the error.
pub fn id(text: &str, field: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Error::invalid(field, "must be a UUID"))
}

/// Reads an id that may be unset.
pub fn optional_id(text: Option<&str>, field: &str) -> Result<Option<Uuid>> {
    text.map(|text| id(text, field)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_place_are_one_demand() {
        // Two lines that each fit must not both be let through when together they don't.
        let place = |product, warehouse| Place {
            product: Uuid::from_u128(product),
            warehouse: Uuid::from_u128(warehouse),
        };
        let demand =
            demand([(place(2, 1), 3.into()), (place(1, 1), 1.into()), (place(2, 1), 4.into())]).unwrap();
        assert_eq!(
            demand.into_iter().collect::<Vec<_>>(),
            [(place(1, 1), 1.into()), (place(2, 1), 7.into())]
        );
    }
}
