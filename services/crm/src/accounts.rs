//! Companies, some of them below others: a tree that never bites its tail and never grows too deep.

use contracts::crm::v1::{Account, AccountApi, CreateAccountRequest, CrmReason, UpdateAccountRequest};
use kit::{Code, Error, Result, Violation};
use store::Cx;

/// How many levels of companies there may be.
const LEVELS_MAX: i32 = 10;

/// Answers `AccountService`.
pub struct Accounts;

impl AccountApi for Accounts {
    async fn create_account(&self, cx: &mut Cx, request: CreateAccountRequest) -> Result<Account> {
        let account = request.account.ok_or_else(|| Error::invalid("account", "is required"))?;
        let account = cx.create(account).await?;
        if account.parent_id.is_some() {
            check_place(cx, &account).await?;
        }
        Ok(account)
    }

    async fn update_account(&self, cx: &mut Cx, request: UpdateAccountRequest) -> Result<Account> {
        let patch = request.account.ok_or_else(|| Error::invalid("account", "is required"))?;
        let before: Account = cx.lock(&patch.id).await?;
        let after = cx.update(patch, request.update_mask.as_ref(), "account").await?;
        if after.parent_id.is_some() && after.parent_id != before.parent_id {
            check_place(cx, &after).await?;
        }
        Ok(after)
    }
}

/// Refuses the place that an account was just given in the tree; what was written is undone by that.
async fn check_place(cx: &mut Cx, account: &Account) -> Result<()> {
    let parent_id = account.parent_id.as_deref().unwrap_or_default();
    if cx.find::<Account>(parent_id).await?.is_none() {
        return Err(missing_reference("parent_id"));
    }
    cx.check_place::<Account>(&account.id, "account.parent_id", LEVELS_MAX, CrmReason::AccountCycle).await
}

/// The refusal that a broken foreign key would bring, for rows that are there but deleted.
pub fn missing_reference(field: &str) -> Error {
    let violation = Violation {
        field: field.to_owned(),
        description: "does not exist".to_owned(),
        rule: "reference".to_owned(),
    };
    Error::new(Code::FailedPrecondition, "REFERENCE_BROKEN", "erp", format!("{field} does not exist"))
        .violation(violation)
}
