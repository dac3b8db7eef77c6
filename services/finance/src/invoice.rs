//! Invoices and credit notes: numbered without gaps, booked as they are posted.

use std::collections::BTreeMap;

use contracts::finance::v1::{
    CreateCreditNoteRequest, FinanceReason, Invoice, InvoiceApi, InvoiceCredited, InvoiceKind as Kind,
    InvoicePaid, InvoicePosted, InvoiceState as State, PaymentEntry, PostInvoiceRequest,
};
use contracts::google::r#type::Date as WireDate;
use kit::{Date, Error, Money, Result, Uuid, ensure};
use store::{Cx, Origin};

use crate::bill::Bill;
use crate::chart::Roles;
use crate::entry::{Entry, Leg, Source};
use crate::journal_entry::{new_id, post};

/// Invoices.
#[derive(Debug)]
pub struct Invoices;

impl InvoiceApi for Invoices {
    async fn post_invoice(&self, cx: &mut Cx, request: PostInvoiceRequest) -> Result<Invoice> {
        let bill = Bill::of_lines(request.lines)?;
        let issue_date = date_or_today(cx, request.issue_date.as_ref(), "issue_date")?;
        let due_date = request.due_date.as_ref().map(|date| date.to_date("due_date")).transpose()?;
        let roles = Roles::load(cx).await?;
        let head = Head {
            id: new_id(cx)?,
            customer: Uuid::parse_str(&request.account_id)
                .map_err(|_| Error::invalid("account_id", "must be a UUID"))?,
            order: None,
            issue_date,
            due_date: due_date.unwrap_or(issue_date),
        };
        let entry = sale(cx, &bill, &roles, &head)?;
        if let Some(entry) = &entry {
            post(cx, std::slice::from_ref(entry)).await?;
        }
        let draft = Draft {
            origin: &cx.origin(),
            bill: &bill,
            head: &head,
            journal_entry_id: entry.map(|entry| entry.id()),
            residual: bill.total()?,
        };
        Ok(issue(cx, &[draft]).await?.remove(0))
    }

    async fn create_credit_note(&self, cx: &mut Cx, request: CreateCreditNoteRequest) -> Result<Invoice> {
        let issue_date = date_or_today(cx, request.issue_date.as_ref(), "issue_date")?;
        let invoice: Invoice = cx.lock(&request.id).await?;
        ensure!(
            invoice.kind() == Kind::Invoice && invoice.state() != State::Cancelled,
            FinanceReason::AlreadyCredited
        );
        let first = invoice.issue_date.as_ref().map(|date| date.to_date("issue_date")).transpose()?;
        if first.is_some_and(|first| issue_date < first) {
            return Err(Error::invalid("issue_date", "must not be before that of the invoice"));
        }
        let roles = Roles::load(cx).await?;
        free_payments(cx, &invoice.id).await?;
        credit(cx, invoice, &roles, issue_date, &request.memo).await
    }
}

/// What an invoice says besides its lines.
#[derive(Debug)]
pub struct Head {
    pub id: Uuid,
    pub customer: Uuid,
    /// Id and number of the order that it bills.
    pub order: Option<(Uuid, String)>,
    pub issue_date: Date,
    pub due_date: Date,
}

/// The entry that books an invoice; none when there is nothing to book.
pub fn sale(cx: &Cx, bill: &Bill, roles: &Roles, head: &Head) -> Result<Option<Entry>> {
    let legs = bill.sale(roles, head.customer)?;
    let memo = match &head.order {
        Some((_, number)) => format!("Invoice of order {number}"),
        None => "Invoice".to_owned(),
    };
    entry(cx, bill, legs, head.issue_date, Source::new("invoice", head.id), &memo)
}

/// An invoice that has yet to get its number.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The call that bills.
    pub origin: &'a Origin,
    pub bill: &'a Bill,
    pub head: &'a Head,
    /// None where there is nothing to book.
    pub journal_entry_id: Option<Uuid>,
    /// What is still owed.
    pub residual: Money,
}

impl Draft<'_> {
    fn numbered(&self, number: String) -> Result<Invoice> {
        let (head, total) = (self.head, self.bill.total()?);
        let mut invoice = Invoice {
            id: head.id.to_string(),
            account_id: head.customer.to_string(),
            order_id: head.order.as_ref().map(|(id, _)| id.to_string()),
            order_number: head.order.as_ref().map(|(_, number)| number.clone()).unwrap_or_default(),
            issue_date: Some(head.issue_date.into()),
            due_date: Some(head.due_date.into()),
            lines: self.bill.lines().to_vec(),
            total: Some(total.into()),
            residual: Some(self.residual.into()),
            journal_entry_id: self.journal_entry_id.map(|id| id.to_string()),
            number,
            ..Invoice::default()
        };
        invoice.set_kind(Kind::Invoice);
        invoice.set_state(state(total.minor, self.residual.minor));
        Ok(invoice)
    }
}

