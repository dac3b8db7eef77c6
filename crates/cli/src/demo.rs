//! The company that ships with the program: its files in `demo/`, made into a plan.

use std::collections::HashMap;

use contracts::catalog::v1::{Category, Product};
use contracts::crm::v1::{Account, AccountType, Contact};
use contracts::google::r#type::PostalAddress;
use contracts::inventory::v1::Warehouse;
use contracts::orders::v1::PlaceOrderRequest;
use kit::{Currency, Date, Decimal, Money};
use serde::Deserialize;

use crate::import::{Cells, Sheet, country_code};
use crate::load::{NewAccount, NewOrder, NewOrderLine, NewProduct, NewStock, Plan, Row};

/// The name of the source in external references.
const SOURCE: &str = "demo";

#[derive(Deserialize)]
struct Company {
    name: String,
    currency: String,
    warehouses: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    code: String,
    name: String,
    street: String,
    city: String,
    postal_code: String,
    country: String,
}

/// The company's name.
pub fn company_name() -> Result<String, String> {
    Ok(company()?.name)
}

fn company() -> Result<Company, String> {
    toml::from_str(include_str!("../demo/company.toml")).map_err(|error| error.to_string())
}

/// The whole company, its orders placed in the weeks before `today`.
pub fn plan(today: Date) -> Result<Plan, String> {
    let company = company()?;
    let currency = Currency::parse(&company.currency, "currency").map_err(|error| error.text().to_owned())?;
    let files = Files { currency, today };
    let products = rows("products.csv", include_str!("../demo/products.csv"), |cells| files.product(cells))?;
    let costs: HashMap<String, (Money, Decimal)> = products
        .iter()
        .map(|row| (row.value.new.product.sku.clone(), (row.value.cost, row.value.reorder_level)))
        .collect();
    let prices: HashMap<String, Money> =
        products.iter().map(|row| (row.value.new.product.sku.clone(), row.value.price)).collect();
    let accounts = rows("accounts.csv", include_str!("../demo/accounts.csv"), account)?;
    let emails: HashMap<String, String> = accounts
        .iter()
        .filter_map(|row| Some((row.value.code().to_owned(), row.value.contacts.first()?.email.clone()?)))
        .collect();
    let mut lines: HashMap<String, Vec<NewOrderLine>> = HashMap::new();
    for row in rows("order_lines.csv", include_str!("../demo/order_lines.csv"), |cells| line(cells, &prices))?
    {
        lines.entry(row.value.0).or_default().push(row.value.1);
    }
    let mut orders =
        rows("orders.csv", include_str!("../demo/orders.csv"), |cells| files.order(cells, &emails))?;
    for row in &mut orders {
        row.value.lines = lines.remove(&row.value.reference).unwrap_or_default();
    }
    let stock = rows("stock.csv", include_str!("../demo/stock.csv"), |cells| stock(cells, &costs))?;
    Ok(Plan {
        source: SOURCE,
        currency,
        accounts,
        categories: rows("categories.csv", include_str!("../demo/categories.csv"), category)?,
        products: products.into_iter().map(|row| Row { origin: row.origin, value: row.value.new }).collect(),
        warehouses: company.warehouses.into_iter().map(warehouse).collect(),
        stock: stock.into_iter().map(|row| row.value).collect(),
        orders,
    })
}

/// The rows of a file; all of them must make sense, for they are our own.
fn rows<T>(
    file: &str,
    text: &str,
    read: impl Fn(&Cells<'_>) -> Result<T, String>,
) -> Result<Vec<Row<T>>, String> {
    let sheet = Sheet::parse(file, text.as_bytes(), &[]);
    if let Some(problem) = sheet.problems.first() {
        return Err(problem.to_string());
    }
    let row = |cells: Cells<'_>| {
        let origin = cells.origin();
        let value = read(&cells).map_err(|reason| format!("{file}:{}: {reason}", origin.line))?;
        Ok(Row { origin, value })
    };
    sheet.rows().map(row).collect()
}

/// A product with what it costs the company.
struct Goods {
    new: NewProduct,
    price: Money,
    cost: Money,
    reorder_level: Decimal,
}

struct Files {
    currency: Currency,
    today: Date,
}

impl Files {
    fn product(&self, cells: &Cells<'_>) -> Result<Goods, String> {
        let price = cells.amount("price", self.currency)?;
        let product = Product {
            sku: cells.required("sku")?.to_owned(),
            name: cells.required("name")?.to_owned(),
            unit: "piece".to_owned(),
            price: Some(price.into()),
            ..Product::default()
        };
        let new = NewProduct {
            product,
            category: cells.required("category")?.to_owned(),
            vendor: cells.text("vendor").to_owned(),
            discontinued: false,
        };
        let cost = cells.amount("cost", self.currency)?;
        Ok(Goods { new, price, cost, reorder_level: cells.quantity("reorder_level")? })
    }

    fn order(&self, cells: &Cells<'_>, emails: &HashMap<String, String>) -> Result<NewOrder, String> {
        let account = cells.required("account")?.to_owned();
        let days: i64 =
            cells.required("days_ago")?.parse().map_err(|_| "days_ago is no number".to_owned())?;
        let day = self.today.checked_sub(time::Duration::days(days)).unwrap_or(self.today);
        let request = PlaceOrderRequest {
            payment_method: cells.required("payment_method")?.to_owned(),
            order_date: Some(day.into()),
            customer_email: emails
                .get(&account)
                .cloned()
                .ok_or_else(|| format!("unknown account {account}"))?,
            ..PlaceOrderRequest::default()
        };
        Ok(NewOrder {
            reference: cells.required("reference")?.to_owned(),
            account,
            request,
            lines: Vec::new(),
            freight: cells.amount("freight", self.currency)?,
            cancel: Some(cells.text("cancel_reason").to_owned()).filter(|reason| !reason.is_empty()),
            fails: cells.text("fails") == "yes",
        })
    }
}

