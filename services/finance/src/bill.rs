//! What is billed: lines, their total, and the legs that book them. No I/O.

use contracts::finance::v1::{FinanceReason, InvoiceLine, LedgerAccountRole as Role};
use contracts::orders::v1::{OrderCaptured, OrderLine};
use kit::{Currency, Error, Money, Result, Uuid, ensure};

use crate::chart::Roles;
use crate::entry::Leg;

/// Lines of one currency that add up to a total which is not less than zero.
#[derive(Debug)]
pub struct Bill {
    lines: Vec<InvoiceLine>,
    currency: Currency,
    goods: i64,
    freight: i64,
}

impl Bill {
    /// Reads the lines of a request or of an invoice.
    pub fn of_lines(lines: Vec<InvoiceLine>) -> Result<Self> {
        let mut sums: Option<(Money, Money)> = None;
        let mut read = Vec::with_capacity(lines.len());
        for (number, mut line) in lines.into_iter().enumerate() {
            let field = |name: &str| format!("lines[{number}].{name}");
            let amount =
                line.amount.as_ref().ok_or_else(|| Error::invalid(&field("amount"), "is required"))?;
            let amount = amount.to_money(&field("amount"))?;
            let zero = Money::zero(amount.currency);
            let (goods, freight) = sums.get_or_insert((zero, zero));
            let price =
                line.unit_price.as_ref().map(|price| price.to_money(&field("unit_price"))).transpose()?;
            let currencies = [Some(amount), price].into_iter().flatten().map(|money| money.currency);
            ensure!(currencies.into_iter().all(|one| one == goods.currency), FinanceReason::MixedCurrencies);
            line.quantity.as_ref().map(|number| number.to_decimal(&field("quantity"))).transpose()?;
            line.discount.as_ref().map(|number| number.to_decimal(&field("discount"))).transpose()?;
            match line.income_role() {
                Role::Freight => *freight = freight.plus(amount)?,
                Role::Unspecified | Role::Sales => {
                    line.set_income_role(Role::Sales);
                    *goods = goods.plus(amount)?;
                }
                _ => return Err(Error::invalid(&field("income_role"), "must be SALES or FREIGHT")),
            }
            read.push(line);
        }
        let (goods, freight) = sums.ok_or_else(|| Error::invalid("lines", "must be one or more"))?;
        if goods.plus(freight)?.minor < 0 {
            return Err(Error::invalid("lines", "must not add up to less than zero"));
        }
        Ok(Self { lines: read, currency: goods.currency, goods: goods.minor, freight: freight.minor })
    }

    /// What a captured order bills: its lines, and its carriage as a line of its own. The total must be the
    /// order's, since that is what the customer has paid.
    pub fn of_order(order: &OrderCaptured) -> Result<Self> {
        let mut lines: Vec<InvoiceLine> = order.lines.iter().map(order_line).collect();
        if let Some(freight) = order.freight.as_ref().filter(|money| money.units != 0 || money.nanos != 0) {
            let mut line = InvoiceLine {
                description: "Freight".to_owned(),
                amount: Some(freight.clone()),
                ..InvoiceLine::default()
            };
            line.set_income_role(Role::Freight);
            lines.push(line);
        }
        let bill = Self::of_lines(lines)?;
        let total = order.total.as_ref().map(|total| total.to_money("event.total")).transpose()?;
        if total != Some(bill.total()?) {
            return Err(Error::invalid("event.total", "is not the sum of the lines and the freight"));
        }
        Ok(bill)
    }

    /// The lines as they stand on the invoice.
    pub fn lines(&self) -> &[InvoiceLine] {
        &self.lines
    }

    /// What the customer owes.
    pub fn total(&self) -> Result<Money> {
        Money::new(self.goods, self.currency).plus(Money::new(self.freight, self.currency))
    }

    /// Dr receivable, Cr sales and freight.
    pub fn sale(&self, roles: &Roles, customer: Uuid) -> Result<Vec<Leg>> {
        let total = self.total()?.minor;
        Ok(without_zeros([
            Leg::debit(roles.code(Role::Receivable)?, total).of(customer),
            Leg::credit(roles.code(Role::Sales)?, self.goods),
            Leg::credit(roles.code(Role::Freight)?, self.freight),
        ]))
    }

    /// Dr returns and freight, Cr receivable with what is still owed and customer credits with what was paid.
    pub fn credit(&self, roles: &Roles, customer: Uuid, residual: i64) -> Result<Vec<Leg>> {
        let paid = self.total()?.minor - residual;
        Ok(without_zeros([
            Leg::debit(roles.code(Role::Returns)?, self.goods),
            Leg::debit(roles.code(Role::Freight)?, self.freight),
            Leg::credit(roles.code(Role::Receivable)?, residual).of(customer),
            Leg::credit(roles.code(Role::CustomerCredits)?, paid).of(customer),
        ]))
    }
}

fn without_zeros<const N: usize>(legs: [Leg; N]) -> Vec<Leg> {
    legs.into_iter().filter(|leg| leg.minor != 0).collect()
}

fn order_line(line: &OrderLine) -> InvoiceLine {
    let name = [&line.name, &line.sku, &line.product_id].into_iter().find(|text| !text.is_empty());
    let mut billed = InvoiceLine {
        description: name.cloned().unwrap_or_default(),
        product_id: Some(line.product_id.clone()).filter(|id| !id.is_empty()),
        quantity: line.quantity.clone(),
        unit_price: line.unit_price.clone(),
        discount: line.discount.clone(),
        amount: line.net_amount.clone(),
        ..InvoiceLine::default()
    };
    billed.set_income_role(Role::Sales);
    billed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(minor: i64, code: &str, role: Role) -> InvoiceLine {
        let currency = Currency::parse(code, "c").unwrap();
        let amount = Some(Money::new(minor, currency).into());
        let mut line = InvoiceLine { description: "x".to_owned(), amount, ..InvoiceLine::default() };
        line.set_income_role(role);
        line
    }

    #[test]
    fn goods_and_freight_are_summed_apart() {
        // Revenue and freight must reach their own accounts, and the total must be both.
        let lines = vec![
            line(1_000, "EUR", Role::Unspecified),
            line(250, "EUR", Role::Freight),
            line(-100, "EUR", Role::Sales),
        ];
        let bill = Bill::of_lines(lines).unwrap();
        assert_eq!((bill.goods, bill.freight, bill.total().unwrap().minor), (900, 250, 1_150));
    }

    #[test]
    fn what_cannot_be_owed_is_refused() {
        // A bill needs lines of one currency whose sum is not less than zero.
        let eur = |minor| line(minor, "EUR", Role::Sales);
        assert!(Bill::of_lines(vec![]).is_err());
        assert!(Bill::of_lines(vec![eur(-1)]).is_err());
        let mixed = Bill::of_lines(vec![eur(1), line(1, "USD", Role::Sales)]).unwrap_err();
        assert!(mixed.is(FinanceReason::MixedCurrencies));
        assert!(Bill::of_lines(vec![eur(5), eur(-5)]).is_ok());
    }
}
