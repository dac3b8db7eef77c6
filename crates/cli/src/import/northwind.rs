//! The Northwind folder: what its rows mean, and which of them make no sense.

mod party;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use contracts::catalog::v1::{Category, Product};
use contracts::crm::v1::AccountType;
use contracts::orders::v1::PlaceOrderRequest;
use kit::{Currency, Decimal, Money};

use crate::Result;
use crate::import::sheet::{Cells, Sheet};
use crate::load::{NewOrder, NewOrderLine, NewProduct, NewStock, Plan, Problem, Row};

use self::party::{account, address, vendor_code};

/// The name of the source in external references.
const SOURCE: &str = "northwind";
/// The most lines of one order.
const LINES_MAX: usize = 500;

/// What is wanted of a folder.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Of all amounts.
    pub currency: Currency,
    /// Only the first so many orders.
    pub rows: Option<usize>,
}

/// A folder that was read.
pub struct Read {
    /// What can be loaded.
    pub plan: Plan,
    /// The rows that cannot.
    pub problems: Vec<Problem>,
}

/// Reads a folder.
pub fn read(folder: &Path, options: Options) -> Result<Read> {
    let sheet = |file: &str, wanted: &[&str]| Sheet::read(folder, file, wanted);
    let party = ["company_name", "contact_name", "country"];
    Ok(plan(
        &Sheets {
            customers: sheet("customers.csv", &[&party[..], &["customer_id"]].concat())?,
            suppliers: sheet("suppliers.csv", &[&party[..], &["supplier_id"]].concat())?,
            categories: sheet("categories.csv", &["category_id", "category_name", "description"])?,
            products: sheet(
                "products.csv",
                &[
                    "product_id",
                    "product_name",
                    "supplier_id",
                    "category_id",
                    "quantity_per_unit",
                    "unit_price",
                    "units_in_stock",
                    "reorder_level",
                    "discontinued",
                ],
            )?,
            shippers: sheet("shippers.csv", &["shipper_id", "company_name"])?,
            orders: sheet("orders.csv", &["order_id", "customer_id", "order_date", "freight"])?,
            details: sheet(
                "order_details.csv",
                &["order_id", "product_id", "unit_price", "quantity", "discount"],
            )?,
        },
        options,
    ))
}

/// The files of a folder.
struct Sheets {
    customers: Sheet,
    suppliers: Sheet,
    categories: Sheet,
    products: Sheet,
    shippers: Sheet,
    orders: Sheet,
    details: Sheet,
}

/// Rows that make sense, and those that do not.
#[derive(Default)]
struct Sorted {
    problems: Vec<Problem>,
}

impl Sorted {
    /// Reads all rows of a sheet; a key may occur once.
    fn rows<'a, T>(
        &mut self,
        sheet: &'a Sheet,
        key: &str,
        read: impl Fn(&Cells<'a>) -> Result<T, String>,
    ) -> Vec<Row<T>> {
        self.problems.extend(sheet.problems.iter().cloned());
        let mut seen: HashMap<&str, u64> = HashMap::new();
        let mut rows = Vec::new();
        for cells in sheet.rows() {
            let origin = cells.origin();
            let once = cells.required(key).map_err(|reason| vec![reason]).and_then(|name| {
                let before = seen.insert(name, origin.line).filter(|_| !key.is_empty());
                before.map_or(Ok(()), |line| Err(vec![format!("{key} {name} stands in line {line} already")]))
            });
            match once.and_then(|()| read(&cells).map_err(|reason| vec![reason])) {
                Ok(value) => rows.push(Row { origin, value }),
                Err(reasons) => {
                    self.problems
                        .extend(reasons.into_iter().map(|reason| Problem { origin: origin.clone(), reason }));
                }
            }
        }
        rows
    }

