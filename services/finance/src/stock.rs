//! What moves of goods mean for the ledger: the account of the inventory follows the worth of the stock.

use contracts::finance::v1::LedgerAccountRole as Role;
use contracts::google::r#type::Money as WireMoney;
use contracts::inventory::v1::{ReservationConsumed, ReservationReturned, StockMoveKind, StockMoved};
use kit::{Date, Money, Result};
use store::Cx;
use store::column::instant;

use crate::chart::Roles;
use crate::entry::{Entry, Leg, Source};
use crate::journal_entry::{new_id, post_once};

/// Goods of an order left: Dr cost of sales, Cr inventory, an entry for each currency.
pub async fn reservation_consumed(cx: &mut Cx, event: ReservationConsumed) -> Result<()> {
    let (kind, id) = ("reservation_consumed", &event.reservation_id);
    post_costs(cx, kind, id, &event.costs, [Role::CostOfSales, Role::Inventory]).await
}

/// They came back, at the cost at which they had left.
pub async fn reservation_returned(cx: &mut Cx, event: ReservationReturned) -> Result<()> {
    let (kind, id) = ("reservation_returned", &event.reservation_id);
    post_costs(cx, kind, id, &event.costs, [Role::Inventory, Role::CostOfSales]).await
}

/// Goods came in or were counted. What leaves for orders and comes back from them is booked by the reservation,
/// once for the whole order, and what moves between warehouses keeps its worth.
pub async fn stock_moved(cx: &mut Cx, event: StockMoved) -> Result<()> {
    let against = match event.kind() {
        StockMoveKind::Receipt if event.source_type.starts_with("opening") => Role::OpeningBalances,
        StockMoveKind::Receipt => Role::GoodsReceived,
        StockMoveKind::Adjustment => Role::StockDifferences,
        _ => return Ok(()),
    };
    let Some(value) = event.value.as_ref() else { return Ok(()) };
    let value = value.to_money("event.value")?;
    let moved =
        event.effective_time.as_ref().map(|time| instant(time, "event.effective_time")).transpose()?;
    let date = moved.unwrap_or_else(|| cx.now()).date();
    post_values(
        cx,
        Source::new("stock_move", &event.stock_move_id),
        date,
        &[value],
        [Role::Inventory, against],
    )
    .await
}

async fn post_costs(cx: &mut Cx, kind: &str, id: &str, costs: &[WireMoney], sides: [Role; 2]) -> Result<()> {
    let costs = costs.iter().map(|cost| cost.to_money("event.costs")).collect::<Result<Vec<_>>>()?;
    let date = cx.now().date();
    post_values(cx, Source::new(kind, id), date, &costs, sides).await
}

/// Books each value as a debit of the first side and a credit of the second.
async fn post_values(
    cx: &mut Cx,
    source: Source,
    date: Date,
    values: &[Money],
    sides: [Role; 2],
) -> Result<()> {
    let values: Vec<Money> = values.iter().filter(|value| value.minor != 0).copied().collect();
    if values.is_empty() {
        return Ok(());
    }
    let roles = Roles::load(cx).await?;
    let (debit, credit) = (roles.code(sides[0])?, roles.code(sides[1])?);
    let mut entries = Vec::with_capacity(values.len());
    for value in values {
        let legs = vec![Leg::debit(debit, value.minor), Leg::credit(credit, value.minor)];
        // Of a source and currency there is one entry.
        let id = format!("{}:{}", source.id.as_deref().unwrap_or_default(), value.currency);
        entries.push(Entry::new(new_id(cx)?, date, value.currency, legs, Source::new(&source.kind, id))?);
    }
    post_once(cx, &entries).await
}
