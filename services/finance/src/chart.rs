//! The default chart of accounts, and which account the system posts what to.

use std::collections::HashMap;

use contracts::finance::v1::{
    FinanceReason, LedgerAccount, LedgerAccountRole as Role, LedgerAccountType as Type,
};
use kit::{Error, Result};
use store::Cx;

/// Code, name, type and role of each account that a tenant begins with.
const TEMPLATE: [(&str, &str, Type, Role); 19] = [
    ("1000", "Bank", Type::Asset, Role::Bank),
    ("1040", "Payment provider clearing", Type::Asset, Role::Clearing),
    ("1050", "Cash", Type::Asset, Role::Unspecified),
    ("1100", "Trade receivables", Type::Asset, Role::Receivable),
    ("1200", "Inventory", Type::Asset, Role::Inventory),
    ("1250", "Input tax", Type::Asset, Role::Unspecified),
    ("2000", "Trade payables", Type::Liability, Role::Unspecified),
    ("2050", "Goods received, not billed", Type::Liability, Role::GoodsReceived),
    ("2100", "Output tax", Type::Liability, Role::Unspecified),
    ("2400", "Customer credits", Type::Liability, Role::CustomerCredits),
    ("3000", "Opening balances", Type::Equity, Role::OpeningBalances),
    ("3100", "Retained earnings", Type::Equity, Role::RetainedEarnings),
    ("4000", "Sales", Type::Income, Role::Sales),
    ("4100", "Freight revenue", Type::Income, Role::Freight),
    ("4900", "Returns", Type::Income, Role::Returns),
    ("4930", "Rounding differences", Type::Income, Role::Rounding),
    ("5000", "Cost of goods sold", Type::Expense, Role::CostOfSales),
    ("5010", "Stock differences", Type::Expense, Role::StockDifferences),
    ("6310", "Payment provider fees", Type::Expense, Role::Unspecified),
];

/// Adds the accounts that the tenant lacks, and tells how many.
pub async fn install(cx: &mut Cx) -> Result<i32> {
    // Two who find no chart at the same time must not both install it.
    let lock =
        "select pg_advisory_xact_lock(hashtextextended('install chart of ' || tessera.current_tenant(), 0))";
    cx.execute(sqlx::query(lock)).await?;
    let codes: Vec<&str> = TEMPLATE.iter().map(|(code, ..)| *code).collect();
    let had =
        sqlx::query_as::<_, (String,)>("select code from ledger_accounts where code = any($1)").bind(codes);
    let had = cx.rows(had).await?;
    let mut added = 0;
    for (code, name, kind, role) in TEMPLATE {
        if had.iter().any(|(one,)| one == code) {
            continue;
        }
        let account = LedgerAccount {
            code: code.to_owned(),
            display_name: name.to_owned(),
            r#type: kind.into(),
            role: role.into(),
            ..LedgerAccount::default()
        };
        cx.create(account).await?;
        added += 1;
    }
    Ok(added)
}

/// Installs the chart for a tenant that has no account at all, since an order may be captured before the news of
/// its tenant has come. Who missed an account must look again afterwards: another may have installed it meanwhile.
pub async fn install_if_absent(cx: &mut Cx) -> Result<()> {
    let any = cx.row(sqlx::query_as::<_, (i32,)>("select 1 from ledger_accounts limit 1")).await?;
    if any.is_none() {
        install(cx).await?;
    }
    Ok(())
}

/// The accounts that the system posts to, by their roles.
#[derive(Debug)]
pub struct Roles(HashMap<i32, String>);

impl Roles {
    /// Finds all of them, installing the chart where there is none.
    pub async fn load(cx: &mut Cx) -> Result<Self> {
        let mut found = Self::find(cx).await?;
        if found.0.is_empty() {
            install_if_absent(cx).await?;
            found = Self::find(cx).await?;
        }
        Ok(found)
    }

    async fn find(cx: &mut Cx) -> Result<Self> {
        let query = sqlx::query_as::<_, (i32, String)>(
            "select distinct on (role) role, code from ledger_accounts
             where role <> 0 and not blocked order by role, id",
        );
        Ok(Self(cx.rows(query).await?.into_iter().collect()))
    }

    /// The code of the account with this role; FINANCE_REASON_CHART_INCOMPLETE when there is none.
    pub fn code(&self, role: Role) -> Result<&str> {
        let missing = || Error::from(FinanceReason::ChartIncomplete).with("role", role.as_str_name());
        self.0.get(&i32::from(role)).map(String::as_str).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_role_has_one_account() {
        // The system must find an account for all that it posts, and only one.
        let roles: Vec<Role> =
            TEMPLATE.iter().map(|row| row.3).filter(|role| *role != Role::Unspecified).collect();
        let all = (1..).map_while(|number| Role::try_from(number).ok()).collect::<HashSet<_>>();
        assert_eq!(roles.len(), all.len());
        assert_eq!(roles.into_iter().collect::<HashSet<_>>(), all);
        let codes: HashSet<&str> = TEMPLATE.iter().map(|row| row.0).collect();
        assert_eq!(codes.len(), TEMPLATE.len());
    }
}
