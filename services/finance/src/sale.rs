//! Captured orders become invoices that are paid as they are posted. Those that are captured at the same time are billed
//! together: they post one after the other in any case, since each waits for the number of the one before.

use std::collections::BTreeMap;

use contracts::finance::v1::{LedgerAccountRole as Role, PaymentDirection as Direction};
use contracts::orders::v1::OrderCaptured;
use kit::{Money, Result, Uuid};
use store::column::instant;
use store::{Cx, Deferred, Origin};

use crate::bill::Bill;
use crate::chart::Roles;
use crate::entry::Entry;
use crate::invoice::{self, Draft, Head};
use crate::journal_entry::{new_id, post_later};
use crate::order_case;
use crate::payment_entry::{self, Payment};
use crate::reactions::{id, source, undo};

/// A captured order, to be billed.
#[derive(Debug)]
pub struct Sale {
    origin: Origin,
    order_id: Uuid,
    bill: Bill,
    head: Head,
    /// None where there is nothing to pay.
    payment: Option<Payment>,
    payment_intent_id: String,
}

impl Sale {
    /// Reads the event.
    pub fn of(cx: &Cx, event: OrderCaptured) -> Result<Self> {
        let bill = Bill::of_order(&event)?;
        let order_id = id(&event.order_id, "event.order_id")?;
        let captured =
            event.capture_time.as_ref().map(|time| instant(time, "event.capture_time")).transpose()?;
        let date = captured.unwrap_or_else(|| cx.now()).date();
        let head = Head {
            id: new_id(cx)?,
            customer: id(&event.account_id, "event.account_id")?,
            order: Some((order_id, event.order_number)),
            issue_date: date,
            due_date: date,
        };
        let total = bill.total()?;
        let payment = Payment {
            id: new_id(cx)?,
            direction: Direction::Inbound,
            party: head.customer,
            amount: total,
            unallocated: Money::zero(total.currency),
            shares: BTreeMap::from([(head.id, total)]),
            date,
            source_id: Some(source(&event.payment_intent_id, &event.order_id)),
        };
        let payment = (total.minor > 0).then_some(payment);
        Ok(Self {
            origin: cx.origin(),
            order_id,
            bill,
            head,
            payment,
            payment_intent_id: event.payment_intent_id,
        })
    }

    /// Books the sale and its payment; what is left is to write the invoice.
    async fn book(&self, cx: &mut Cx, roles: &Roles) -> Result<Draft<'_>> {
        let Self { origin, bill, head, .. } = self;
        let sold = invoice::sale(cx, bill, roles, head)?;
        let journal_entry_id = sold.as_ref().map(Entry::id);
        let mut entries: Vec<Entry> = sold.into_iter().collect();
        if let Some(payment) = &self.payment {
            let number = head.order.as_ref().map(|(_, number)| number.as_str()).unwrap_or_default();
            let entry = payment.entry(cx, roles, Role::Clearing)?;
            let entry_id = entry.id();
            entries.push(entry.memo(format!("Payment of order {number}")));
            post_later(cx, entries).await?;
            payment_entry::record(cx, payment, entry_id).await?;
        } else {
            post_later(cx, entries).await?;
        }
        let residual = Money::zero(bill.total()?.currency);
        Ok(Draft { origin, bill, head, journal_entry_id, residual })
    }
}

impl Deferred for Sale {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let invoices = items.iter().map(|sale| (sale.order_id, sale.head.id)).collect();
        let claimed = order_case::capture(cx, &invoices).await?;
        let sales = || items.iter().copied().filter(|sale| claimed.contains_key(&sale.head.id));
        let Some(first) = sales().next() else { return Ok(()) };
        // Where the tenant has no chart yet, the first of them installs it.
        cx.on_behalf_of(&first.origin);
        let roles = Roles::load(cx).await?;
        let mut drafts = Vec::with_capacity(items.len());
        for sale in sales() {
            cx.on_behalf_of(&sale.origin);
            drafts.push(sale.book(cx, &roles).await?);
        }
        let invoices = invoice::issue(cx, &drafts).await?;
        for (sale, invoice) in sales().zip(invoices).filter(|(sale, _)| claimed[&sale.head.id]) {
            cx.on_behalf_of(&sale.origin);
            undo(cx, invoice, &sale.payment_intent_id).await?;
        }
        Ok(())
    }
}