fn account(cells: &Cells<'_>) -> Result<NewAccount, String> {
    let kind = format!("ACCOUNT_TYPE_{}", cells.required("type")?);
    let kind = AccountType::from_str_name(&kind).ok_or_else(|| format!("unknown type {kind}"))?;
    let address = PostalAddress {
        region_code: country_code(cells.required("country")?).ok_or("unknown country")?,
        postal_code: cells.text("postal_code").to_owned(),
        locality: cells.text("city").to_owned(),
        address_lines: vec![cells.text("street").to_owned()],
        ..PostalAddress::default()
    };
    let contact = Contact {
        given_name: cells.required("given_name")?.to_owned(),
        family_name: cells.required("family_name")?.to_owned(),
        email: Some(cells.required("email")?.to_owned()),
        job_title: cells.text("job_title").to_owned(),
        ..Contact::default()
    };
    let account = Account {
        display_name: cells.required("name")?.to_owned(),
        code: Some(cells.required("code")?.to_owned()),
        r#type: kind.into(),
        domain: cells.text("domain").to_owned(),
        phone: cells.text("phone").to_owned(),
        billing_address: Some(address),
        ..Account::default()
    };
    Ok(NewAccount { account, contacts: vec![contact] })
}

fn category(cells: &Cells<'_>) -> Result<Category, String> {
    Ok(Category {
        slug: cells.required("slug")?.to_owned(),
        name: cells.required("name")?.to_owned(),
        description: cells.text("description").to_owned(),
        position: i32::try_from(cells.origin().line).unwrap_or(0),
        ..Category::default()
    })
}

fn warehouse(place: Place) -> Row<Warehouse> {
    let address = PostalAddress {
        region_code: place.country,
        postal_code: place.postal_code,
        locality: place.city,
        address_lines: vec![place.street],
        ..PostalAddress::default()
    };
    Row {
        origin: crate::load::Origin { file: "company.toml".to_owned(), line: 0 },
        value: Warehouse {
            code: place.code,
            name: place.name,
            address: Some(address),
            ..Warehouse::default()
        },
    }
}

fn stock(cells: &Cells<'_>, costs: &HashMap<String, (Money, Decimal)>) -> Result<NewStock, String> {
    let sku = cells.required("sku")?;
    let (unit_cost, reorder_level) =
        costs.get(sku).copied().ok_or_else(|| format!("unknown product {sku}"))?;
    // The warehouse that every tenant has is the default one.
    let warehouse = cells.required("warehouse")?;
    let is_main = warehouse == "MAIN";
    Ok(NewStock {
        sku: sku.to_owned(),
        warehouse: if is_main { String::new() } else { warehouse.to_owned() },
        quantity: cells.quantity("quantity")?,
        unit_cost,
        reorder_level: is_main.then_some(reorder_level),
    })
}

fn line(cells: &Cells<'_>, prices: &HashMap<String, Money>) -> Result<(String, NewOrderLine), String> {
    let sku = cells.required("sku")?;
    let unit_price = prices.get(sku).copied().ok_or_else(|| format!("unknown product {sku}"))?;
    let line = NewOrderLine {
        sku: sku.to_owned(),
        quantity: cells.number("quantity")?,
        unit_price,
        discount: cells.quantity("discount")?,
    };
    Ok((cells.required("reference")?.to_owned(), line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_company_is_sound() {
        // The files are edited by hand: what they refer to must be there, and the stock must do for the orders.
        let plan = plan(time::macros::date!(2026 - 11 - 21)).unwrap();
        let codes: HashSet<&str> = plan.accounts.iter().map(|row| row.value.code()).collect();
        let slugs: HashSet<&str> = plan.categories.iter().map(|row| row.value.slug.as_str()).collect();
        assert!(plan.products.iter().all(|row| slugs.contains(row.value.category.as_str())));
        assert!(plan.orders.iter().all(|row| codes.contains(row.value.account.as_str())));
        let vendors = plan.products.iter().map(|row| row.value.vendor.as_str());
        assert!(vendors.filter(|code| !code.is_empty()).all(|code| codes.contains(code)));
        assert!(plan.orders.iter().all(|row| !row.value.lines.is_empty()));
        let mut left: HashMap<&str, Decimal> = HashMap::new();
        for stock in plan.stock.iter().filter(|stock| stock.warehouse.is_empty()) {
            *left.entry(&stock.sku).or_default() += stock.quantity;
        }
        for line in plan.orders.iter().filter(|row| !row.value.fails).flat_map(|row| &row.value.lines) {
            *left.get_mut(line.sku.as_str()).unwrap() -= line.quantity;
        }
        assert!(left.values().all(|left| !left.is_sign_negative()), "{left:?}");
    }

    #[test]
    fn it_shows_more_than_success() {
        // A newcomer shall see a decline, a want of goods and a cancellation.
        let plan = plan(time::macros::date!(2026 - 11 - 21)).unwrap();
        assert!((60..=100).contains(&plan.orders.len()));
        assert!(plan.orders.iter().filter(|row| row.value.fails).count() >= 4);
        assert!(plan.orders.iter().filter(|row| row.value.cancel.is_some()).count() >= 2);
    }
}
