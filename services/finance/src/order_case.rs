//! What finance knows of an order, so that capture and cancellation may arrive in any order and more than once.

use std::collections::{BTreeMap, HashMap};

use kit::{Result, Uuid};
use store::Cx;

/// Claims the billing of orders, each for this invoice. Returns the invoices that are to be issued now, each with whether
/// the cancellation of its order came first; the other orders were billed before.
pub async fn capture(cx: &mut Cx, invoices: &BTreeMap<Uuid, Uuid>) -> Result<HashMap<Uuid, bool>> {
    let query = sqlx::query_as::<_, (Uuid, Option<Uuid>, bool)>(
        "insert into order_cases (order_id, invoice_id) select * from unnest($1::uuid[], $2::uuid[])
         on conflict (tenant_id, order_id) do update
             set invoice_id = coalesce(order_cases.invoice_id, excluded.invoice_id)
         returning order_id, invoice_id, cancelled",
    );
    let query = query.bind(invoices.keys().copied().collect::<Vec<_>>());
    let rows = cx.rows(query.bind(invoices.values().copied().collect::<Vec<_>>())).await?;
    let claimed = rows.into_iter().filter_map(|(order_id, invoice_id, cancelled)| {
        let invoice_id = invoice_id.filter(|id| invoices.get(&order_id) == Some(id))?;
        Some((invoice_id, cancelled))
    });
    Ok(claimed.collect())
}

/// Notes that an order is cancelled. Returns the invoice that is to be credited now; none when the order was
/// not captured yet or this is known already.
pub async fn cancel(cx: &mut Cx, order_id: Uuid) -> Result<Option<Uuid>> {
    let query = sqlx::query_as::<_, (Option<Uuid>,)>(
        "insert into order_cases (order_id, cancelled) values ($1, true)
         on conflict (tenant_id, order_id) do update set cancelled = true where not order_cases.cancelled
         returning invoice_id",
    );
    Ok(cx.row(query.bind(order_id)).await?.and_then(|(invoice_id,)| invoice_id))
}
