//! What finance knows of an order, so that capture and cancellation may arrive in any order and more than once.

use kit::{Error, Result, Uuid};
use store::Cx;

/// What is known of an order when its capture arrives.
#[derive(Debug, PartialEq, Eq)]
pub enum Captured {
    /// It was billed before.
    Already,
    /// It is to be billed, and when its cancellation came first, credited at once.
    Now { cancelled: bool },
}

/// Claims the billing of an order for this invoice.
pub async fn capture(cx: &mut Cx, order_id: Uuid, invoice_id: Uuid) -> Result<Captured> {
    let query = sqlx::query_as::<_, (Option<Uuid>, bool)>(
        "insert into order_cases (order_id, invoice_id) values ($1, $2)
         on conflict (tenant_id, order_id) do update
             set invoice_id = coalesce(order_cases.invoice_id, excluded.invoice_id)
         returning invoice_id, cancelled",
    );
    match cx.row(query.bind(order_id).bind(invoice_id)).await? {
        Some((Some(billed), cancelled)) if billed == invoice_id => Ok(Captured::Now { cancelled }),
        Some(_) => Ok(Captured::Already),
        None => Err(Error::internal("an order's case was neither made nor found")),
    }
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
