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
    let posting = Posting {
        source: Source::new("reservation_consumed", &event.reservation_id),
        memo: "Goods of an order left",
        sides: [Role::CostOfSales, Role::Inventory],
    };
    post_costs(cx, posting, &event.costs).await
}

/// They came back, at the cost at which they had left.
pub async fn reservation_returned(cx: &mut Cx, event: ReservationReturned) -> Result<()> {
    let posting = Posting {
        source: Source::new("reservation_returned", &event.reservation_id),
        memo: "Goods of an order came back",
        sides: [Role::Inventory, Role::CostOfSales],
    };
    post_costs(cx, posting, &event.costs).await
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
    post_values(cx, Posting { source, memo, sides: [Role::Inventory, against] }, date, &[value]).await
}

/// What the entries of an event have in common.
struct Posting {
    source: Source,
    memo: &'static str,
    /// What is debited, and what is credited.
    sides: [Role; 2],
}

async fn post_costs(cx: &mut Cx, posting: Posting, costs: &[WireMoney]) -> Result<()> {
    let costs = costs.iter().map(|cost| cost.to_money("event.costs")).collect::<Result<Vec<_>>>()?;
    let date = cx.now().date();
    post_values(cx, posting, date, &costs).await
}

/// Books each value as a debit of the first side and a credit of the second.
async fn post_values(cx: &mut Cx, posting: Posting, date: Date, values: &[Money]) -> Result<()> {
    let Posting { source, memo, sides } = posting;
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
        let source = Source::new(&source.kind, id);
        entries.push(Entry::new(new_id(cx)?, date, value.currency, legs, source)?.memo(memo));
    }
    post_once(cx, &entries).await
}