    fn refuse(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

fn plan(sheets: &Sheets, options: Options) -> Read {
    let mut sorted = Sorted::default();
    let currency = options.currency;
    let mut accounts = sorted.rows(&sheets.customers, "customer_id", |cells| {
        account(cells, cells.required("customer_id")?.to_owned(), AccountType::Customer)
    });
    let customers: HashSet<String> = accounts.iter().map(|row| row.value.code().to_owned()).collect();
    let vendors = sorted.rows(&sheets.suppliers, "supplier_id", |cells| {
        account(cells, vendor_code(cells.required("supplier_id")?), AccountType::Vendor)
    });
    let vendor_codes: HashSet<String> = vendors.iter().map(|row| row.value.code().to_owned()).collect();
    accounts.extend(vendors);
    let categories = sorted.rows(&sheets.categories, "category_id", category);
    let slugs: HashMap<String, String> =
        categories.iter().map(|row| (row.value.0.clone(), row.value.1.slug.clone())).collect();
    let goods =
        sorted.rows(&sheets.products, "product_id", |cells| product(cells, &slugs, &vendor_codes, currency));
    let prices: HashMap<String, Money> =
        goods.iter().map(|row| (row.value.new.product.sku.clone(), row.value.price)).collect();
    let shippers: HashSet<String> = sorted
        .rows(&sheets.shippers, "shipper_id", |cells| Ok(cells.required("shipper_id")?.to_owned()))
        .into_iter()
        .map(|row| row.value)
        .collect();
    let mut orders = orders(&mut sorted, sheets, &customers, &shippers, &prices, currency);
    orders.truncate(options.rows.unwrap_or(usize::MAX));
    let stock = stock(&goods, &orders);
    sorted.problems.sort_by(|a, b| (&a.origin.file, a.origin.line).cmp(&(&b.origin.file, b.origin.line)));
    let plan = Plan {
        source: SOURCE,
        currency,
        accounts,
        categories: categories
            .into_iter()
            .map(|row| Row { origin: row.origin, value: row.value.1 })
            .collect(),
        products: goods.into_iter().map(|row| Row { origin: row.origin, value: row.value.new }).collect(),
        warehouses: Vec::new(),
        stock,
        orders,
    };
    Read { plan, problems: sorted.problems }
}

fn category(cells: &Cells<'_>) -> Result<(String, Category), String> {
    let name = cells.required("category_name")?;
    let category = Category {
        name: cells.at_most("category_name", 100)?,
        slug: slug(name),
        description: cells.at_most("description", 2_000)?,
        position: cells.required("category_id")?.parse().unwrap_or(0),
        ..Category::default()
    };
    if category.slug.is_empty() {
        return Err(format!("category_name is `{name}`, which has neither letters nor digits"));
    }
    Ok((cells.required("category_id")?.to_owned(), category))
}

/// `Meat/Poultry` as `meat-poultry`.
fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// A product with what its row says of its stock.
struct Goods {
    new: NewProduct,
    price: Money,
    on_hand: Decimal,
    reorder_level: Decimal,
}

fn product(
    cells: &Cells<'_>,
    categories: &HashMap<String, String>,
    vendors: &HashSet<String>,
    currency: Currency,
) -> Result<Goods, String> {
    let price = cells.amount("unit_price", currency)?;
    let category = match cells.text("category_id") {
        "" => String::new(),
        id => categories.get(id).cloned().ok_or_else(|| format!("unknown category {id}"))?,
    };
    let vendor = match cells.text("supplier_id") {
        "" => String::new(),
        id => Some(vendor_code(id))
            .filter(|code| vendors.contains(code))
            .ok_or_else(|| format!("unknown supplier {id}"))?,
    };
    let discontinued = match cells.text("discontinued") {
        "1" | "true" | "t" => true,
        "0" | "false" | "f" | "" => false,
        other => return Err(format!("discontinued is `{other}`, which is neither 0 nor 1")),
    };
    cells.required("product_name")?;
    let product = Product {
        sku: sku(cells.required("product_id")?),
        name: cells.at_most("product_name", 200)?,
        quantity_per_unit: cells.at_most("quantity_per_unit", 100)?,
        unit: "piece".to_owned(),
        price: Some(price.into()),
        ..Product::default()
    };
    Ok(Goods {
        new: NewProduct { product, category, vendor, discontinued },
        price,
        on_hand: cells.quantity("units_in_stock")?,
        reorder_level: cells.quantity("reorder_level")?,
    })
}

fn sku(product_id: &str) -> String {
    format!("NW-{product_id}")
}

/// The orders with their lines. An order of which one line makes no sense is refused whole: half an order is a wrong one.
fn orders(
    sorted: &mut Sorted,
    sheets: &Sheets,
    customers: &HashSet<String>,
    shippers: &HashSet<String>,
    prices: &HashMap<String, Money>,
    currency: Currency,
) -> Vec<Row<NewOrder>> {
    let rows = sorted.rows(&sheets.orders, "order_id", |cells| order(cells, customers, shippers, currency));
    let known: HashSet<&str> = sheets.orders.rows().map(|cells| cells.text("order_id")).collect();
    let mut lines: BTreeMap<&str, Vec<NewOrderLine>> = BTreeMap::new();
    let mut broken: HashMap<&str, u64> = HashMap::new();
    sorted.problems.extend(sheets.details.problems.iter().cloned());
    for cells in sheets.details.rows() {
        let order_id = cells.text("order_id");
        let read = if known.contains(order_id) {
            line(&cells, prices, currency)
        } else {
            Err(format!("unknown order `{order_id}`"))
        };
        match read {
            Ok(line) => lines.entry(order_id).or_default().push(line),
            Err(reason) => {
                broken.entry(order_id).or_insert(cells.origin().line);
                sorted.refuse(Problem { origin: cells.origin(), reason });
            }
        }
    }
    let mut orders = Vec::with_capacity(rows.len());
    for Row { origin, value: mut order } in rows {
        let id = order.reference.trim_start_matches("northwind:").to_owned();
        order.lines = lines.remove(id.as_str()).unwrap_or_default();
        let reason = match (broken.get(id.as_str()), order.lines.len()) {
            (Some(line), _) => {
                Some(format!("order {id} is left out: line {line} of order_details.csv was refused"))
            }
            (None, 0) => Some(format!("order {id} has no lines in order_details.csv")),
            (None, count) if count > LINES_MAX => Some(format!("order {id} has more than {LINES_MAX} lines")),
            _ => order.net().err().map(|error| format!("order {id}: {}", error.text())),
        };
        match reason {
            None => orders.push(Row { origin, value: order }),
            Some(reason) => sorted.refuse(Problem { origin, reason }),
        }
    }
    orders
}

fn order(
    cells: &Cells<'_>,
    customers: &HashSet<String>,
    shippers: &HashSet<String>,
    currency: Currency,
) -> Result<NewOrder, String> {
    let customer = cells.required("customer_id")?;
    if !customers.contains(customer) {
        return Err(format!("unknown customer {customer}"));
    }
    let shipper = cells.text("ship_via");
    if !shipper.is_empty() && !shippers.contains(shipper) {
        return Err(format!("unknown shipper {shipper}"));
    }
    for column in ["required_date", "shipped_date"] {
        if !cells.text(column).is_empty() {
            cells.date(column)?;
        }
    }
    let request = PlaceOrderRequest {
        payment_method: "card_ok".to_owned(),
        order_date: Some(cells.date("order_date")?.into()),
        shipping_address: address(cells, "ship_")?,
        ..PlaceOrderRequest::default()
    };
    Ok(NewOrder {
        reference: format!("{SOURCE}:{}", cells.required("order_id")?),
        account: customer.to_owned(),
        request,
        lines: Vec::new(),
        freight: cells.amount("freight", currency)?,
        cancel: None,
        fails: false,
    })
}

fn line(
    cells: &Cells<'_>,
    prices: &HashMap<String, Money>,
    currency: Currency,
) -> Result<NewOrderLine, String> {
    let product = cells.required("product_id")?;
    let sku = sku(product);
    if !prices.contains_key(&sku) {
        return Err(format!("unknown product {product}"));
    }
    let quantity = cells.number("quantity")?;
    if quantity <= Decimal::ZERO {
        return Err(format!("quantity is not more than zero: {quantity}"));
    }
    if quantity.normalize().scale() > 6 {
        return Err(format!("quantity is finer than six decimals: {quantity}"));
    }
    let discount = cells.quantity("discount")?;
    if discount > Decimal::ONE {
        return Err(format!("discount is more than 1: {discount}"));
    }
    let unit_price = cells.amount("unit_price", currency)?;
    Ok(NewOrderLine { sku, quantity, unit_price, discount })
}

/// What must have been received: what the orders take, and what the file says is on hand.
fn stock(goods: &[Row<Goods>], orders: &[Row<NewOrder>]) -> Vec<NewStock> {
    let mut demand: HashMap<&str, Decimal> = HashMap::new();
    for line in orders.iter().flat_map(|row| &row.value.lines) {
        *demand.entry(&line.sku).or_default() += line.quantity;
    }
    let stock = goods.iter().map(|row| {
        let sku = &row.value.new.product.sku;
        NewStock {
            sku: sku.clone(),
            warehouse: String::new(),
            quantity: row.value.on_hand + demand.get(sku.as_str()).copied().unwrap_or_default(),
            unit_cost: row.value.price,
            reorder_level: Some(row.value.reorder_level).filter(|level| !level.is_zero()),
        }
    });
    stock.collect()
}

#[cfg(test)]
mod tests;
