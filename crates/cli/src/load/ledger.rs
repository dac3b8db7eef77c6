//! What the ledger says: entries added up by what their accounts are for.

use std::collections::HashMap;

use contracts::finance::v1::{
    BatchGetJournalEntriesRequest, GetTrialBalanceRequest, LedgerAccountRole, ListLedgerAccountsRequest,
    TrialBalance,
};
use kit::{Currency, Money};
use tonic::Status;

use crate::load::api::{Api, PAGE, pages, retry};

/// The chart of accounts: what each code is for.
pub struct Chart(HashMap<String, LedgerAccountRole>);

impl Chart {
    /// Asks for it.
    pub async fn load(api: &Api) -> Result<Self, Status> {
        let list = pages(async |page_token| {
            let request = ListLedgerAccountsRequest { page_size: 1_000, page_token, ..Default::default() };
            let page =
                retry(async || api.ledger_accounts().list_ledger_accounts(request.clone()).await).await?;
            Ok((page.ledger_accounts, page.next_page_token))
        })
        .await?;
        Ok(Self(list.into_iter().map(|one| (one.code.clone(), one.role())).collect()))
    }

    fn role(&self, code: &str) -> LedgerAccountRole {
        self.0.get(code).copied().unwrap_or_default()
    }

    /// Debits less credits of all accounts for this purpose.
    pub fn balance(
        &self,
        trial_balance: &TrialBalance,
        role: LedgerAccountRole,
        currency: Currency,
    ) -> kit::Result<Money> {
        let rows = trial_balance.rows.iter().filter(|row| self.role(&row.account_code) == role);
        let mut total = Money::zero(currency);
        for balance in rows.filter_map(|row| row.balance.as_ref()) {
            total = total.plus(balance.to_money("balance")?)?;
        }
        Ok(total)
    }
}

/// Sums of journal lines by what their accounts are for; debits are more than zero.
pub struct Sums {
    currency: Currency,
    by_role: HashMap<LedgerAccountRole, Money>,
}

impl Sums {
    /// Adds up the entries of these ids.
    pub async fn of_entries(
        api: &Api,
        chart: &Chart,
        ids: &[String],
        currency: Currency,
    ) -> Result<Self, Status> {
        let mut sums = Self { currency, by_role: HashMap::new() };
        for ids in ids.chunks(PAGE) {
            let request = BatchGetJournalEntriesRequest { ids: ids.to_vec() };
            let answer =
                retry(async || api.journal_entries().batch_get_journal_entries(request.clone()).await)
                    .await?;
            for line in answer.journal_entries.into_iter().flat_map(|entry| entry.lines) {
                let amount = line.amount.unwrap_or_default().to_money("amount")?;
                let sum = sums.by_role.entry(chart.role(&line.account_code)).or_insert(Money::zero(currency));
                *sum = sum.plus(amount)?;
            }
        }
        Ok(sums)
    }

    /// Debits less credits.
    pub fn of(&self, role: LedgerAccountRole) -> Money {
        self.by_role.get(&role).copied().unwrap_or(Money::zero(self.currency))
    }
}

/// The trial balance of a currency.
pub async fn trial_balance(api: &Api, currency: Currency) -> Result<TrialBalance, Status> {
    let request = GetTrialBalanceRequest { as_of: None, currency_code: currency.code().to_owned() };
    retry(async || api.reports().get_trial_balance(request.clone()).await).await
}
