//! Loads a company into a tenant through the public API, as any client outside would: accounts, products, stock, then
//! orders, each through its saga to an invoice. What is there already is left as it is, so a load can be cut short and
//! run again.

mod api;
mod books;
mod ensure;
mod goods;
mod ledger;
mod orders;
mod parties;
mod plan;
mod reconcile;
mod rows;

pub use ensure::Problem;
pub use plan::{NewAccount, NewOrder, NewOrderLine, NewProduct, NewStock, Origin, Plan, Row};
pub use reconcile::Summary;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use contracts::orders::v1::Order;

use crate::Result;
use crate::client::Client;
use crate::load::api::Api;
use crate::load::ensure::Problems;

/// Orders on their way at a time, unless told otherwise.
pub const IN_FLIGHT: u16 = 32;

/// What came of a load.
pub struct Loaded {
    /// The orders as they ended, by external reference.
    pub orders: HashMap<String, Order>,
    /// How many of the orders were placed by this run.
    pub placed: usize,
    /// How long the placed orders took from the first to the last that ended.
    pub elapsed: Duration,
    /// What the suite refused.
    pub problems: Vec<Problem>,
}

/// Loads the plan, and waits until all orders have ended.
pub async fn run(client: &Client, plan: &Plan, in_flight: u16) -> Result<Loaded> {
    let api = Api::new(client);
    let mut problems = Problems::default();
    let accounts = parties::load(&api, plan, &mut problems).await?;
    let goods = goods::load(&api, plan, &accounts, &mut problems).await?;
    goods::receive_stock(&api, plan, &goods, &mut problems).await?;
    let there = rows::orders(&api, plan.source).await?;
    let is_complete = plan.orders.iter().all(|row| there.contains_key(&row.value.reference));
    if !is_complete {
        goods.put_on_sale(&api, plan).await?;
    }
    let begun = Instant::now();
    let ids = orders::Ids { accounts: &accounts, products: &goods.products };
    let done = orders::load(&api, plan, there, ids, in_flight.into(), &mut problems).await?;
    let elapsed = begun.elapsed();
    goods.take_off_sale(&api, plan, !is_complete).await?;
    Ok(Loaded { orders: done.orders, placed: done.placed, elapsed, problems: problems.0 })
}

/// Adds up what the books say of the loaded orders, and holds it against the plan.
pub async fn reconcile(client: &Client, plan: &Plan, loaded: &Loaded) -> Result<Summary> {
    reconcile::settle(&Api::new(client), plan, loaded).await
}
