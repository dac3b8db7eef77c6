//! What is to be loaded, whatever it was read from.

use contracts::catalog::v1::{Category, Product};
use contracts::crm::v1::{Account, Contact};
use contracts::google::r#type as wire;
use contracts::inventory::v1::Warehouse;
use contracts::orders::v1::PlaceOrderRequest;
use kit::{Currency, Decimal, Money, Rounding, Uuid};

/// A company to load.
pub struct Plan {
    /// Begins the external references of the orders: `northwind` of `northwind:10248`.
    pub source: &'static str,
    /// Of all amounts.
    pub currency: Currency,
    /// Customers and vendors.
    pub accounts: Vec<Row<NewAccount>>,
    /// Groups of products, by slug.
    pub categories: Vec<Row<Category>>,
    /// Products, by SKU.
    pub products: Vec<Row<NewProduct>>,
    /// Warehouses besides the one that every tenant has, by code.
    pub warehouses: Vec<Row<Warehouse>>,
    /// What must have been received in all.
    pub stock: Vec<NewStock>,
    /// Orders.
    pub orders: Vec<Row<NewOrder>>,
}

/// Where something was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: String,
    /// The line, from 1 on.
    pub line: u64,
}

/// Something with the place that it was read from.
#[derive(Debug, Clone)]
pub struct Row<T> {
    /// Where it was read.
    pub origin: Origin,
    /// What was read.
    pub value: T,
}

/// A company with its people.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The account; its code is its key.
    pub account: Account,
    /// The people there.
    pub contacts: Vec<Contact>,
}

impl NewAccount {
    /// The key.
    pub fn code(&self) -> &str {
        self.account.code.as_deref().unwrap_or_default()
    }
}

/// A product with what it refers to by key.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// The product; its SKU is its key.
    pub product: Product,
    /// Slug of its category; empty: none.
    pub category: String,
    /// Code of its vendor; empty: none.
    pub vendor: String,
    /// True when it is to be taken off sale once the orders are in.
    pub discontinued: bool,
}

/// What must have been received of a product in a warehouse, in all runs together.
#[derive(Debug, Clone)]
pub struct NewStock {
    /// The product.
    pub sku: String,
    /// Code of the warehouse; empty: the default one.
    pub warehouse: String,
    /// How many units.
    pub quantity: Decimal,
    /// What one unit cost.
    pub unit_cost: Money,
    /// Below it the product runs low.
    pub reorder_level: Option<Decimal>,
}

/// An order with what it refers to by key.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// The external reference; the key.
    pub reference: String,
    /// Code of the account.
    pub account: String,
    /// The request without account, lines and ids.
    pub request: PlaceOrderRequest,
    /// What is ordered.
    pub lines: Vec<NewOrderLine>,
    /// What the delivery costs.
    pub freight: Money,
    /// When set, the order is cancelled for this reason once it is completed.
    pub cancel: Option<String>,
    /// True when it is meant to fail, for want of goods or money.
    pub fails: bool,
}

/// A line of an order.
#[derive(Debug, Clone)]
pub struct NewOrderLine {
    /// The product.
    pub sku: String,
    /// How many units.
    pub quantity: Decimal,
    /// Price of one unit.
    pub unit_price: Money,
    /// Fraction taken off.
    pub discount: Decimal,
}

impl NewOrderLine {
    /// Quantity times price less discount, rounded half up to the minor unit: what the order must come to.
    pub fn net(&self) -> kit::Result<Money> {
        let gross = self.quantity.checked_mul(self.unit_price.to_decimal());
        let net = gross.and_then(|gross| gross.checked_mul(Decimal::ONE - self.discount));
        let net =
            net.ok_or_else(|| kit::Error::invalid("quantity", "comes to an amount that is too large"))?;
        Money::round(net, self.unit_price.currency, Rounding::HalfUp)
    }
}

impl NewOrder {
    /// Sum of the lines' net amounts.
    pub fn net(&self) -> kit::Result<Money> {
        let mut total = Money::zero(self.freight.currency);
        for line in &self.lines {
            total = total.plus(line.net()?)?;
        }
        Ok(total)
    }
}

/// A number on the wire.
pub fn decimal(number: Decimal) -> Option<wire::Decimal> {
    Some(number.normalize().into())
}

/// The id that a name of a source always has, so that a second run says the same.
pub fn uuid_of(source: &str, name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("https://tessera.example/load/{source}/{name}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: &str, price: i64, discount: &str) -> NewOrderLine {
        let usd = Currency::parse("USD", "currency").unwrap();
        NewOrderLine {
            sku: String::new(),
            quantity: quantity.parse().unwrap(),
            unit_price: Money::new(price, usd),
            discount: discount.parse().unwrap(),
        }
    }

    #[test]
    fn a_line_is_rounded_half_up_by_itself() {
        // 830 orders come to 1,265,793.29 so, and to 1,265,793.02 with half to even.
        assert_eq!(line("1", 1_001, "0.5").net().unwrap().minor, 501);
        assert_eq!(line("3", 1_495, "0.15").net().unwrap().minor, 3_812);
        assert_eq!(line("10", 1_400, "0").net().unwrap().minor, 14_000);
    }

    #[test]
    fn ids_by_name_stay() {
        // Another id in the next version would receive the stock twice.
        assert_eq!(uuid_of("demo", "stock"), uuid_of("demo", "stock"));
        assert_ne!(uuid_of("demo", "stock"), uuid_of("northwind", "stock"));
    }
}
