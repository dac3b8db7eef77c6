//! The tree in which products are sorted: it never bites its tail and never grows too deep.

use contracts::catalog::v1::{
    CatalogReason, Category, CategoryApi, CreateCategoryRequest, DeleteCategoryRequest, UpdateCategoryRequest,
};
use kit::{Error, Result, Uuid};
use store::Cx;

/// How many levels of categories there may be.
const LEVELS_MAX: i32 = 10;

/// Answers `CategoryService`.
pub struct Categories;

impl CategoryApi for Categories {
    async fn create_category(&self, cx: &mut Cx, request: CreateCategoryRequest) -> Result<Category> {
        let category = request.category.ok_or_else(|| Error::invalid("category", "is required"))?;
        let category = cx.create(category).await?;
        if category.parent_id.is_some() {
            check_place(cx, &category).await?;
        }
        Ok(category)
    }

    async fn update_category(&self, cx: &mut Cx, request: UpdateCategoryRequest) -> Result<Category> {
        let patch = request.category.ok_or_else(|| Error::invalid("category", "is required"))?;
        let before: Category = cx.lock(&patch.id).await?;
        let after = cx.update(patch, request.update_mask.as_ref(), "category").await?;
        if after.parent_id.is_some() && after.parent_id != before.parent_id {
            check_place(cx, &after).await?;
        }
        Ok(after)
    }

    async fn delete_category(&self, cx: &mut Cx, request: DeleteCategoryRequest) -> Result<Category> {
        let category: Category = cx.lock(&request.id).await?;
        let id = Uuid::parse_str(&category.id).map_err(Error::internal)?;
        // Deleted products are no longer in it; one that comes back finds itself in none.
        let leave = "update products set category_id = null, revision = revision + 1
             where category_id = $1 and delete_time is not null";
        cx.execute(sqlx::query(leave).bind(id)).await?;
        cx.delete(&request.id, &request.etag).await
    }
}

/// Refuses the place that a category was just given in the tree; what was written is undone by that.
async fn check_place(cx: &mut Cx, category: &Category) -> Result<()> {
    // One move at a time: two that are each fine could make a ring together.
    let queue =
        "select pg_advisory_xact_lock(hashtextextended('categories:' || tessera.current_tenant(), 0))";
    cx.execute(sqlx::query(queue)).await?;
    let id = Uuid::parse_str(&category.id).map_err(Error::internal)?;
    // A level more than allowed is enough to see that it is too deep, and ends the walk around a ring.
    let walk = "with recursive up (id, level) as (
             select parent_id, 1 from categories where id = $1
             union all
             select c.parent_id, up.level + 1 from up join categories c on c.id = up.id where up.level <= $2
         ), down (id, level) as (
             select $1, 1
             union all
             select c.id, down.level + 1 from down join categories c on c.parent_id = down.id where down.level <= $2
         )
         select (select array_agg(id) from up where id is not null), (select max(level) from down)";
    let row = cx.row(sqlx::query_as::<_, (Option<Vec<Uuid>>, i32)>(walk).bind(id).bind(LEVELS_MAX)).await?;
    let (above, height) = row.unwrap_or_default();
    place(id, &above.unwrap_or_default(), height)
}

/// Whether a category with so many levels, its own included, may stand below these ones.
fn place(id: Uuid, above: &[Uuid], height: i32) -> Result<()> {
    if above.contains(&id) {
        return Err(CatalogReason::CategoryCycle.into());
    }
    let levels = i32::try_from(above.len()).unwrap_or(i32::MAX).saturating_add(height);
    if levels > LEVELS_MAX {
        return Err(Error::invalid(
            "category.parent_id",
            format!("would make more than {LEVELS_MAX} levels"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<u128>) -> Vec<Uuid> {
        numbers.map(Uuid::from_u128).collect()
    }

    #[test]
    fn a_category_never_stands_below_itself() {
        // Neither right below nor at the far end of a chain.
        let me = Uuid::from_u128(3);
        assert!(place(me, &[me], 1).unwrap_err().is(CatalogReason::CategoryCycle));
        assert!(place(me, &ids(1..9), 2).unwrap_err().is(CatalogReason::CategoryCycle));
        assert!(place(me, &ids(4..9), 1).is_ok());
    }

    #[test]
    fn the_tree_has_ten_levels_at_the_most() {
        // What hangs below a moved category counts too.
        let me = Uuid::from_u128(0);
        assert!(place(me, &ids(1..10), 1).is_ok());
        assert!(place(me, &ids(1..11), 1).is_err());
        assert!(place(me, &ids(1..9), 2).is_ok());
        assert!(place(me, &ids(1..9), 3).is_err());
    }
}
