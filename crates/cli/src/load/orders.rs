//! Places orders, a bounded number on their way at a time, and follows each to its end.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use contracts::orders::v1::{
    BatchGetOrdersRequest, CancelOrderRequest, ListSagasRequest, Order, OrderState, PlaceOrderLine,
    PlaceOrderRequest,
};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use indicatif::ProgressBar;
use tonic::{Code, Status};

use crate::Result;
use crate::client::new_id;
use crate::failure::Failure;
use crate::load::api::{Api, retry};
use crate::load::ensure::Problems;
use crate::load::plan::{NewOrder, NewOrderLine, Plan, Row, decimal};
use crate::load::rows;
use crate::talk;

/// How often the orders on their way are asked for.
const LOOK: Duration = Duration::from_millis(100);
/// When no order has ended for so long, something is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the keys of a plan are called in the suite.
#[derive(Clone, Copy)]
pub struct Ids<'a> {
    /// Ids of the accounts by code.
    pub accounts: &'a HashMap<String, String>,
    /// Ids of the products by SKU.
    pub products: &'a HashMap<String, String>,
}

/// What came of the orders.
pub struct Done {
    /// The orders as they ended, by external reference.
    pub orders: HashMap<String, Order>,
    /// How many were placed by this run.
    pub placed: usize,
}

/// Places the orders of the plan that are not `there`, and waits until all of them have ended.
pub async fn load(
    api: &Api,
    plan: &Plan,
    mut there: HashMap<String, Order>,
    ids: Ids<'_>,
    in_flight: usize,
    problems: &mut Problems,
) -> Result<Done> {
    let mut queue = VecDeque::new();
    let mut way = Way::new(plan.orders.len());
    for row in &plan.orders {
        match there.remove(&row.value.reference) {
            Some(order) => way.follow(row, order),
            None => match request_of(&row.value, ids) {
                Ok(request) => queue.push_back((row, request)),
                Err(reason) => {
                    problems.refuse(&row.origin, reason);
                    way.bar.inc(1);
                }
            },
        }
    }
    let (before, mut placed) = (plan.orders.len() - queue.len(), 0);
    let mut placing = FuturesUnordered::new();
    let mut clock = tokio::time::interval(LOOK);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !(queue.is_empty() && placing.is_empty() && way.open.is_empty()) {
        while way.open.len() + placing.len() < in_flight
            && let Some((row, request)) = queue.pop_front()
        {
            placing.push(async move { (row, place(api, request).await) });
        }
        tokio::select! {
            Some((row, answer)) = placing.next(), if !placing.is_empty() => match answer {
                Ok(order) => {
                    placed += 1;
                    way.follow(row, order);
                }
                Err(status) => {
                    problems.sort(&row.origin, &status, "erp.orders.v1.OrderService/PlaceOrder")?;
                    way.bar.inc(1);
                }
            },
            _ = clock.tick(), if !way.open.is_empty() => way.look(api).await?,
        }
    }
    talk::finish(&way.bar, &format!("{placed} placed, {before} there already"));
    Ok(Done { orders: way.ended, placed })
}

/// The orders on their way.
struct Way<'a> {
    open: HashMap<String, &'a Row<NewOrder>>,
    ended: HashMap<String, Order>,
    bar: ProgressBar,
    last_end: Instant,
}

impl<'a> Way<'a> {
    fn new(total: usize) -> Self {
        Self {
            open: HashMap::new(),
            ended: HashMap::new(),
            bar: talk::bar("orders", total),
            last_end: Instant::now(),
        }
    }

    fn follow(&mut self, row: &'a Row<NewOrder>, order: Order) {
        if has_ended(&row.value, &order) {
            self.end(row, order);
        } else {
            self.open.insert(order.id, row);
        }
    }

    fn end(&mut self, row: &Row<NewOrder>, order: Order) {
        self.ended.insert(row.value.reference.clone(), order);
        self.last_end = Instant::now();
        self.bar.inc(1);
    }

