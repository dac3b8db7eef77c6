//! Locking prices: what the catalogue asks for today, unless a price was agreed.

use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{
    BatchGetProductsRequest, CatalogReason, ResolvePricesLine, ResolvePricesRequest,
};
use contracts::orders::v1::{Order, OrderLine};
use kit::{Code, Error, Result, ensure};
use store::Cx;

use crate::advance::Tried;
use crate::price;
use crate::progress::Finding;

/// Completes the order's lines.
pub async fn lock(cx: &mut Cx, order: &Order) -> Result<Tried> {
    let mut lines = order.lines.clone();
    let (mut agreed, mut open): (Vec<&mut OrderLine>, Vec<&mut OrderLine>) =
        lines.iter_mut().partition(|line| line.unit_price.is_some());
    if !open.is_empty() {
        resolve(cx, &mut open, &order.currency_code).await?;
    }
    if !agreed.is_empty() {
        describe(cx, &mut agreed).await?;
    }
    let freight = order.freight.as_ref().ok_or_else(|| Error::internal("an order has no freight"))?;
    let priced = price::price(lines, freight.to_money("freight")?)?;
    Ok(Tried { finding: Finding::Prices(Box::new(priced)), ..Tried::done() })
}

/// Gives lines the catalogue's price.
async fn resolve(cx: &mut Cx, lines: &mut [&mut OrderLine], currency_code: &str) -> Result<()> {
    let wanted = lines.iter().map(|line| ResolvePricesLine {
        product_id: line.product_id.clone(),
        quantity: line.quantity.clone(),
    });
    let request = ResolvePricesRequest { lines: wanted.collect(), currency_code: currency_code.to_owned() };
    let answer = cx.peer(ProductServiceClient::new).await?.resolve_prices(request).await?.into_inner();
    ensure!(answer.lines.len() == lines.len(), Error::internal("the catalogue left lines out"));
    for (line, resolved) in lines.iter_mut().zip(answer.lines) {
        line.sku = resolved.sku;
        line.name = resolved.name;
        line.unit_price = resolved.unit_price;
    }
    Ok(())
}

/// Gives lines of an agreed price what else the catalogue says. Whatever it asks for, in whatever currency,
/// does not matter; but it must still sell the goods.
async fn describe(cx: &mut Cx, lines: &mut [&mut OrderLine]) -> Result<()> {
    let ids = lines.iter().map(|line| line.product_id.clone()).collect();
    let request = BatchGetProductsRequest { ids };
    let answer = cx.peer(ProductServiceClient::new).await?.batch_get_products(request).await;
    let products = match answer.map_err(Error::from) {
        Ok(answer) => answer.into_inner().products,
        Err(error) if error.code() == Code::NotFound => {
            let id = error.metadata().get("id").cloned().unwrap_or_default();
            return Err(Error::from(CatalogReason::ProductUnknown).with("product_ids", id));
        }
        Err(error) => return Err(error),
    };
    ensure!(products.len() == lines.len(), Error::internal("the catalogue left products out"));
    for (line, product) in lines.iter_mut().zip(products) {
        if product.delete_time.is_some() {
            return Err(Error::from(CatalogReason::ProductUnknown).with("product_ids", product.id));
        }
        if !product.active {
            return Err(Error::from(CatalogReason::ProductInactive).with("product_ids", product.id));
        }
        line.sku = product.sku;
        line.name = product.name;
    }
    Ok(())
}
