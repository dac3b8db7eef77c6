//! What finance does when others have done something. Each of these may arrive late, twice or in another order.

use std::collections::BTreeMap;

use contracts::finance::v1::{
    Invoice, InvoiceState, LedgerAccountRole as Role, PaymentDirection as Direction,
};
use contracts::identity::v1::TenantCreated;
use contracts::orders::v1::{OrderCancelled, OrderCaptured};
use kit::{Error, Money, Result, Uuid};
use store::Cx;

use crate::chart::{self, Roles};
use crate::invoice;
use crate::journal_entry::{new_id, post};
use crate::order_case;
use crate::payment_entry::{self, Payment};
use crate::sale::Sale;

/// A new tenant begins with the default chart.
pub async fn tenant_created(cx: &mut Cx, _: TenantCreated) -> Result<()> {
    chart::install(cx).await.map(|_| ())
}

/// A captured order is billed, and its payment recorded with it: the invoice is paid when it is posted.
pub async fn order_captured(cx: &mut Cx, event: OrderCaptured) -> Result<()> {
    let sale = Sale::of(cx, event)?;
    cx.defer(sale).await
}

/// A cancelled order's invoice is credited and its payment given back. Nothing for an order that was never
/// captured.
pub async fn order_cancelled(cx: &mut Cx, event: OrderCancelled) -> Result<()> {
    let order_id = id(&event.order_id, "event.order_id")?;
    let Some(invoice_id) = order_case::cancel(cx, order_id).await? else { return Ok(()) };
    let invoice: Invoice = cx.lock(&invoice_id.to_string()).await?;
    undo(cx, invoice, event.payment_intent_id.as_deref().unwrap_or_default()).await
}

/// Credits the invoice of an order, unless somebody did so by hand, and books the refund.
pub async fn undo(cx: &mut Cx, invoice: Invoice, payment_intent_id: &str) -> Result<()> {
    let roles = Roles::load(cx).await?;
    let date = cx.now().date();
    let order_id = invoice.order_id.clone().unwrap_or_default();
    let party = id(&invoice.account_id, "account_id")?;
    let total = invoice.total.as_ref().ok_or_else(|| Error::internal("an invoice without its total"))?;
    let total = total.to_money("total")?;
    let memo = format!("Refund of order {}", invoice.order_number);
    let mut refund = Payment {
        id: new_id(cx)?,
        direction: Direction::Outbound,
        party,
        amount: total,
        unallocated: total,
        shares: BTreeMap::new(),
        date,
        source_id: Some(format!("refund:{}", source(payment_intent_id, &order_id))),
    };
    if total.minor > 0 {
        let entry = refund.entry(cx, &roles, Role::Clearing)?.memo(memo);
        post(cx, std::slice::from_ref(&entry)).await?;
        if invoice.state() == InvoiceState::Cancelled {
            payment_entry::record(cx, &refund, entry.id()).await?;
        } else {
            // The refund pays the credit note, so that nothing of either is left.
            let note = invoice::credit(cx, invoice, &roles, date, "").await?;
            refund.shares.insert(id(&note.id, "id")?, total);
            refund.unallocated = Money::zero(total.currency);
            payment_entry::record(cx, &refund, entry.id()).await?;
        }
    } else if invoice.state() != InvoiceState::Cancelled {
        invoice::credit(cx, invoice, &roles, date, "").await?;
    }
    Ok(())
}

/// What a payment of an order is known by.
pub fn source(payment_intent_id: &str, order_id: &str) -> String {
    if payment_intent_id.is_empty() { format!("order:{order_id}") } else { payment_intent_id.to_owned() }
}

/// Reads an id of an event.
pub fn id(text: &str, field: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Error::invalid(field, "must be a UUID"))
}
