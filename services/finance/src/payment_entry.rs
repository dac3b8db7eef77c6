//! Money that came in and went out, and the invoices that it pays.

use std::collections::BTreeMap;

use contracts::finance::v1::{
    AllocatePaymentRequest, FinanceReason, Invoice, LedgerAccountRole as Role, PaymentAllocation,
    PaymentDirection as Direction, PaymentEntry, PaymentEntryApi, PaymentRecorded, RecordPaymentRequest,
};
use kit::{Date, Error, Money, Result, Uuid, ensure};
use store::{Cx, Deferred};

use crate::chart::Roles;
use crate::entry::{Entry, Leg, Source};
use crate::invoice::{self, date_or_today, settle};
use crate::journal_entry::{new_id, post};

/// Payment entries.
#[derive(Debug)]
pub struct PaymentEntries;

/// How much of each invoice is paid.
type Shares = BTreeMap<Uuid, Money>;

impl PaymentEntryApi for PaymentEntries {
    async fn record_payment(&self, cx: &mut Cx, request: RecordPaymentRequest) -> Result<PaymentEntry> {
        let amount = request.amount.as_ref().ok_or_else(|| Error::invalid("amount", "is required"))?;
        let amount = amount.to_money("amount")?;
        if amount.minor <= 0 {
            return Err(Error::invalid("amount", "must be more than zero"));
        }
        if request.direction() == Direction::Outbound && !request.allocations.is_empty() {
            return Err(Error::invalid("allocations", "must be empty for money that went out"));
        }
        let party = Uuid::parse_str(&request.account_id)
            .map_err(|_| Error::invalid("account_id", "must be a UUID"))?;
        let shares = shares(&request.allocations)?;
        let unallocated = rest(amount, &shares)?;
        let date = date_or_today(cx, request.effective_date.as_ref(), "effective_date")?;
        let invoices = lock_invoices(cx, &shares).await?;
        check(&invoices, &shares, party)?;
        let roles = Roles::load(cx).await?;
        let payment = Payment {
            id: new_id(cx)?,
            direction: request.direction(),
            party,
            amount,
            unallocated,
            shares,
            date,
            source_id: request.source_id,
        };
        let entry = payment.entry(cx, &roles, Role::Bank)?;
        post(cx, std::slice::from_ref(&entry)).await?;
        pay(cx, invoices, &payment.shares).await?;
        record(cx, &payment, entry.id()).await
    }

    async fn allocate_payment(&self, cx: &mut Cx, request: AllocatePaymentRequest) -> Result<PaymentEntry> {
        let shares = shares(&request.allocations)?;
        // Whoever locks both locks invoices first.
        let invoices = lock_invoices(cx, &shares).await?;
        let mut payment: PaymentEntry = cx.lock(&request.id).await?;
        if payment.direction() != Direction::Inbound {
            return Err(Error::invalid("id", "must be of money that came in"));
        }
        let unallocated =
            payment.unallocated.as_ref().ok_or_else(|| Error::internal("a payment without its rest"))?;
        let unallocated = unallocated.to_money("unallocated")?;
        let left = rest(unallocated, &shares)?;
        let party = Uuid::parse_str(&payment.account_id).map_err(Error::internal)?;
        check(&invoices, &shares, party)?;
        let roles = Roles::load(cx).await?;
        let moved = unallocated.minus(left)?;
        let legs = vec![
            Leg::debit(roles.code(Role::CustomerCredits)?, moved.minor).of(party),
            Leg::credit(roles.code(Role::Receivable)?, moved.minor).of(party),
        ];
        let source = Source { kind: "allocation".to_owned(), id: None };
        let entry = Entry::new(new_id(cx)?, cx.now().date(), moved.currency, legs, source)?;
        post(cx, &[entry.memo(format!("Allocation of payment {}", payment.id))]).await?;
        pay(cx, invoices, &shares).await?;
        payment.unallocated = Some(left.into());
        join_shares(&mut payment.allocations, &shares)?;
        let payment = cx.put(payment, &["unallocated", "allocations"]).await?;
        let id = Uuid::parse_str(&payment.id).map_err(Error::internal)?;
        remember(cx, id, &shares).await?;
        Ok(payment)
    }
}

