//! Prices: which a product may have, and at which the lines of an order can be ordered now.

use std::collections::HashMap;

use contracts::catalog::v1::{CatalogReason, ResolvePricesLine, ResolvePricesResponse, ResolvedPrice};
use contracts::google::r#type as wire;
use kit::{Currency, Decimal, Error, Money, Result, Uuid, Violation};

/// How many products an error names: it travels in a header of limited size.
const NAMED_MAX: usize = 50;

/// Refuses a price that is negative or in no known currency.
pub fn check(price: Option<&wire::Money>) -> Result<()> {
    const FIELD: &str = "product.price";
    let wrong = |description: &str| {
        let violation =
            Violation { field: FIELD.to_owned(), description: description.to_owned(), rule: String::new() };
        Error::from(CatalogReason::PriceInvalid).violation(violation)
    };
    let price = price.ok_or_else(|| Error::invalid(FIELD, "is required"))?;
    let money = price.to_money(FIELD)?;
    if !money.currency.is_known() {
        return Err(wrong("is in an unknown currency"));
    }
    if money.minor < 0 {
        return Err(wrong("is negative"));
    }
    Ok(())
}

/// A product as far as it matters for its price.
#[derive(Debug, Clone)]
pub struct Offer {
    pub sku: String,
    pub name: String,
    pub unit: String,
    pub price: Money,
    pub active: bool,
}

/// Reads the products asked for and refuses quantities that nobody can order.
pub fn wanted(lines: &[ResolvePricesLine]) -> Result<Vec<Uuid>> {
    let mut ids = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        let field = format!("lines[{place}].quantity");
        let quantity = line.quantity.as_ref().and_then(|quantity| quantity.to_decimal(&field).ok());
        if quantity.is_none_or(|quantity| quantity <= Decimal::ZERO) {
            let description = "must be a number above zero".to_owned();
            let violation = Violation { field, description, rule: String::new() };
            return Err(Error::from(CatalogReason::QuantityNotPositive).violation(violation));
        }
        let id = Uuid::parse_str(&line.product_id);
        ids.push(id.map_err(|_| Error::invalid(&format!("lines[{place}].product_id"), "must be a UUID"))?);
    }
    Ok(ids)
}

/// A price for each product wanted, in its order and all in one currency.
pub fn resolve(
    wanted: &[Uuid],
    offers: &HashMap<Uuid, Offer>,
    currency: &str,
) -> Result<ResolvePricesResponse> {
    refuse(CatalogReason::ProductUnknown, wanted.iter().filter(|id| !offers.contains_key(id)))?;
    let offer = |id: &Uuid| offers.get(id);
    let inactive = |id: &&Uuid| offer(id).is_some_and(|offer| !offer.active);
    refuse(CatalogReason::ProductInactive, wanted.iter().filter(inactive))?;
    let first = wanted.first().and_then(offer).map(|offer| offer.price.currency);
    let currency = match (currency, first) {
        ("", Some(first)) => first,
        (code, _) => Currency::parse(code, "currency_code")?,
    };
    let other = |id: &&Uuid| offer(id).is_some_and(|offer| offer.price.currency != currency);
    refuse(CatalogReason::CurrencyMismatch, wanted.iter().filter(other))?;
    let line = |id: &Uuid| {
        offer(id).map(|offer| ResolvedPrice {
            product_id: id.to_string(),
            sku: offer.sku.clone(),
            name: offer.name.clone(),
            unit: offer.unit.clone(),
            unit_price: Some(offer.price.into()),
        })
    };
    let lines = wanted.iter().filter_map(line).collect();
    Ok(ResolvePricesResponse { lines, currency_code: currency.code().to_owned() })
}

