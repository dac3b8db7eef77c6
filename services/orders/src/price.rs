//! What an order costs.

use contracts::orders::v1::{OrderLine, OrdersReason};
use kit::{Currency, Decimal, Error, Money, Result, Rounding, ensure};

/// Lines with their net amounts, and the sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Priced {
    /// The lines, complete.
    pub lines: Vec<OrderLine>,
    /// Sum of the lines' net amounts.
    pub lines_total: Money,
    /// What the customer pays.
    pub total: Money,
}

/// Quantity times price less discount, rounded half up to the minor unit.
pub fn net(quantity: Decimal, unit_price: Money, discount: Decimal) -> Result<Money> {
    let share = Decimal::ONE - discount;
    let amount = unit_price.to_decimal().checked_mul(quantity).and_then(|gross| gross.checked_mul(share));
    let amount = amount.ok_or_else(|| Error::invalid("quantity", "makes an amount that is too large"))?;
    Money::round(amount, unit_price.currency, Rounding::HalfUp)
}

/// Completes lines that all have their price. Fails when there is nothing to pay.
pub fn price(mut lines: Vec<OrderLine>, freight: Money) -> Result<Priced> {
    let currency = freight.currency;
    let mut nets = Vec::with_capacity(lines.len());
    for line in &mut lines {
        let net = net_of(line, currency)?;
        line.net_amount = Some(net.into());
        nets.push(net);
    }
    let lines_total = Money::sum(nets, currency)?;
    let total = lines_total.plus(freight)?;
    ensure!(total.minor > 0, OrdersReason::TotalZero);
    Ok(Priced { lines, lines_total, total })
}

fn net_of(line: &OrderLine, currency: Currency) -> Result<Money> {
    let missing = |what| Error::internal(format!("line {} has no {what}", line.line_number));
    let quantity = line.quantity.as_ref().ok_or_else(|| missing("quantity"))?.to_decimal("quantity")?;
    let unit_price = line.unit_price.as_ref().ok_or_else(|| missing("price"))?.to_money("unit_price")?;
    ensure!(unit_price.currency == currency, OrdersReason::AmountInvalid);
    let discount = line.discount.as_ref().map(|number| number.to_decimal("discount")).transpose()?;
    net(quantity, unit_price, discount.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::parse("EUR", "c").unwrap())
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn line(quantity: &str, price: i64, discount: &str) -> OrderLine {
        OrderLine {
            quantity: Some(decimal(quantity).into()),
            unit_price: Some(eur(price).into()),
            discount: (!discount.is_empty()).then(|| decimal(discount).into()),
            ..OrderLine::default()
        }
    }

    #[test]
    fn a_line_is_rounded_half_up_once() {
        // Customers and tax offices add up what is printed: half a cent goes up, on every line by itself.
        let net =
            |quantity, price, discount| net(decimal(quantity), eur(price), decimal(discount)).unwrap().minor;
        assert_eq!(net("12", 1_400, "0"), 16_800);
        assert_eq!(net("1", 1, "0.5"), 1);
        assert_eq!(net("0.5", 101, "0"), 51);
        assert_eq!(net("35", 780, "0.15"), 23_205);
        assert_eq!(net("3", 1_005, "0.333333"), 2_010);
        assert_eq!(net("7", 999, "1"), 0);
        let yen = Money::new(333, Currency::parse("JPY", "c").unwrap());
        assert_eq!(super::net(decimal("1.5"), yen, Decimal::ZERO).unwrap().minor, 500);
    }

    #[test]
    fn sums_are_of_rounded_lines() {
        // The total must be the sum of the lines as printed, not of what they were before rounding.
        let lines = vec![line("1", 25, "0.1"), line("1", 35, "0.1"), line("1", 45, "0.1")];
        let priced = price(lines, eur(100)).unwrap();
        let nets: Vec<_> = priced.lines.iter().map(|line| line.net_amount.as_ref().unwrap().nanos).collect();
        assert_eq!(nets, [230_000_000, 320_000_000, 410_000_000]);
        assert_eq!((priced.lines_total.minor, priced.total.minor), (96, 196));
    }

    #[test]
    fn an_order_costs_something() {
        // A payment of nothing can't be captured, and an amount too large must not wrap around.
        assert!(price(vec![line("1", 100, "1")], eur(0)).unwrap_err().is(OrdersReason::TotalZero));
        assert_eq!(price(vec![line("1", 100, "1")], eur(5)).unwrap().total.minor, 5);
        assert!(price(vec![line("99999999999999", 999_999_999, "")], eur(0)).is_err());
        assert!(price(vec![line("1", i64::MAX, ""), line("1", 1, "")], eur(0)).is_err());
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_the_lines(
            lines in prop::collection::vec((1_i64..10_000_000, 0_i64..1_000_000, 0_i64..=1_000_000), 1..20),
            freight in 1_i64..100_000,
        ) {
            // Whatever is ordered, no cent appears or is lost between lines and total, and none is negative.
            let lines: Vec<_> = lines.into_iter().map(|(quantity, price, discount)| OrderLine {
                quantity: Some(Decimal::new(quantity, 3).into()),
                unit_price: Some(eur(price).into()),
                discount: Some(Decimal::new(discount, 6).into()),
                ..OrderLine::default()
            }).collect();
            let priced = price(lines, eur(freight)).unwrap();
            let net = |line: &OrderLine| line.net_amount.as_ref().unwrap().to_money("n").unwrap().minor;
            prop_assert!(priced.lines.iter().all(|line| net(line) >= 0));
            prop_assert_eq!(priced.lines.iter().map(net).sum::<i64>(), priced.lines_total.minor);
            prop_assert_eq!(priced.lines_total.minor + freight, priced.total.minor);
        }
    }
}
