//! What moves of goods mean for the ledger: the account of the inventory follows the worth of the stock.

use contracts::finance::v1::LedgerAccountRole as Role;
use contracts::google::r#type::Money as WireMoney;
use contracts::inventory::v1::{ReservationConsumed, ReservationReturned, StockMoveKind, StockMoved};
use kit::{Date, Money, Result};
use store::column::instant;
use store::{Cx, Deferred, Origin};

use crate::chart::Roles;
use crate::entry::{Entry, Leg, Source};
use crate::journal_entry::{new_id, post_later, posted_sources};

/// Goods of an order left: Dr cost of sales, Cr inventory, an entry for each currency.
pub async fn reservation_consumed(cx: &mut Cx, event: ReservationConsumed) -> Result<()> {
    let source = Source::new("reservation_consumed", &event.reservation_id);
    let sides = [Role::CostOfSales, Role::Inventory];
    post_costs(cx, source, "Goods of an order left", sides, &event.costs).await
}

/// They came back, at the cost at which they had left.
pub async fn reservation_returned(cx: &mut Cx, event: ReservationReturned) -> Result<()> {
    let source = Source::new("reservation_returned", &event.reservation_id);
    let sides = [Role::Inventory, Role::CostOfSales];
    post_costs(cx, source, "Goods of an order came back", sides, &event.costs).await
}

/// Goods came in or were counted. What leaves for orders and comes back from them is booked by the reservation,
/// once for the whole order, and what moves between warehouses keeps its worth.
pub async fn stock_moved(cx: &mut Cx, event: StockMoved) -> Result<()> {
    let (against, memo) = match event.kind() {
        StockMoveKind::Receipt if event.source_type.starts_with("opening") => {
            (Role::OpeningBalances, "Opening stock")
        }
        StockMoveKind::Receipt => (Role::GoodsReceived, "Goods received"),
        StockMoveKind::Adjustment => (Role::StockDifferences, "Stock counted"),
        _ => return Ok(()),
    };
    let Some(value) = event.value.as_ref() else { return Ok(()) };
    let value = value.to_money("event.value")?;
    let moved =
        event.effective_time.as_ref().map(|time| instant(time, "event.effective_time")).transpose()?;
    let date = moved.unwrap_or_else(|| cx.now()).date();
    let source = Source::new("stock_move", &event.stock_move_id);
    let sides = [Role::Inventory, against];
    post(cx, Movement { origin: cx.origin(), source, memo, sides, date, values: vec![value] }).await
}

/// What an event makes the ledger say: each value as a debit of the first side and a credit of the second. Those that come
/// at the same time are posted together.
struct Movement {
    origin: Origin,
    source: Source,
    memo: &'static str,
    /// What is debited, and what is credited.
    sides: [Role; 2],
    date: Date,
    values: Vec<Money>,
}

impl Movement {
    /// An entry for each currency. Of a source and currency there is one.
    fn entries(&self, cx: &Cx, roles: &Roles) -> Result<Vec<Entry>> {
        let (debit, credit) = (roles.code(self.sides[0])?, roles.code(self.sides[1])?);
        let entry = |value: &Money| {
            let legs = vec![Leg::debit(debit, value.minor), Leg::credit(credit, value.minor)];
            let id = format!("{}:{}", self.source.id.as_deref().unwrap_or_default(), value.currency);
            let source = Source::new(&self.source.kind, id);
            Ok(Entry::new(new_id(cx)?, self.date, value.currency, legs, source)?.memo(self.memo))
        };
        self.values.iter().map(entry).collect()
    }
}

impl Deferred for Movement {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let Some(first) = items.first() else { return Ok(()) };
        // Where the tenant has no chart yet, the first of them installs it.
        cx.on_behalf_of(&first.origin);
        let roles = Roles::load(cx).await?;
        let mut calls = Vec::with_capacity(items.len());
        for movement in items {
            calls.push((&movement.origin, movement.entries(cx, &roles)?));
        }
        // An event of long ago may come again when the inbox has forgotten it.
        let sources: Vec<&Source> =
            calls.iter().flat_map(|(_, entries)| entries).map(Entry::source).collect();
        let posted = posted_sources(cx, &sources).await?;
        for (origin, mut entries) in calls {
            entries.retain(|entry| !posted.contains(entry.source()));
            cx.on_behalf_of(origin);
            post_later(cx, entries).await?;
        }
        Ok(())
    }
}

async fn post_costs(
    cx: &mut Cx,
    source: Source,
    memo: &'static str,
    sides: [Role; 2],
    costs: &[WireMoney],
) -> Result<()> {
    let values = costs.iter().map(|cost| cost.to_money("event.costs")).collect::<Result<Vec<_>>>()?;
    post(cx, Movement { origin: cx.origin(), source, memo, sides, date: cx.now().date(), values }).await
}

async fn post(cx: &mut Cx, mut posting: Movement) -> Result<()> {
    posting.values.retain(|value| value.minor != 0);
    match posting.values.is_empty() {
        true => Ok(()),
        false => cx.defer(posting).await,
    }
}