/// Fails when there are products at fault, and names them, each once.
fn refuse<'a>(reason: CatalogReason, at_fault: impl Iterator<Item = &'a Uuid>) -> Result<()> {
    let mut ids: Vec<&Uuid> = Vec::new();
    for id in at_fault {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = ids.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    Err(Error::from(reason).with("product_ids", named.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(units: i64, nanos: i32, code: &str) -> wire::Money {
        wire::Money { currency_code: code.to_owned(), units, nanos }
    }

    fn offer(minor: i64, code: &str, active: bool) -> Offer {
        let price = Money::new(minor, Currency::parse(code, "price").unwrap());
        Offer { sku: "A-1".to_owned(), name: "Apple".to_owned(), unit: "kg".to_owned(), price, active }
    }

    #[test]
    fn a_price_is_whole_minor_units_of_a_known_currency() {
        // What cannot be paid exactly must not be offered; zero is a price.
        for good in [
            money(0, 0, "EUR"),
            money(19, 990_000_000, "EUR"),
            money(1, 5_000_000, "KWD"),
            money(500, 0, "JPY"),
        ] {
            assert!(check(Some(&good)).is_ok(), "{good:?}");
        }
        for bad in [money(0, -10_000_000, "EUR"), money(1, 0, "EUX"), money(1, 0, "XAU")] {
            assert!(check(Some(&bad)).unwrap_err().is(CatalogReason::PriceInvalid), "{bad:?}");
        }
        for no_money in [money(1, 5_000_000, "EUR"), money(1, 500_000_000, "JPY"), money(1, 0, "")] {
            assert_eq!(check(Some(&no_money)).unwrap_err().reason(), "INVALID_FIELD", "{no_money:?}");
        }
        assert!(check(None).is_err());
    }

    #[test]
    fn quantities_are_above_zero() {
        // An order of nothing, or of less, has no price; the line at fault is named.
        let line = |quantity: &str| ResolvePricesLine {
            product_id: Uuid::nil().to_string(),
            quantity: Some(wire::Decimal { value: quantity.to_owned() }),
        };
        assert_eq!(wanted(&[line("0.5"), line("3")]).unwrap().len(), 2);
        for bad in ["0", "-1", "many", ""] {
            let refusal = wanted(&[line("1"), line(bad)]).unwrap_err();
            assert!(refusal.is(CatalogReason::QuantityNotPositive), "{bad}");
            assert_eq!(refusal.violations()[0].field, "lines[1].quantity");
        }
    }

    #[test]
    fn all_lines_get_their_price_or_none() {
        // Half an answer would become half an order; what is wrong is named, each product once.
        let [a, b, c, d, unknown] = [1, 2, 3, 4, 5].map(Uuid::from_u128);
        let offers = HashMap::from([
            (a, offer(100, "EUR", true)),
            (b, offer(250, "EUR", true)),
            (c, offer(300, "EUR", false)),
            (d, offer(400, "USD", true)),
        ]);
        let answer = resolve(&[b, a, b], &offers, "").unwrap();
        let prices: Vec<_> = answer.lines.iter().map(|line| line.unit_price.clone().unwrap()).collect();
        assert_eq!(prices, [money(2, 500_000_000, "EUR"), money(1, 0, "EUR"), money(2, 500_000_000, "EUR")]);
        assert_eq!(answer.currency_code, "EUR");
        let cases = [
            (vec![a, unknown, c, unknown], "", CatalogReason::ProductUnknown, unknown),
            (vec![a, c], "", CatalogReason::ProductInactive, c),
            (vec![a, d], "", CatalogReason::CurrencyMismatch, d),
            (vec![d, a], "USD", CatalogReason::CurrencyMismatch, a),
        ];
        for (ids, currency, reason, fault) in cases {
            let refusal = resolve(&ids, &offers, currency).unwrap_err();
            assert!(refusal.is(reason), "{refusal}");
            assert_eq!(refusal.metadata()["product_ids"], fault.to_string());
        }
    }

    proptest::proptest! {
        #[test]
        fn the_answer_has_the_lines_of_the_question(picks in proptest::collection::vec(0_u128..20, 1..60)) {
            // Callers pair lines by place: as many as asked for, in the same order, whatever repeats.
            let offers: HashMap<_, _> =
                (0..20).map(|n: u128| (Uuid::from_u128(n), offer(i64::try_from(n).unwrap(), "EUR", true))).collect();
            let ids: Vec<_> = picks.iter().map(|pick| Uuid::from_u128(*pick)).collect();
            let answer = resolve(&ids, &offers, "EUR").unwrap();
            let answered: Vec<_> = answer.lines.iter().map(|line| Uuid::parse_str(&line.product_id).unwrap()).collect();
            proptest::prop_assert_eq!(answered, ids);
        }
    }
}
