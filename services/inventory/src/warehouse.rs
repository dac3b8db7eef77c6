//! Places that hold stock, one of which is always the default.

use std::sync::Arc;

use contracts::inventory::v1::{
    CreateWarehouseRequest, DeleteWarehouseRequest, InventoryReason, UpdateWarehouseRequest, Warehouse,
    WarehouseApi,
};
use kit::{Error, Result, Uuid, ensure};
use prost_types::FieldMask;
use store::{Batched, Cx};

use crate::place;

/// The code of the warehouse that every tenant begins with.
const MAIN: &str = "MAIN";

/// Warehouses.
#[derive(Debug)]
pub struct Warehouses;

impl WarehouseApi for Warehouses {
    async fn create_warehouse(&self, cx: &mut Cx, request: CreateWarehouseRequest) -> Result<Warehouse> {
        let warehouse = request.warehouse.ok_or_else(|| Error::invalid("warehouse", "is required"))?;
        let default = locked_default(cx).await?;
        if warehouse.is_default {
            unset_default(cx, default).await?;
        }
        cx.create(warehouse).await
    }

    async fn update_warehouse(&self, cx: &mut Cx, request: UpdateWarehouseRequest) -> Result<Warehouse> {
        let warehouse = request.warehouse.ok_or_else(|| Error::invalid("warehouse", "is required"))?;
        if changes_default(&warehouse, request.update_mask.as_ref()) {
            let id = place::id(&warehouse.id, "warehouse.id")?;
            let default = locked_default(cx).await?;
            ensure!(warehouse.is_default || id != default, InventoryReason::DefaultWarehouseNeeded);
            if warehouse.is_default && id != default {
                unset_default(cx, default).await?;
            }
        }
        cx.update(warehouse, request.update_mask.as_ref(), "warehouse").await
    }

    async fn delete_warehouse(&self, cx: &mut Cx, request: DeleteWarehouseRequest) -> Result<Warehouse> {
        let id = place::id(&request.id, "id")?;
        ensure!(id != locked_default(cx).await?, InventoryReason::DefaultWarehouseNeeded);
        // A level in which nothing ever lay is only somebody's wish for a reorder level.
        let unused = sqlx::query(
            "delete from stock_levels l where warehouse_id = $1 and not exists (
                 select from stock_moves m where m.product_id = l.product_id and m.warehouse_id = l.warehouse_id)",
        );
        cx.execute(unused.bind(id)).await?;
        cx.delete(&request.id, &request.etag).await
    }
}

/// Whether an update says something of `is_default`: by name, by `*`, or without a mask by setting it.
fn changes_default(warehouse: &Warehouse, mask: Option<&FieldMask>) -> bool {
    match mask.map(|mask| mask.paths.as_slice()) {
        None | Some([]) => warehouse.is_default,
        Some(paths) => paths.iter().any(|path| path == "*" || path == "is_default"),
    }
}

/// Finds the warehouses that lines name, with the default one for those that name none. Fails, naming it, when
/// one does not exist.
pub async fn resolve(cx: &mut Cx, wanted: &[Option<Uuid>]) -> Result<Vec<Uuid>> {
    let mut found = Choice::of(wanted).select(cx).await?;
    if wanted.contains(&None) && default_of(&found).is_none() {
        found.push((locked_default(cx).await?, true));
    }
    choose(&found, wanted)
}

/// The same together with others who ask, by a call that has no transaction open and has it run again where another one is
/// in the way: the tenant's first warehouse is made behind a lock.
pub async fn resolve_with_others(cx: &mut Cx, wanted: &[Option<Uuid>]) -> Result<Vec<Uuid>> {
    let found = cx.batched(Choice::of(wanted)).await?;
    ensure!(!wanted.contains(&None) || default_of(&found).is_some(), store::met_another());
    choose(&found, wanted)
}

/// The warehouses of these ids, and the default one.
struct Choice(Vec<Uuid>);

/// A warehouse, and whether it is the default one.
type Found = (Uuid, bool);

impl Choice {
    fn of(wanted: &[Option<Uuid>]) -> Self {
        Self(wanted.iter().flatten().copied().collect())
    }

    async fn select(self, cx: &mut Cx) -> Result<Vec<Found>> {
        let query = "select id, is_default from warehouses where is_default or id = any($1)";
        cx.rows(sqlx::query_as(query).bind(self.0)).await
    }
}

impl Batched for Choice {
    type Answer = Arc<[Found]>;

    async fn answer<'a>(cx: &'a mut Cx, asked: &'a [&'a Self]) -> Result<Vec<Arc<[Found]>>> {
        let all = Self(asked.iter().flat_map(|choice| &choice.0).copied().collect());
        let found: Arc<[Found]> = all.select(cx).await?.into();
        Ok(asked.iter().map(|_| found.clone()).collect())
    }
}

fn default_of(found: &[Found]) -> Option<Uuid> {
    found.iter().find(|(_, is_default)| *is_default).map(|(id, _)| *id)
}

fn choose(found: &[Found], wanted: &[Option<Uuid>]) -> Result<Vec<Uuid>> {
    let default = default_of(found);
    let choose = |id: &Option<Uuid>| {
        let id = id.or(default).ok_or_else(|| Error::internal("there is no default warehouse"))?;
        let unknown = || Error::from(InventoryReason::WarehouseUnknown).with("warehouse_id", id);
        found.iter().any(|(known, _)| *known == id).then_some(id).ok_or_else(unknown)
    };
    wanted.iter().map(choose).collect()
}

/// Gives a new tenant its first warehouse, unless a call was quicker and has made it already.
pub async fn ensure_default(cx: &mut Cx) -> Result<()> {
    locked_default(cx).await.map(|_| ())
}

/// The default warehouse, which stays that until the commit. Made here where a tenant has none yet.
async fn locked_default(cx: &mut Cx) -> Result<Uuid> {
    let lock = "select pg_advisory_xact_lock(hashtextextended('inventory.default-warehouse', 0) # \
                hashtextextended(tessera.current_tenant()::text, 0))";
    cx.execute(sqlx::query(lock)).await?;
    let found = cx.row(sqlx::query_as::<_, (Uuid,)>("select id from warehouses where is_default")).await?;
    if let Some((id,)) = found {
        return Ok(id);
    }
    let main = Warehouse {
        code: MAIN.to_owned(),
        name: "Main warehouse".to_owned(),
        is_default: true,
        ..Warehouse::default()
    };
    place::id(&cx.create(main).await?.id, "id")
}

async fn unset_default(cx: &mut Cx, id: Uuid) -> Result<()> {
    let patch = Warehouse { id: id.to_string(), ..Warehouse::default() };
    let mask = FieldMask { paths: vec!["is_default".to_owned()] };
    cx.update(patch, Some(&mask), "warehouse").await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_decides_whether_the_default_changes() {
        // Renaming the default must not count as taking the default away; `*` and the name must.
        let plain = Warehouse::default();
        let mask =
            |paths: &[&str]| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        assert!(!changes_default(&plain, None));
        assert!(changes_default(&Warehouse { is_default: true, ..Warehouse::default() }, None));
        assert!(!changes_default(&plain, Some(&mask(&["name"]))));
        assert!(changes_default(&plain, Some(&mask(&["name", "is_default"]))));
        assert!(changes_default(&plain, Some(&mask(&["*"]))));
    }
}
