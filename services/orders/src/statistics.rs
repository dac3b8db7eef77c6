//! How many orders there are, and what was ordered.

use std::collections::BTreeMap;

use contracts::orders::v1::{
    CurrencyOrders, GetOrderStatisticsRequest, OrderPeriod, OrderState, OrderStateCount, OrderStatistics,
};
use kit::{Currency, Date, Error, Money, Result, Span, Step};
use store::Cx;

/// More periods make no chart.
const PERIODS_MAX: usize = 400;
/// More than the rows of all periods and states, in more currencies than anybody sells in.
const ROWS_MAX: i64 = 100_000;

/// The report that was asked for.
pub async fn report(cx: &mut Cx, request: &GetOrderStatisticsRequest) -> Result<OrderStatistics> {
    let span = contracts::span(request.from_date.as_ref(), request.to_date.as_ref())?;
    let step = request.period().step_or(Step::Day);
    let periods = span.divide(step, PERIODS_MAX, "to_date")?;
    let mut states: BTreeMap<i32, i64> = BTreeMap::new();
    let mut currencies: BTreeMap<String, Vec<Sum>> = BTreeMap::new();
    for sum in sums(cx, span, step).await? {
        *states.entry(sum.state).or_default() += sum.order_count;
        if counts(sum.state) {
            currencies.entry(sum.currency.clone()).or_default().push(sum);
        }
    }
    let states = states.into_iter().map(|(state, order_count)| OrderStateCount { state, order_count });
    let currencies = currencies.iter().map(|(code, sums)| of_currency(code, sums, &periods, step));
    Ok(OrderStatistics { states: states.collect(), currencies: currencies.collect::<Result<_>>()? })
}

/// Whether orders in this state are, or become, a sale.
fn counts(state: i32) -> bool {
    let lost = [OrderState::Failed, OrderState::Cancelling, OrderState::Cancelled];
    lost.into_iter().all(|lost| i32::from(lost) != state)
}

/// The orders of a state, a period and a currency.
#[derive(Debug, sqlx::FromRow)]
struct Sum {
    currency: String,
    /// The first day of the whole period, of which some may be cut.
    start: Date,
    state: i32,
    minor: i64,
    order_count: i64,
}

async fn sums(cx: &mut Cx, span: Span, step: Step) -> Result<Vec<Sum>> {
    let query = sqlx::query_as::<_, Sum>(
        "select currency_code as currency, date_trunc($3, order_date::timestamp)::date as start, state,
             coalesce(sum(total_minor), 0)::bigint as minor, count(*) as order_count
         from orders where order_date between $1 and $2
         group by 1, 2, 3 order by 1, 2, 3 limit $4",
    );
    cx.rows(query.bind(span.start).bind(span.end).bind(step.name()).bind(ROWS_MAX)).await
}

fn of_currency(code: &str, sums: &[Sum], periods: &[Span], step: Step) -> Result<CurrencyOrders> {
    let currency = Currency::parse(code, "currency_code").map_err(Error::internal)?;
    let mut all = CurrencyOrders { currency_code: code.to_owned(), ..CurrencyOrders::default() };
    let mut total = Money::zero(currency);
    for period in periods {
        let start = step.start(period.start);
        let (mut ordered, mut order_count) = (Money::zero(currency), 0);
        for sum in sums.iter().filter(|sum| sum.start == start) {
            ordered = ordered.plus(Money::new(sum.minor, currency))?;
            order_count += sum.order_count;
        }
        total = total.plus(ordered)?;
        all.order_count += order_count;
        all.periods.push(OrderPeriod {
            from_date: Some(period.start.into()),
            to_date: Some(period.end.into()),
            total: Some(ordered.into()),
            order_count,
        });
    }
    all.total = Some(total.into());
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_no_sale() {
        // A chart of what was ordered must not show what nobody will pay.
        for lost in [OrderState::Failed, OrderState::Cancelling, OrderState::Cancelled] {
            assert!(!counts(lost.into()), "{lost:?}");
        }
        for kept in [OrderState::Created, OrderState::Completed] {
            assert!(counts(kept.into()), "{kept:?}");
        }
    }
}
