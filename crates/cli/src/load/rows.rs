//! Lists of what a tenant has, by the keys that a load knows it by.

use std::collections::HashMap;

use contracts::catalog::v1::{Category, ListCategoriesRequest, ListProductsRequest, Product};
use contracts::crm::v1::{Account, Contact, ListAccountsRequest, ListContactsRequest};
use contracts::inventory::v1::{
    ListStockLevelsRequest, ListStockMovesRequest, ListWarehousesRequest, StockLevel, StockMove, Warehouse,
};
use contracts::orders::v1::{ListOrdersRequest, Order};
use tonic::Status;

use crate::load::api::{Api, PAGE, pages, quote, retry};

#[expect(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "a constant of one thousand")]
const SIZE: i32 = PAGE as i32;

/// Ids of the accounts by code; `filter` may be empty.
pub async fn accounts(api: &Api, filter: &str) -> Result<HashMap<String, String>, Status> {
    let list: Vec<Account> = pages(async |page_token| {
        let request = ListAccountsRequest {
            page_size: SIZE,
            page_token,
            filter: filter.to_owned(),
            ..Default::default()
        };
        let page = retry(async || api.accounts().list_accounts(request.clone()).await).await?;
        Ok((page.accounts, page.next_page_token))
    })
    .await?;
    Ok(list.into_iter().filter_map(|one| Some((one.code?, one.id))).collect())
}

/// The people at an account.
pub async fn contacts(api: &Api, account_id: &str) -> Result<Vec<Contact>, Status> {
    pages(async |page_token| {
        let request = ListContactsRequest {
            page_size: SIZE,
            page_token,
            filter: format!("account_id = {}", quote(account_id)),
            ..Default::default()
        };
        let page = retry(async || api.contacts().list_contacts(request.clone()).await).await?;
        Ok((page.contacts, page.next_page_token))
    })
    .await
}

/// Ids of the categories by slug.
pub async fn categories(api: &Api, filter: &str) -> Result<HashMap<String, String>, Status> {
    let list: Vec<Category> = pages(async |page_token| {
        let request = ListCategoriesRequest {
            page_size: SIZE,
            page_token,
            filter: filter.to_owned(),
            ..Default::default()
        };
        let page = retry(async || api.categories().list_categories(request.clone()).await).await?;
        Ok((page.categories, page.next_page_token))
    })
    .await?;
    Ok(list.into_iter().map(|one| (one.slug, one.id)).collect())
}

/// The products.
pub async fn products(api: &Api, filter: &str) -> Result<Vec<Product>, Status> {
    pages(async |page_token| {
        let request = ListProductsRequest {
            page_size: SIZE,
            page_token,
            filter: filter.to_owned(),
            ..Default::default()
        };
        let page = retry(async || api.products().list_products(request.clone()).await).await?;
        Ok((page.products, page.next_page_token))
    })
    .await
}

/// The warehouses.
pub async fn warehouses(api: &Api) -> Result<Vec<Warehouse>, Status> {
    pages(async |page_token| {
        let request = ListWarehousesRequest { page_size: SIZE, page_token, ..Default::default() };
        let page = retry(async || api.warehouses().list_warehouses(request.clone()).await).await?;
        Ok((page.warehouses, page.next_page_token))
    })
    .await
}

/// The stock levels that have a reorder level.
pub async fn stock_levels(api: &Api) -> Result<Vec<StockLevel>, Status> {
    pages(async |page_token| {
        let request = ListStockLevelsRequest { page_size: SIZE, page_token, ..Default::default() };
        let page = retry(async || api.stock_levels().list_stock_levels(request.clone()).await).await?;
        Ok((page.stock_levels, page.next_page_token))
    })
    .await
}

/// The stock moves that match.
pub async fn stock_moves(api: &Api, filter: &str) -> Result<Vec<StockMove>, Status> {
    pages(async |page_token| {
        let request = ListStockMovesRequest {
            page_size: SIZE,
            page_token,
            filter: filter.to_owned(),
            ..Default::default()
        };
        let page = retry(async || api.stock_moves().list_stock_moves(request.clone()).await).await?;
        Ok((page.stock_moves, page.next_page_token))
    })
    .await
}

/// The orders whose external reference begins with the source's name.
pub async fn orders(api: &Api, source: &str) -> Result<HashMap<String, Order>, Status> {
    let list: Vec<Order> = pages(async |page_token| {
        let request = ListOrdersRequest {
            page_size: SIZE,
            page_token,
            filter: format!("external_reference = \"{source}:*\""),
            ..Default::default()
        };
        let page = retry(async || api.orders().list_orders(request.clone()).await).await?;
        Ok((page.orders, page.next_page_token))
    })
    .await?;
    Ok(list.into_iter().filter_map(|one| Some((one.external_reference.clone()?, one))).collect())
}

/// The order of this external reference.
pub async fn order(api: &Api, reference: &str) -> Result<Option<Order>, Status> {
    let request = ListOrdersRequest {
        page_size: 1,
        filter: format!("external_reference = {}", quote(reference)),
        ..Default::default()
    };
    let page = retry(async || api.orders().list_orders(request.clone()).await).await?;
    Ok(page.orders.into_iter().next())
}
