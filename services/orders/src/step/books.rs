//! Finance's part, when an operator has a step that waits for it tried again: look, and ask once more.

use contracts::finance::v1::invoice_service_client::InvoiceServiceClient;
use contracts::finance::v1::{Invoice, ListInvoicesRequest};
use contracts::orders::v1::Order;
use kit::Result;
use store::Cx;

use crate::advance::Tried;
use crate::machine::Outcome;
use crate::progress::Finding;

/// Looks for the order's invoice.
pub async fn invoice(cx: &mut Cx, order: &Order) -> Result<Tried> {
    Ok(match find(cx, order, "INVOICE").await? {
        Some(invoice) => {
            let finding = Finding::Invoice { id: invoice.id.clone(), number: invoice.number };
            Tried { finding, ..Tried::made(invoice.id) }
        }
        None => missing(),
    })
}

/// Looks for the order's credit note.
pub async fn credit_note(cx: &mut Cx, order: &Order) -> Result<Tried> {
    Ok(match find(cx, order, "CREDIT_NOTE").await? {
        Some(note) => {
            let finding = Finding::CreditNote { id: note.id.clone() };
            Tried { finding, ..Tried::made(note.id) }
        }
        None => missing(),
    })
}

async fn find(cx: &mut Cx, order: &Order, kind: &str) -> Result<Option<Invoice>> {
    let filter = format!("order_id = \"{}\" AND kind = {kind}", order.id);
    let request = ListInvoicesRequest { page_size: 1, filter, ..ListInvoicesRequest::default() };
    let answer = cx.peer(InvoiceServiceClient::new).await?.list_invoices(request).await?.into_inner();
    Ok(answer.invoices.into_iter().next())
}

fn missing() -> Tried {
    Tried { finding: Finding::Missing, ..Tried::new(Outcome::Asked) }
}
