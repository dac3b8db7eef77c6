//! What was earned, period by period.

use std::collections::BTreeMap;

use contracts::finance::v1::{CurrencyRevenue, GetRevenueRequest, InvoiceKind, Revenue, RevenuePeriod};
use kit::{Currency, Date, Error, Money, Result, Span, Step};
use store::Cx;

/// More periods make no chart.
const PERIODS_MAX: usize = 400;
/// More than the rows of all periods, in more currencies than anybody bills in.
const ROWS_MAX: i64 = 50_000;

/// The report that was asked for.
pub async fn report(cx: &mut Cx, request: &GetRevenueRequest) -> Result<Revenue> {
    let span = contracts::span(request.from_date.as_ref(), request.to_date.as_ref())?;
    let step = request.period().step_or(Step::Month);
    let periods = span.divide(step, PERIODS_MAX, "to_date")?;
    let asked = Some(&request.currency_code).filter(|code| !code.is_empty());
    let asked = asked.map(|code| Currency::parse(code, "currency_code")).transpose()?;
    let mut currencies: BTreeMap<String, Vec<Sum>> = BTreeMap::new();
    for sum in sums(cx, span, step, asked).await? {
        currencies.entry(sum.currency.clone()).or_default().push(sum);
    }
    let currencies = currencies.iter().map(|(code, sums)| of_currency(code, sums, &periods, step));
    Ok(Revenue { currencies: currencies.collect::<Result<_>>()? })
}

/// The documents of a kind, a period and a currency.
#[derive(Debug, sqlx::FromRow)]
struct Sum {
    currency: String,
    /// The first day of the whole period, of which some may be cut.
    start: Date,
    kind: i32,
    minor: i64,
    document_count: i64,
}

async fn sums(cx: &mut Cx, span: Span, step: Step, currency: Option<Currency>) -> Result<Vec<Sum>> {
    let query = sqlx::query_as::<_, Sum>(
        "select total_currency as currency, date_trunc($3, issue_date::timestamp)::date as start, kind,
             sum(total_minor)::bigint as minor, count(*) as document_count
         from invoices
         where issue_date between $1 and $2 and ($4::text is null or total_currency = $4)
         group by 1, 2, 3 order by 1, 2, 3 limit $5",
    );
    let currency = currency.map(|currency| currency.code().to_owned());
    cx.rows(query.bind(span.start).bind(span.end).bind(step.name()).bind(currency).bind(ROWS_MAX)).await
}

fn of_currency(code: &str, sums: &[Sum], periods: &[Span], step: Step) -> Result<CurrencyRevenue> {
    let currency = Currency::parse(code, "currency_code").map_err(Error::internal)?;
    let mut total = Money::zero(currency);
    let mut shown = Vec::with_capacity(periods.len());
    for period in periods {
        let of = |kind: InvoiceKind| {
            let start = step.start(period.start);
            let found = sums.iter().find(|sum| sum.start == start && sum.kind == i32::from(kind));
            found.map_or((Money::zero(currency), 0), |sum| {
                (Money::new(sum.minor, currency), sum.document_count)
            })
        };
        let ((invoices, invoice_count), (credits, credit_note_count)) =
            (of(InvoiceKind::Invoice), of(InvoiceKind::CreditNote));
        let earned = invoices.minus(credits)?;
        total = total.plus(earned)?;
        shown.push(RevenuePeriod {
            from_date: Some(period.start.into()),
            to_date: Some(period.end.into()),
            invoice_total: Some(invoices.into()),
            credit_total: Some(credits.into()),
            total: Some(earned.into()),
            invoice_count,
            credit_note_count,
        });
    }
    Ok(CurrencyRevenue { currency_code: code.to_owned(), periods: shown, total: Some(total.into()) })
}
