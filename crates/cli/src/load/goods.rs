//! Categories, products, warehouses and stock.

use std::collections::HashMap;

use contracts::catalog::v1::{
    ActivateProductRequest, Category, CreateCategoryRequest, CreateProductRequest, DeactivateProductRequest,
    Product,
};
use contracts::inventory::v1::{
    CreateWarehouseRequest, ReceiveStockLine, ReceiveStockRequest, SetReorderLevelRequest, Warehouse,
};
use futures::{StreamExt as _, TryStreamExt as _};
use kit::Decimal;
use tonic::Status;

use crate::Result;
use crate::client::new_id;
use crate::load::api::{Api, quote, retry};
use crate::load::ensure::{Problems, Step};
use crate::load::plan::{NewProduct, NewStock, Origin, Plan, decimal, uuid_of};
use crate::load::rows;
use crate::talk;

/// The most lines of one receipt.
const LINES_MAX: usize = 500;

/// What a load knows of goods.
pub struct Goods {
    /// Ids of the products by SKU.
    pub products: HashMap<String, String>,
    /// Whether a product is on sale, by SKU.
    active: HashMap<String, bool>,
    /// Ids of the warehouses by code; the default one also by the empty code.
    warehouses: HashMap<String, String>,
}

/// Makes the categories, products and warehouses that are missing.
pub async fn load(
    api: &Api,
    plan: &Plan,
    accounts: &HashMap<String, String>,
    problems: &mut Problems,
) -> Result<Goods> {
    let step = Step {
        name: "categories",
        method: "erp.catalog.v1.CategoryService/CreateCategory",
        rows: &plan.categories,
        key: |category: &Category| &category.slug,
    };
    let known = rows::categories(api, "").await?;
    let categories = step.run(known, async |new| create_category(api, new).await, problems).await?;
    let there = rows::products(api, "").await?;
    let mut active: HashMap<String, bool> = there.iter().map(|one| (one.sku.clone(), one.active)).collect();
    let known = there.into_iter().map(|product| (product.sku, product.id)).collect();
    let step = Step {
        name: "products",
        method: "erp.catalog.v1.ProductService/CreateProduct",
        rows: &plan.products,
        key: |new: &NewProduct| &new.product.sku,
    };
    let create = async |new: &NewProduct| {
        let product = Product {
            category_id: categories.get(&new.category).cloned(),
            supplier_account_id: accounts.get(&new.vendor).cloned(),
            ..new.product.clone()
        };
        create_product(api, product).await
    };
    let products = step.run(known, create, problems).await?;
    for sku in products.keys() {
        active.entry(sku.clone()).or_insert(true);
    }
    Ok(Goods { products, active, warehouses: warehouses(api, plan, problems).await? })
}

async fn create_category(api: &Api, new: &Category) -> Result<String, Status> {
    let request = CreateCategoryRequest { category: Some(new.clone()), request_id: new_id() };
    match retry(async || api.categories().create_category(request.clone()).await).await {
        Ok(category) => Ok(category.id),
        Err(status) => {
            let found = rows::categories(api, &format!("slug = {}", quote(&new.slug))).await?;
            found.get(&new.slug).cloned().ok_or(status)
        }
    }
}

async fn create_product(api: &Api, product: Product) -> Result<String, Status> {
    let sku = product.sku.clone();
    let request = CreateProductRequest { product: Some(product), request_id: new_id() };
    match retry(async || api.products().create_product(request.clone()).await).await {
        Ok(product) => Ok(product.id),
        Err(status) => {
            let found = rows::products(api, &format!("sku = {}", quote(&sku))).await?;
            found.into_iter().next().map(|product| product.id).ok_or(status)
        }
    }
}

async fn warehouses(api: &Api, plan: &Plan, problems: &mut Problems) -> Result<HashMap<String, String>> {
    let step = Step {
        name: "warehouses",
        method: "erp.inventory.v1.WarehouseService/CreateWarehouse",
        rows: &plan.warehouses,
        key: |warehouse: &Warehouse| &warehouse.code,
    };
    let there = rows::warehouses(api).await?;
    let default = there.iter().find(|one| one.is_default).map(|one| one.id.clone());
    let known = there.into_iter().map(|one| (one.code, one.id)).collect();
    let mut ids = step.run(known, async |new| create_warehouse(api, new).await, problems).await?;
    if let Some(default) = default {
        ids.insert(String::new(), default);
    }
    Ok(ids)
}

async fn create_warehouse(api: &Api, new: &Warehouse) -> Result<String, Status> {
    let request = CreateWarehouseRequest { warehouse: Some(new.clone()), request_id: new_id() };
    Ok(retry(async || api.warehouses().create_warehouse(request.clone()).await).await?.id)
}

