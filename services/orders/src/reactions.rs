//! What orders do when finance has done its part. Each of these may arrive late or twice.

use contracts::finance::v1::{InvoiceCredited, InvoicePosted};
use contracts::orders::v1::{Order, SagaKind, SagaStepName as Name};
use kit::Result;
use store::{Cx, Deferred, Origin};

use crate::advance::{self, Tried, Work};
use crate::crash::{self, Place};
use crate::progress::Finding;
use crate::{machine, saga};

/// The invoice that the order's saga waits for is posted, so that the order is complete.
pub async fn invoice_posted(cx: &mut Cx, event: InvoicePosted) -> Result<()> {
    if event.order_id.is_empty() {
        return Ok(());
    }
    cx.defer(Posted { origin: cx.origin(), event }).await
}

/// A posted invoice. The orders of those that come at the same time are completed together.
struct Posted {
    origin: Origin,
    event: InvoicePosted,
}

impl Deferred for Posted {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let order_ids: Vec<&str> = items.iter().map(|posted| posted.event.order_id.as_str()).collect();
        for work in saga::lock_all_of(cx, &order_ids, SagaKind::PlaceOrder).await? {
            let Some(posted) = items.iter().find(|posted| posted.event.order_id == work.order.id) else {
                continue;
            };
            cx.on_behalf_of(&posted.origin);
            let (id, number) = (posted.event.invoice_id.clone(), posted.event.number.clone());
            let finding = Finding::Invoice { id: id.clone(), number };
            arrive(cx, work, Name::PostInvoice, id, finding).await?;
        }
        Ok(())
    }
}

/// The credit note is posted, so that the order is cancelled. Finance may also credit an invoice by hand; then
/// the order only notes it.
pub async fn invoice_credited(cx: &mut Cx, event: InvoiceCredited) -> Result<()> {
    match saga::lock_of(cx, &event.order_id, SagaKind::CancelOrder).await? {
        Some(work) => {
            let finding = Finding::CreditNote { id: event.credit_note_id.clone() };
            arrive(cx, work, Name::PostCreditNote, event.credit_note_id, finding).await
        }
        None => note_credit(cx, event).await,
    }
}

/// Ends a step that waits. Does nothing for a saga that is elsewhere, as it is when the event comes again.
async fn arrive(cx: &mut Cx, mut work: Work, step: Name, id: String, finding: Finding) -> Result<()> {
    if !machine::awaits(&work.saga, step) {
        return Ok(());
    }
    let tried = Tried { finding, ..Tried::made(id) };
    advance::settle(cx, &mut work, tried).await?;
    crash::point(step, Place::BeforeCommit);
    Ok(())
}

async fn note_credit(cx: &mut Cx, event: InvoiceCredited) -> Result<()> {
    if event.order_id.is_empty() {
        return Ok(());
    }
    // The first saga's row is locked first, as everywhere, so that a cancellation that begins now sees it.
    if saga::lock_of(cx, &event.order_id, SagaKind::PlaceOrder).await?.is_none() {
        return Ok(());
    }
    let mut order: Order = cx.lock(&event.order_id).await?;
    if order.credit_note_id.is_none() {
        order.credit_note_id = Some(event.credit_note_id);
        cx.put(order, &["credit_note_id"]).await?;
    }
    Ok(())
}
