//! How much of what lies where, at which level it runs low, and what it is worth.

use contracts::inventory::v1::{
    GetStockValueRequest, GetStockValueResponse, ProductStockValue, ReorderLevelSet, SetReorderLevelRequest,
    StockLevel, StockLevelApi,
};
use kit::{Currency, Decimal, Error, Money, Result, Uuid};
use store::Cx;

use crate::books::{Books, low};
use crate::place::{self, Place};
use crate::{level, quantity, warehouse};

/// How many products one answer about the stock's value lists.
const PRODUCTS_MAX: i64 = 10_000;

/// Stock levels.
#[derive(Debug)]
pub struct StockLevels;

impl StockLevelApi for StockLevels {
    async fn set_reorder_level(&self, cx: &mut Cx, request: SetReorderLevelRequest) -> Result<StockLevel> {
        let reorder_level = quantity::reorder_level(request.reorder_level.as_ref())?;
        let warehouse_id = place::optional_id(request.warehouse_id.as_deref(), "warehouse_id")?;
        let warehouse = warehouse::resolve(cx, &[warehouse_id]).await?[0];
        let place = Place { product: place::id(&request.product_id, "product_id")?, warehouse };
        let books = Books::open_or_make(cx, [place]).await?;
        let before = books.level(place).ok_or_else(|| Error::internal("a level was not made"))?;
        let mut stock_level: StockLevel = cx.get(&before.id.to_string()).await?;
        stock_level.reorder_level = reorder_level.map(Into::into);
        // As the database computes it, for the answer.
        stock_level.below_reorder_level = is_low(reorder_level, before.available());
        let stock_level = cx.put(stock_level, &["reorder_level"]).await?;
        cx.emit(ReorderLevelSet {
            stock_level_id: stock_level.id.clone(),
            product_id: stock_level.product_id.clone(),
            warehouse_id: stock_level.warehouse_id.clone(),
            reorder_level: stock_level.reorder_level.clone(),
        })?;
        // A level that is drawn above what is there makes the product low as surely as a sale does.
        if is_low(reorder_level, before.available()) && !is_low(before.reorder_level, before.available()) {
            cx.emit(low(before.id, place, before.available(), reorder_level))?;
        }
        Ok(stock_level)
    }

    async fn get_stock_value(
        &self,
        cx: &mut Cx,
        request: GetStockValueRequest,
    ) -> Result<GetStockValueResponse> {
        let warehouse = place::optional_id(request.warehouse_id.as_deref(), "warehouse_id")?;
        let product = place::optional_id(request.product_id.as_deref(), "product_id")?;
        let totals = sqlx::query_as::<_, (i64, String)>(
            "select sum(value_minor)::bigint, value_currency from stock_levels
             where on_hand > 0 and value_minor is not null
               and ($1::uuid is null or warehouse_id = $1) and ($2::uuid is null or product_id = $2)
             group by value_currency order by value_currency",
        );
        let totals = cx.rows(totals.bind(warehouse).bind(product)).await?;
        let products = sqlx::query_as::<_, (Uuid, Decimal, Option<i64>, Option<String>)>(
            "select product_id, sum(on_hand), sum(value_minor)::bigint, min(value_currency) from stock_levels
             where on_hand > 0
               and ($1::uuid is null or warehouse_id = $1) and ($2::uuid is null or product_id = $2)
             group by product_id order by product_id limit $3",
        );
        let products = cx.rows(products.bind(warehouse).bind(product).bind(PRODUCTS_MAX)).await?;
        Ok(GetStockValueResponse {
            totals: totals
                .into_iter()
                .map(|(minor, code)| Ok(money(minor, &code)?.into()))
                .collect::<Result<_>>()?,
            products: products.into_iter().map(product_value).collect::<Result<_>>()?,
        })
    }
}

fn is_low(reorder_level: Option<Decimal>, available: Decimal) -> bool {
    reorder_level.is_some_and(|level| available < level)
}

fn product_value(
    (product, on_hand, minor, code): (Uuid, Decimal, Option<i64>, Option<String>),
) -> Result<ProductStockValue> {
    let value = minor.zip(code).map(|(minor, code)| money(minor, &code)).transpose()?;
    let average = value.and_then(|value| level::average(value.minor, on_hand, value.currency));
    Ok(ProductStockValue {
        product_id: product.to_string(),
        on_hand: Some(on_hand.normalize().into()),
        average_cost: average.map(Into::into),
        value: value.map(Into::into),
    })
}

fn money(minor: i64, code: &str) -> Result<Money> {
    Ok(Money::new(minor, Currency::parse(code, "currency").map_err(Error::internal)?))
}
