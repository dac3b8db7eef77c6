//! What customers owe, and for how long it has been due.

use std::collections::BTreeMap;

use contracts::finance::v1::{AgeingBand, CurrencyReceivables, InvoiceKind, ReceivablesAgeing};
use contracts::google::r#type::Date as WireDate;
use kit::{Currency, Date, Decimal, Duration, Error, Money, Result, Rounding};
use store::Cx;

use crate::invoice::date_or_today;

/// From how many days on, and up to how many, the invoices of a band have been due.
const BANDS: [(Option<i32>, Option<i32>); 5] =
    [(None, Some(0)), (Some(1), Some(30)), (Some(31), Some(60)), (Some(61), Some(90)), (Some(91), None)];

/// More currencies than there are.
const ROWS_MAX: i64 = 1_000;

/// The report of a day, or of today.
pub async fn report(cx: &mut Cx, as_of: Option<&WireDate>) -> Result<ReceivablesAgeing> {
    let as_of = date_or_today(cx, as_of, "as_of")?;
    let mut currencies: BTreeMap<String, Vec<Open>> = BTreeMap::new();
    for open in open(cx, as_of).await? {
        currencies.entry(open.currency.clone()).or_default().push(open);
    }
    let currencies = currencies.iter().map(|(code, open)| of_currency(code, open, as_of));
    Ok(ReceivablesAgeing { as_of: Some(as_of.into()), currencies: currencies.collect::<Result<_>>()? })
}

/// What is open of a currency in a band.
#[derive(Debug, sqlx::FromRow)]
struct Open {
    currency: String,
    /// The place in [`BANDS`].
    band: i32,
    minor: i64,
    /// What was paid later, in whole units.
    paid_since: Decimal,
    invoice_count: i64,
}

/// An invoice owes now what its residual says. On an earlier day it owed also what was paid since, and one that was
/// credited since owed all of it. The days of the past are asked for rarely, and only they look at payments.
async fn open(cx: &mut Cx, as_of: Date) -> Result<Vec<Open>> {
    let is_past = as_of < cx.now().date();
    let query = sqlx::query_as::<_, Open>(
        "with open as (
             select i.total_currency as currency, $1 - i.due_date as days,
                 case when note.id is null then i.residual_minor else i.total_minor end as minor,
                 case when note.id is null then coalesce(later.amount, 0) else 0 end as paid_since
             from invoices i
             left join invoices note on $2 and note.credited_invoice_id = i.id
             left join lateral (
                 select sum(coalesce((share #>> '{amount,units}')::numeric, 0)
                     + coalesce((share #>> '{amount,nanos}')::numeric, 0) * 0.000000001) as amount
                 from invoice_payments used
                 join payment_entries payment on payment.id = used.payment_entry_id
                 cross join jsonb_array_elements(payment.allocations) as share
                 where $2 and used.invoice_id = i.id and payment.effective_date > $1
                     and (share ->> 'invoice_id')::uuid = i.id
             ) later on true
             where i.kind = $3 and i.issue_date <= $1 and (i.residual_minor > 0 or $2)
                 and (note.id is null or note.issue_date > $1)
         )
         select currency,
             case when days <= 0 then 0 when days <= 30 then 1 when days <= 60 then 2 when days <= 90 then 3 else 4 end
                 as band,
             sum(minor)::bigint as minor, sum(paid_since) as paid_since, count(*) as invoice_count
         from open where minor > 0 or paid_since > 0
         group by 1, 2 order by 1, 2 limit $4",
    );
    cx.rows(query.bind(as_of).bind(is_past).bind(i32::from(InvoiceKind::Invoice)).bind(ROWS_MAX)).await
}

fn of_currency(code: &str, open: &[Open], as_of: Date) -> Result<CurrencyReceivables> {
    let currency = Currency::parse(code, "currency_code").map_err(Error::internal)?;
    let mut total = Money::zero(currency);
    let mut invoice_count = 0;
    let mut bands = Vec::with_capacity(BANDS.len());
    for (place, days) in (0_i32..).zip(BANDS) {
        let mut band = Money::zero(currency);
        let mut count = 0;
        for one in open.iter().filter(|one| one.band == place) {
            let paid_since = Money::round(one.paid_since, currency, Rounding::HalfUp)?;
            band = band.plus(Money::new(one.minor, currency))?.plus(paid_since)?;
            count += one.invoice_count;
        }
        total = total.plus(band)?;
        invoice_count += count;
        bands.push(of_band(days, as_of, band, count));
    }
    Ok(CurrencyReceivables {
        currency_code: code.to_owned(),
        bands,
        total: Some(total.into()),
        invoice_count,
    })
}

fn of_band(
    (min, max): (Option<i32>, Option<i32>),
    as_of: Date,
    amount: Money,
    invoice_count: i64,
) -> AgeingBand {
    let due = |days: i32| as_of.checked_sub(Duration::days(i64::from(days))).map(WireDate::from);
    AgeingBand {
        min_days: min,
        max_days: max,
        from_date: max.and_then(due),
        to_date: min.and_then(due),
        amount: Some(amount.into()),
        invoice_count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_meet_without_gap_or_overlap() {
        // The days of due dates by which the invoices of a band are found must be those by which they were counted.
        let as_of = WireDate { year: 2026, month: 3, day: 31 }.to_date("d").unwrap();
        let zero = Money::zero(Currency::parse("EUR", "c").unwrap());
        let bands: Vec<_> = BANDS.into_iter().map(|days| of_band(days, as_of, zero, 0)).collect();
        let day = |date: &Option<WireDate>| date.as_ref().map(|date| date.to_date("d").unwrap());
        assert_eq!((day(&bands[0].from_date), day(&bands[0].to_date)), (Some(as_of), None));
        assert_eq!(day(&bands[1].to_date), as_of.previous_day());
        for pair in bands.windows(2) {
            assert_eq!(day(&pair[1].to_date), day(&pair[0].from_date).unwrap().previous_day());
            assert_eq!(pair[1].min_days, pair[0].max_days.map(|days| days + 1));
        }
        assert_eq!((bands[4].max_days, day(&bands[4].from_date)), (None, None));
    }
}
