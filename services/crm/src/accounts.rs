//! Companies, some of them below others: a tree that never bites its tail and never grows too deep.

use contracts::crm::v1::{Account, AccountApi, CreateAccountRequest, CrmReason, UpdateAccountRequest};
use kit::{Code, Error, Result, Uuid, Violation};
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
    // One move at a time: two that are each fine could make a ring together.
    let queue = "select pg_advisory_xact_lock(hashtextextended('accounts:' || tessera.current_tenant(), 0))";
    cx.execute(sqlx::query(queue)).await?;
    let id = Uuid::parse_str(&account.id).map_err(Error::internal)?;
    // A level more than allowed is enough to see that it is too deep, and ends the walk around a ring.
    let walk = "with recursive up (id, level) as (
             select parent_id, 1 from accounts where id = $1
             union all
             select a.parent_id, up.level + 1 from up join accounts a on a.id = up.id where up.level <= $2
         ), down (id, level) as (
             select $1, 1
             union all
             select a.id, down.level + 1 from down join accounts a on a.parent_id = down.id where down.level <= $2
         )
         select (select array_agg(id) from up where id is not null), (select max(level) from down)";
    let row = cx.row(sqlx::query_as::<_, (Option<Vec<Uuid>>, i32)>(walk).bind(id).bind(LEVELS_MAX)).await?;
    let (above, height) = row.unwrap_or_default();
    place(id, &above.unwrap_or_default(), height)
}

/// Whether an account with so many levels, its own included, may stand below these ones.
fn place(id: Uuid, above: &[Uuid], height: i32) -> Result<()> {
    if above.contains(&id) {
        return Err(CrmReason::AccountCycle.into());
    }
    let levels = i32::try_from(above.len()).unwrap_or(i32::MAX).saturating_add(height);
    if levels > LEVELS_MAX {
        return Err(Error::invalid("account.parent_id", format!("would make more than {LEVELS_MAX} levels")));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<u128>) -> Vec<Uuid> {
        numbers.map(Uuid::from_u128).collect()
    }

    #[test]
    fn an_account_never_stands_below_itself() {
        // Neither right below nor at the far end of a chain.
        let me = Uuid::from_u128(3);
        assert!(place(me, &[me], 1).unwrap_err().is(CrmReason::AccountCycle));
        assert!(place(me, &ids(1..9), 2).unwrap_err().is(CrmReason::AccountCycle));
        assert!(place(me, &ids(4..9), 1).is_ok());
    }

    #[test]
    fn the_tree_has_ten_levels_at_the_most() {
        // What hangs below a moved account counts too.
        let me = Uuid::from_u128(0);
        assert!(place(me, &ids(1..10), 1).is_ok());
        assert!(place(me, &ids(1..11), 1).is_err());
        assert!(place(me, &ids(1..9), 2).is_ok());
        assert!(place(me, &ids(1..9), 3).is_err());
    }
}
