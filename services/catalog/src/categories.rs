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
            check_place(cx, &category.id).await?;
        }
        Ok(category)
    }

    async fn update_category(&self, cx: &mut Cx, request: UpdateCategoryRequest) -> Result<Category> {
        let patch = request.category.ok_or_else(|| Error::invalid("category", "is required"))?;
        let before: Category = cx.lock(&patch.id).await?;
        let after = cx.update(patch, request.update_mask.as_ref(), "category").await?;
        if after.parent_id.is_some() && after.parent_id != before.parent_id {
            check_place(cx, &after.id).await?;
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

async fn check_place(cx: &mut Cx, id: &str) -> Result<()> {
    cx.check_place::<Category>(id, "category.parent_id", LEVELS_MAX, CatalogReason::CategoryCycle).await
}