    /// Asks how far the orders are. One that is to be cancelled is so once it is completed.
    async fn look(&mut self, api: &Api) -> Result<()> {
        let ids: Vec<String> = self.open.keys().take(crate::load::api::PAGE).cloned().collect();
        let request = BatchGetOrdersRequest { ids };
        let answer = retry(async || api.orders().batch_get_orders(request.clone()).await).await?;
        for order in answer.orders {
            let Some(&row) = self.open.get(&order.id) else { continue };
            if has_ended(&row.value, &order) {
                self.open.remove(&order.id);
                self.end(row, order);
            } else if order.state() == OrderState::Completed {
                cancel(api, &order.id, row.value.cancel.as_deref().unwrap_or_default()).await?;
            }
        }
        if self.last_end.elapsed() > PATIENCE { Err(self.stuck(api).await) } else { Ok(()) }
    }

    async fn stuck(&self, api: &Api) -> Failure {
        self.bar.finish_and_clear();
        let mut failure = Failure::new(format!(
            "no order has ended for {} s; {} are on their way",
            PATIENCE.as_secs(),
            self.open.len()
        ));
        let request = ListSagasRequest {
            page_size: 5,
            filter: "state = STUCK OR state = RUNNING OR state = COMPENSATING".to_owned(),
            ..Default::default()
        };
        if let Ok(answer) = api.sagas().list_sagas(request).await {
            for saga in answer.into_inner().sagas {
                failure = failure.line(format!(
                    "order {} at {}: {} {}",
                    saga.order_id,
                    saga.current_step().as_str_name(),
                    saga.failure_reason,
                    saga.failure_message
                ));
            }
        }
        failure
            .line("run the same command again to go on waiting: nothing is doubled")
            .next("tessera events dead-letters    (or tessera call orders.ListSagas '{\"filter\": \"state = STUCK\"}')")
    }
}

fn has_ended(new: &NewOrder, order: &Order) -> bool {
    match order.state() {
        OrderState::Completed => new.cancel.is_none(),
        OrderState::Cancelled | OrderState::Failed => true,
        _ => false,
    }
}

async fn cancel(api: &Api, id: &str, reason: &str) -> Result<()> {
    let request = CancelOrderRequest { id: id.to_owned(), reason: reason.to_owned(), request_id: new_id() };
    retry(async || api.orders().cancel_order(request.clone()).await).await?;
    Ok(())
}

/// Sends the order. One that is there already, since another run was faster, is as good.
async fn place(api: &Api, request: PlaceOrderRequest) -> Result<Order, Status> {
    match retry(async || api.orders().place_order(request.clone()).await).await {
        Err(status) if status.code() == Code::AlreadyExists => {
            let reference = request.external_reference.as_deref().unwrap_or_default();
            rows::order(api, reference).await?.ok_or(status)
        }
        answer => answer,
    }
}

/// The request, or why there is none.
fn request_of(new: &NewOrder, ids: Ids<'_>) -> Result<PlaceOrderRequest, String> {
    let account_id = ids.accounts.get(&new.account);
    let account_id = account_id.ok_or_else(|| format!("its account {} was not loaded", new.account))?;
    let line = |line: &NewOrderLine| {
        let product_id = ids.products.get(&line.sku);
        let product_id = product_id.ok_or_else(|| format!("its product {} was not loaded", line.sku))?;
        Ok(PlaceOrderLine {
            product_id: product_id.clone(),
            quantity: decimal(line.quantity),
            unit_price: Some(line.unit_price.into()),
            discount: if line.discount.is_zero() { None } else { decimal(line.discount) },
        })
    };
    Ok(PlaceOrderRequest {
        account_id: account_id.clone(),
        lines: new.lines.iter().map(line).collect::<Result<_, String>>()?,
        currency_code: new.freight.currency.code().to_owned(),
        freight: Some(new.freight.into()),
        external_reference: Some(new.reference.clone()),
        request_id: new_id(),
        ..new.request.clone()
    })
}