/// A payment to be booked.
#[derive(Debug)]
pub struct Payment {
    pub id: Uuid,
    pub direction: Direction,
    pub party: Uuid,
    pub amount: Money,
    pub unallocated: Money,
    pub shares: Shares,
    pub date: Date,
    pub source_id: Option<String>,
}

impl Payment {
    /// Dr bank or clearing; Cr receivable with what pays invoices and customer credits with the rest. Money
    /// that goes out is taken from the customer's credits.
    pub fn entry(&self, cx: &Cx, roles: &Roles, money: Role) -> Result<Entry> {
        let (money, credits) = (roles.code(money)?, roles.code(Role::CustomerCredits)?);
        let legs = match self.direction {
            Direction::Outbound => vec![
                Leg::debit(credits, self.amount.minor).of(self.party),
                Leg::credit(money, self.amount.minor),
            ],
            _ => {
                let paid = self.amount.minus(self.unallocated)?.minor;
                let legs = [
                    Leg::debit(money, self.amount.minor),
                    Leg::credit(roles.code(Role::Receivable)?, paid).of(self.party),
                    Leg::credit(credits, self.unallocated.minor).of(self.party),
                ];
                legs.into_iter().filter(|leg| leg.minor != 0).collect()
            }
        };
        let kind = if self.direction == Direction::Outbound { "refund" } else { "payment" };
        Entry::new(new_id(cx)?, self.date, self.amount.currency, legs, Source::new(kind, self.id))
    }
}

/// Writes a payment whose entry is posted, at once or together with those of other calls.
pub async fn record(cx: &mut Cx, payment: &Payment, journal_entry_id: Uuid) -> Result<PaymentEntry> {
    let mut allocations = Vec::new();
    join_shares(&mut allocations, &payment.shares)?;
    let row = PaymentEntry {
        id: payment.id.to_string(),
        direction: payment.direction.into(),
        account_id: payment.party.to_string(),
        amount: Some(payment.amount.into()),
        unallocated: Some(payment.unallocated.into()),
        allocations,
        effective_date: Some(payment.date.into()),
        source_id: payment.source_id.clone(),
        journal_entry_id: journal_entry_id.to_string(),
        ..PaymentEntry::default()
    };
    let row = cx.insert_later(row).await?;
    remember(cx, payment.id, &payment.shares).await?;
    cx.emit(PaymentRecorded {
        payment_entry_id: row.id.clone(),
        account_id: row.account_id.clone(),
        amount: row.amount.clone(),
    })?;
    Ok(row)
}

async fn remember(cx: &mut Cx, payment_id: Uuid, shares: &Shares) -> Result<()> {
    match shares.is_empty() {
        true => Ok(()),
        false => cx.defer(Paid { payment_id, invoice_ids: shares.keys().copied().collect() }).await,
    }
}

/// The way back from invoices to a payment of theirs.
struct Paid {
    payment_id: Uuid,
    invoice_ids: Vec<Uuid>,
}

impl Deferred for Paid {
    async fn write<'a>(cx: &'a mut Cx, items: &'a [&'a Self]) -> Result<()> {
        let pairs = items.iter().flat_map(|paid| paid.invoice_ids.iter().map(|id| (*id, paid.payment_id)));
        let (invoice_ids, payment_ids): (Vec<Uuid>, Vec<Uuid>) = pairs.unzip();
        let query = sqlx::query(
            "insert into invoice_payments (invoice_id, payment_entry_id)
             select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing",
        );
        cx.execute(query.bind(invoice_ids).bind(payment_ids)).await?;
        Ok(())
    }
}

