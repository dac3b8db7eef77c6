//! What the tenant sells.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use contracts::catalog::v1::{
    ActivateProductRequest, CreateProductRequest, DeactivateProductRequest, Product, ProductActivated,
    ProductApi, ProductDeactivated, ResolvePricesRequest, ResolvePricesResponse, UpdateProductRequest,
};
use kit::{Currency, Error, Money, Result, Uuid};
use store::{Batched, Cx};

use crate::prices::{self, Offer};

/// Answers `ProductService`.
pub struct Products;

impl ProductApi for Products {
    async fn create_product(&self, cx: &mut Cx, request: CreateProductRequest) -> Result<Product> {
        let mut product = request.product.ok_or_else(|| Error::invalid("product", "is required"))?;
        prices::check(product.price.as_ref())?;
        product.active = true;
        cx.create(product).await
    }

    async fn update_product(&self, cx: &mut Cx, request: UpdateProductRequest) -> Result<Product> {
        let patch = request.product.ok_or_else(|| Error::invalid("product", "is required"))?;
        if patch.price.is_some() {
            prices::check(patch.price.as_ref())?;
        }
        let product = cx.update(patch, request.update_mask.as_ref(), "product").await?;
        // A mask may have taken a part of the price only.
        prices::check(product.price.as_ref())?;
        Ok(product)
    }

    async fn activate_product(&self, cx: &mut Cx, request: ActivateProductRequest) -> Result<Product> {
        let (product, changed) = set_active(cx, &request.id, true).await?;
        if changed {
            cx.emit(ProductActivated { product_id: product.id.clone(), sku: product.sku.clone() })?;
        }
        Ok(product)
    }

    async fn deactivate_product(&self, cx: &mut Cx, request: DeactivateProductRequest) -> Result<Product> {
        let (product, changed) = set_active(cx, &request.id, false).await?;
        if changed {
            cx.emit(ProductDeactivated { product_id: product.id.clone(), sku: product.sku.clone() })?;
        }
        Ok(product)
    }

    async fn resolve_prices(
        &self,
        cx: &mut Cx,
        request: ResolvePricesRequest,
    ) -> Result<ResolvePricesResponse> {
        let wanted = prices::wanted(&request.lines)?;
        let offers = cx.batched(Offers(wanted.clone())).await?;
        prices::resolve(&wanted, &offers, &request.currency_code)
    }
}

/// The product as it then is, and whether that was a change.
async fn set_active(cx: &mut Cx, id: &str, active: bool) -> Result<(Product, bool)> {
    let mut product: Product = cx.lock(id).await?;
    if product.active == active {
        return Ok((product, false));
    }
    product.active = active;
    Ok((cx.put(product, &["active"]).await?, true))
}

/// What is offered of these products: those that exist and are not deleted.
struct Offers(Vec<Uuid>);

impl Batched for Offers {
    /// Perhaps with those that others have asked for.
    type Answer = Arc<HashMap<Uuid, Offer>>;

    async fn answer<'a>(cx: &'a mut Cx, asked: &'a [&'a Self]) -> Result<Vec<Self::Answer>> {
        type Row = (Uuid, String, String, String, i64, String, bool);
        let ids: HashSet<Uuid> = asked.iter().flat_map(|Offers(ids)| ids).copied().collect();
        let query = "select id, sku, name, unit, price_minor, price_currency, active from products
             where id = any($1) and delete_time is null";
        let query = sqlx::query_as::<_, Row>(query).bind(ids.into_iter().collect::<Vec<_>>());
        let mut offers = HashMap::new();
        for (id, sku, name, unit, minor, currency, active) in cx.rows(query).await? {
            let price = Money::new(minor, Currency::parse(&currency, "price")?);
            offers.insert(id, Offer { sku, name, unit, price, active });
        }
        let offers = Arc::new(offers);
        Ok(asked.iter().map(|_| offers.clone()).collect())
    }
}