/// Gives invoices their numbers and writes them, last of all, since the number is what others wait for.
pub async fn issue(cx: &mut Cx, drafts: &[Draft<'_>]) -> Result<Vec<Invoice>> {
    let dates: Vec<Date> = drafts.iter().map(|draft| draft.head.issue_date).collect();
    let numbers = next_numbers(cx, Kind::Invoice, &dates).await?;
    let mut invoices = Vec::with_capacity(drafts.len());
    for (draft, number) in drafts.iter().zip(numbers) {
        cx.on_behalf_of(draft.origin);
        let invoice = cx.insert_later(draft.numbered(number)?).await?;
        cx.emit(InvoicePosted {
            invoice_id: invoice.id.clone(),
            number: invoice.number.clone(),
            account_id: invoice.account_id.clone(),
            order_id: invoice.order_id.clone().unwrap_or_default(),
            total: invoice.total.clone(),
        })?;
        if invoice.state() == State::Paid {
            announce_paid(cx, &invoice)?;
        }
        invoices.push(invoice);
    }
    Ok(invoices)
}

/// Credits a locked invoice in full. What was paid becomes a credit of the customer.
pub async fn credit(
    cx: &mut Cx,
    mut invoice: Invoice,
    roles: &Roles,
    date: Date,
    memo: &str,
) -> Result<Invoice> {
    let bill = Bill::of_lines(invoice.lines.clone())?;
    let customer = Uuid::parse_str(&invoice.account_id).map_err(Error::internal)?;
    let (total, residual) = (bill.total()?, residual(&invoice)?);
    let id = new_id(cx)?;
    let legs = bill.credit(roles, customer, residual.minor)?;
    let memo = if memo.is_empty() { format!("Credit note for {}", invoice.number) } else { memo.to_owned() };
    let entry = entry(cx, &bill, legs, date, Source::new("credit_note", id), &memo)?;
    if let Some(entry) = &entry {
        post(cx, std::slice::from_ref(entry)).await?;
    }
    invoice.set_state(State::Cancelled);
    invoice.residual = Some(Money::zero(total.currency).into());
    let invoice = cx.put(invoice, &["state", "residual"]).await?;
    let number = next_numbers(cx, Kind::CreditNote, &[date]).await?.remove(0);
    let mut note = Invoice {
        id: id.to_string(),
        account_id: invoice.account_id.clone(),
        order_id: invoice.order_id.clone(),
        order_number: invoice.order_number.clone(),
        issue_date: Some(date.into()),
        due_date: Some(date.into()),
        lines: invoice.lines.clone(),
        total: Some(total.into()),
        residual: Some(Money::zero(total.currency).into()),
        journal_entry_id: entry.map(|entry| entry.id().to_string()),
        credited_invoice_id: Some(invoice.id.clone()),
        number,
        ..Invoice::default()
    };
    note.set_kind(Kind::CreditNote);
    note.set_state(State::Paid);
    let note = cx.insert(note).await?;
    cx.emit(InvoiceCredited {
        credit_note_id: note.id.clone(),
        number: note.number.clone(),
        invoice_id: invoice.id,
        order_id: note.order_id.clone().unwrap_or_default(),
        total: note.total.clone(),
    })?;
    Ok(note)
}

/// Takes an amount off what is owed and tells when nothing is left. The invoice is locked, and owes that much.
pub async fn settle(cx: &mut Cx, mut invoice: Invoice, amount: Money) -> Result<()> {
    let left = residual(&invoice)?.minus(amount)?;
    invoice.residual = Some(left.into());
    invoice.set_state(if left.minor == 0 { State::Paid } else { State::PartiallyPaid });
    let invoice = cx.put(invoice, &["state", "residual"]).await?;
    if invoice.state() == State::Paid {
        announce_paid(cx, &invoice)?;
    }
    Ok(())
}

/// What an invoice still owes.
pub fn residual(invoice: &Invoice) -> Result<Money> {
    let residual =
        invoice.residual.as_ref().ok_or_else(|| Error::internal("an invoice without its residual"))?;
    residual.to_money("residual")
}

/// The day of a request, or today.
pub fn date_or_today(cx: &Cx, date: Option<&WireDate>, field: &str) -> Result<Date> {
    date.map_or_else(|| Ok(cx.now().date()), |date| date.to_date(field))
}

fn state(total: i64, residual: i64) -> State {
    match residual {
        0 => State::Paid,
        owed if owed == total => State::Posted,
        _ => State::PartiallyPaid,
    }
}

fn entry(
    cx: &Cx,
    bill: &Bill,
    legs: Vec<Leg>,
    date: Date,
    source: Source,
    memo: &str,
) -> Result<Option<Entry>> {
    if legs.is_empty() {
        return Ok(None);
    }
    let currency = bill.total()?.currency;
    Ok(Some(Entry::new(new_id(cx)?, date, currency, legs, source)?.memo(memo)))
}

fn announce_paid(cx: &mut Cx, invoice: &Invoice) -> Result<()> {
    cx.emit(InvoicePaid {
        invoice_id: invoice.id.clone(),
        account_id: invoice.account_id.clone(),
        order_id: invoice.order_id.clone().unwrap_or_default(),
    })
}

/// The payments of an invoice that is credited are free for others of the same customer.
async fn free_payments(cx: &mut Cx, invoice_id: &str) -> Result<()> {
    let id = Uuid::parse_str(invoice_id).map_err(Error::internal)?;
    let query = sqlx::query_as::<_, (Uuid,)>(
        "select payment_entry_id from invoice_payments where invoice_id = $1 order by payment_entry_id",
    );
    for (payment_id,) in cx.rows(query.bind(id)).await? {
        let mut payment: PaymentEntry = cx.lock(&payment_id.to_string()).await?;
        let unallocated =
            payment.unallocated.as_ref().ok_or_else(|| Error::internal("a payment without its rest"))?;
        let mut unallocated = unallocated.to_money("unallocated")?;
        let (freed, kept): (Vec<_>, Vec<_>) =
            payment.allocations.into_iter().partition(|allocation| allocation.invoice_id == invoice_id);
        for amount in freed.iter().filter_map(|allocation| allocation.amount.as_ref()) {
            unallocated = unallocated.plus(amount.to_money("amount")?)?;
        }
        payment.allocations = kept;
        payment.unallocated = Some(unallocated.into());
        cx.put(payment, &["allocations", "unallocated"]).await?;
    }
    let query = sqlx::query("delete from invoice_payments where invoice_id = $1");
    cx.execute(query.bind(id)).await?;
    Ok(())
}

/// The next numbers of a kind, one for each date. Everybody else who wants one of the same year waits until this
/// transaction ends.
async fn next_numbers(cx: &mut Cx, kind: Kind, dates: &[Date]) -> Result<Vec<String>> {
    let mut counts: BTreeMap<i32, i64> = BTreeMap::new();
    for date in dates {
        *counts.entry(date.year()).or_default() += 1;
    }
    let mut next = BTreeMap::new();
    for (year, count) in counts {
        let query = sqlx::query_as::<_, (i64,)>(
            "insert into document_counters (kind, year, last_number) values ($1, $2, $3)
             on conflict (tenant_id, kind, year) do update set last_number = document_counters.last_number + $3
             returning last_number",
        );
        let given = cx.row(query.bind(i32::from(kind)).bind(year).bind(count)).await?;
        let (last,) = given.ok_or_else(|| Error::internal("a counter gave no number"))?;
        next.insert(year, last - count);
    }
    let number = |date: &Date| {
        let number = next.entry(date.year()).or_default();
        *number += 1;
        numbered(kind, date.year(), *number)
    };
    Ok(dates.iter().map(number).collect())
}

fn numbered(kind: Kind, year: i32, number: i64) -> String {
    let prefix = if kind == Kind::CreditNote { "CN" } else { "INV" };
    format!("{prefix}-{year}-{number:06}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_and_tell_their_kind() {
        // A number must name kind and year, and stay readable beyond a million.
        assert_eq!(numbered(Kind::Invoice, 2026, 1), "INV-2026-000001");
        assert_eq!(numbered(Kind::CreditNote, 2027, 1_234_567), "CN-2027-1234567");
    }

    #[test]
    fn the_state_follows_from_what_is_owed() {
        // An invoice over nothing is paid; one of which nothing is paid is posted.
        assert_eq!(state(0, 0), State::Paid);
        assert_eq!(state(10, 10), State::Posted);
        assert_eq!(state(10, 3), State::PartiallyPaid);
        assert_eq!(state(10, 0), State::Paid);
    }
}