async fn lock_invoices(cx: &mut Cx, shares: &Shares) -> Result<Vec<Invoice>> {
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = shares.keys().map(Uuid::to_string).collect();
    let invoices = cx.lock_all::<Invoice>(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    match ids.iter().find(|id| !invoices.iter().any(|invoice| invoice.id == **id)) {
        Some(missing) => Err(Error::not_found("invoice", missing)),
        None => Ok(invoices),
    }
}

async fn pay(cx: &mut Cx, invoices: Vec<Invoice>, shares: &Shares) -> Result<()> {
    // Both are in the order of the ids.
    for (invoice, share) in invoices.into_iter().zip(shares.values()) {
        settle(cx, invoice, *share).await?;
    }
    Ok(())
}

/// Sums what is to be paid of each invoice.
fn shares(allocations: &[PaymentAllocation]) -> Result<Shares> {
    let mut shares = Shares::new();
    for (number, allocation) in allocations.iter().enumerate() {
        let field = |name: &str| format!("allocations[{number}].{name}");
        let id = Uuid::parse_str(&allocation.invoice_id);
        let id = id.map_err(|_| Error::invalid(&field("invoice_id"), "must be a UUID"))?;
        let amount =
            allocation.amount.as_ref().ok_or_else(|| Error::invalid(&field("amount"), "is required"))?;
        let amount = amount.to_money(&field("amount"))?;
        if amount.minor <= 0 {
            return Err(Error::invalid(&field("amount"), "must be more than zero"));
        }
        let share = match shares.get(&id) {
            Some(share) => {
                ensure!(share.currency == amount.currency, FinanceReason::MixedCurrencies);
                share.plus(amount)?
            }
            None => amount,
        };
        shares.insert(id, share);
    }
    Ok(shares)
}

/// What is left of an amount after the shares; FINANCE_REASON_OVERALLOCATED when it does not suffice.
fn rest(amount: Money, shares: &Shares) -> Result<Money> {
    let mut left = amount;
    for share in shares.values() {
        ensure!(share.currency == amount.currency, FinanceReason::MixedCurrencies);
        left = left.minus(*share)?;
        ensure!(left.minor >= 0, FinanceReason::Overallocated);
    }
    Ok(left)
}

/// Every invoice must be the party's and owe what is to be paid of it.
fn check(invoices: &[Invoice], shares: &Shares, party: Uuid) -> Result<()> {
    for (invoice, share) in invoices.iter().zip(shares.values()) {
        ensure!(invoice.account_id == party.to_string(), FinanceReason::WrongParty);
        let residual = invoice::residual(invoice)?;
        ensure!(residual.currency == share.currency, FinanceReason::MixedCurrencies);
        if residual.minor < share.minor {
            return Err(Error::from(FinanceReason::Overallocated).with("invoice_id", &invoice.id));
        }
    }
    Ok(())
}

fn join_shares(allocations: &mut Vec<PaymentAllocation>, shares: &Shares) -> Result<()> {
    for (id, share) in shares {
        let invoice_id = id.to_string();
        match allocations.iter_mut().find(|allocation| allocation.invoice_id == invoice_id) {
            Some(allocation) => {
                let before =
                    allocation.amount.as_ref().map(|amount| amount.to_money("amount")).transpose()?;
                let sum = before.map_or(Ok(*share), |before| before.plus(*share))?;
                allocation.amount = Some(sum.into());
            }
            None => allocations.push(PaymentAllocation { invoice_id, amount: Some((*share).into()) }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kit::Currency;

    use super::*;

    fn euros(minor: i64) -> Money {
        Money::new(minor, Currency::parse("EUR", "c").unwrap())
    }

    fn allocation(id: u128, minor: i64) -> PaymentAllocation {
        PaymentAllocation { invoice_id: Uuid::from_u128(id).to_string(), amount: Some(euros(minor).into()) }
    }

    #[test]
    fn an_invoice_named_twice_is_paid_once_with_the_sum() {
        // Two lines for one invoice must be checked together, or each could take what is left.
        let sums = shares(&[allocation(1, 5), allocation(2, 1), allocation(1, 7)]).unwrap();
        assert_eq!(sums.into_values().map(|share| share.minor).collect::<Vec<_>>(), [12, 1]);
        assert!(shares(&[allocation(1, 0)]).is_err());
    }

    #[test]
    fn no_more_is_allocated_than_is_left() {
        // The shares may use up the amount and not a cent more.
        let wanted = shares(&[allocation(1, 5), allocation(2, 6)]).unwrap();
        assert_eq!(rest(euros(11), &wanted).unwrap().minor, 0);
        assert!(rest(euros(10), &wanted).unwrap_err().is(FinanceReason::Overallocated));
    }

    #[test]
    fn shares_join_what_was_allocated_before() {
        // sum(allocations) must grow by exactly the new shares.
        let mut allocations = vec![allocation(1, 5)];
        join_shares(&mut allocations, &shares(&[allocation(1, 2), allocation(3, 4)]).unwrap()).unwrap();
        assert_eq!(allocations, [allocation(1, 7), allocation(3, 4)]);
    }
}