/// Receives what the plan wants beyond what earlier runs received, and sets the reorder levels.
pub async fn receive_stock(api: &Api, plan: &Plan, goods: &Goods, problems: &mut Problems) -> Result<()> {
    let mark = uuid_of(plan.source, "stock").to_string();
    let mut received: HashMap<(String, String), Decimal> = HashMap::new();
    for one in rows::stock_moves(api, &format!("source_id = {}", quote(&mark))).await? {
        let quantity = one.quantity.unwrap_or_default().to_decimal("quantity").unwrap_or_default();
        *received.entry((one.product_id, one.warehouse_id)).or_default() += quantity;
    }
    let mut lines: HashMap<&str, Vec<ReceiveStockLine>> = HashMap::new();
    for stock in &plan.stock {
        let Some(product_id) = goods.products.get(&stock.sku) else { continue };
        let warehouse = goods.warehouses.get(&stock.warehouse).cloned().unwrap_or_default();
        let there = received.get(&(product_id.clone(), warehouse)).copied().unwrap_or_default();
        if stock.quantity > there {
            lines.entry(&stock.warehouse).or_default().push(ReceiveStockLine {
                product_id: product_id.clone(),
                quantity: decimal(stock.quantity - there),
                unit_cost: Some(stock.unit_cost.into()),
            });
        }
    }
    let count: usize = lines.values().map(Vec::len).sum();
    let bar = talk::bar("stock", count);
    for (warehouse, lines) in lines {
        for lines in lines.chunks(LINES_MAX) {
            let request = ReceiveStockRequest {
                warehouse_id: goods.warehouses.get(warehouse).cloned(),
                lines: lines.to_vec(),
                source_type: "opening_stock".to_owned(),
                source_id: Some(mark.clone()),
                memo: format!("opening stock of {}", plan.source),
                // The same lines are the same request: two runs at a time receive them once.
                request_id: uuid_of(plan.source, &format!("{warehouse} {lines:?}")).to_string(),
                ..Default::default()
            };
            let answer = retry(async || api.stock_moves().receive_stock(request.clone()).await).await;
            if let Err(status) = answer {
                let origin = Origin { file: "opening stock".to_owned(), line: 0 };
                problems.sort(&origin, &status, "erp.inventory.v1.StockMoveService/ReceiveStock")?;
            }
            bar.inc(u64::try_from(lines.len()).unwrap_or(0));
        }
    }
    let levels = set_reorder_levels(api, plan, goods).await?;
    talk::finish(&bar, &format!("{count} products received, {levels} reorder levels set"));
    Ok(())
}

async fn set_reorder_levels(api: &Api, plan: &Plan, goods: &Goods) -> Result<usize> {
    let mut known: HashMap<(String, String), Decimal> = HashMap::new();
    for one in rows::stock_levels(api).await? {
        if let Some(level) = one.reorder_level {
            let level = level.to_decimal("reorder_level").unwrap_or_default();
            known.insert((one.product_id, one.warehouse_id), level);
        }
    }
    let wanted: Vec<(&NewStock, Decimal, &String)> = plan
        .stock
        .iter()
        .filter_map(|stock| Some((stock, stock.reorder_level?, goods.products.get(&stock.sku)?)))
        .filter(|(stock, level, product)| {
            let warehouse = goods.warehouses.get(&stock.warehouse).cloned().unwrap_or_default();
            known.get(&((*product).clone(), warehouse)) != Some(level)
        })
        .collect();
    let count = wanted.len();
    futures::stream::iter(wanted)
        .map(|(stock, level, product_id)| async move {
            let request = SetReorderLevelRequest {
                product_id: product_id.clone(),
                warehouse_id: goods.warehouses.get(&stock.warehouse).cloned(),
                reorder_level: decimal(level),
                request_id: new_id(),
            };
            retry(async || api.stock_levels().set_reorder_level(request.clone()).await).await
        })
        .buffer_unordered(8)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(count)
}

impl Goods {
    /// Puts products on sale that an earlier run took off it, since orders are still to come.
    pub async fn put_on_sale(&self, api: &Api, plan: &Plan) -> Result<()> {
        for id in self.discontinued(plan, false) {
            let request = ActivateProductRequest { id, request_id: new_id() };
            retry(async || api.products().activate_product(request.clone()).await).await?;
        }
        Ok(())
    }

    /// Takes off sale what is no longer sold, now that the old orders are in.
    pub async fn take_off_sale(&self, api: &Api, plan: &Plan, was_put_on: bool) -> Result<()> {
        let mut ids = self.discontinued(plan, true);
        if was_put_on {
            ids.extend(self.discontinued(plan, false));
        }
        for id in ids {
            let request = DeactivateProductRequest { id, request_id: new_id() };
            retry(async || api.products().deactivate_product(request.clone()).await).await?;
        }
        Ok(())
    }

    /// Ids of the products that the plan discontinues and that are on sale, or not.
    fn discontinued(&self, plan: &Plan, on_sale: bool) -> Vec<String> {
        let rows = plan.products.iter().filter(|row| row.value.discontinued);
        rows.filter(|row| self.active.get(&row.value.product.sku) == Some(&on_sale))
            .filter_map(|row| self.products.get(&row.value.product.sku).cloned())
            .collect()
    }
}
