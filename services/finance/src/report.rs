//! Figures out of the ledger.

use contracts::finance::v1::{
    FinanceReason, GetReceivablesAgeingRequest, GetRevenueRequest, GetTrialBalanceRequest, ReceivablesAgeing,
    ReportApi, Revenue, TrialBalance, TrialBalanceRow,
};
use kit::{Currency, Date, Decimal, Error, Money, Result, Rounding, ensure};
use store::Cx;

use crate::{ageing, revenue};

/// More accounts than any chart has.
const ROWS_MAX: i64 = 10_000;

/// Reports.
#[derive(Debug)]
pub struct Reports;

impl ReportApi for Reports {
    async fn get_trial_balance(&self, cx: &mut Cx, request: GetTrialBalanceRequest) -> Result<TrialBalance> {
        let as_of = request.as_of.as_ref().map(|date| date.to_date("as_of")).transpose()?;
        let asked = Some(request.currency_code).filter(|code| !code.is_empty());
        let asked = asked.map(|code| Currency::parse(&code, "currency_code")).transpose()?;
        let sums = sums(cx, as_of, asked).await?;
        let mut codes = sums.iter().map(|sum| &sum.currency);
        let first = codes.next();
        ensure!(codes.all(|code| Some(code) == first), FinanceReason::SeveralCurrencies);
        let used =
            first.map(|code| Currency::parse(code, "currency_code")).transpose().map_err(Error::internal)?;
        match used.or(asked) {
            Some(currency) => trial_balance(sums, currency),
            None => Ok(TrialBalance::default()),
        }
    }

    async fn get_receivables_ageing(
        &self,
        cx: &mut Cx,
        request: GetReceivablesAgeingRequest,
    ) -> Result<ReceivablesAgeing> {
        ageing::report(cx, request.as_of.as_ref()).await
    }

    async fn get_revenue(&self, cx: &mut Cx, request: GetRevenueRequest) -> Result<Revenue> {
        revenue::report(cx, &request).await
    }
}

#[derive(sqlx::FromRow)]
struct Sum {
    currency: String,
    code: String,
    display_name: String,
    kind: i32,
    debit: Decimal,
    credit: Decimal,
    entry_count: i64,
}

/// One statement, so that lines and entries are of the same instant.
async fn sums(cx: &mut Cx, as_of: Option<Date>, currency: Option<Currency>) -> Result<Vec<Sum>> {
    let query = sqlx::query_as::<_, Sum>(
        "with sums as (
             select ledger_account_id, currency_code,
                 coalesce(sum(amount) filter (where amount > 0), 0) as debit,
                 coalesce(-sum(amount) filter (where amount < 0), 0) as credit
             from journal_lines
             where ($1::date is null or effective_date <= $1) and ($2::text is null or currency_code = $2)
             group by ledger_account_id, currency_code
         ), entries as (
             select currency_code, count(*) as entry_count from journal_entries
             where ($1::date is null or effective_date <= $1) and ($2::text is null or currency_code = $2)
             group by currency_code
         )
         select sums.currency_code as currency, a.code, a.display_name, a.type as kind, sums.debit, sums.credit,
             entries.entry_count
         from sums join ledger_accounts a on a.id = sums.ledger_account_id join entries using (currency_code)
         order by a.code, sums.currency_code limit $3",
    );
    let currency = currency.map(|currency| currency.code().to_owned());
    cx.rows(query.bind(as_of).bind(currency).bind(ROWS_MAX)).await
}

fn trial_balance(sums: Vec<Sum>, currency: Currency) -> Result<TrialBalance> {
    let money = |amount| Money::round(amount, currency, Rounding::HalfUp);
    let (mut debits, mut credits) = (Decimal::ZERO, Decimal::ZERO);
    let entry_count = sums.first().map_or(0, |sum| sum.entry_count);
    let mut rows = Vec::with_capacity(sums.len());
    for sum in sums {
        debits += sum.debit;
        credits += sum.credit;
        rows.push(TrialBalanceRow {
            account_code: sum.code,
            display_name: sum.display_name,
            r#type: sum.kind,
            debit: Some(money(sum.debit)?.into()),
            credit: Some(money(sum.credit)?.into()),
            balance: Some(money(sum.debit - sum.credit)?.into()),
        });
    }
    Ok(TrialBalance {
        rows,
        debit_total: Some(money(debits)?.into()),
        credit_total: Some(money(credits)?.into()),
        difference: Some(money(debits - credits)?.into()),
        entry_count,
    })
}
