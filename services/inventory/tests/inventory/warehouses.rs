//! There is always one default warehouse.

use contracts::inventory::v1::stock_level_service_client::StockLevelServiceClient;
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::warehouse_service_client::WarehouseServiceClient;
use contracts::inventory::v1::{
    CreateWarehouseRequest, DeleteWarehouseRequest, InventoryReason, ListWarehousesRequest,
    SetReorderLevelRequest, TransferStockLine, TransferStockRequest, UpdateWarehouseRequest, Warehouse,
};
use futures::future::join_all;
use kit::{Error, Result};
use prost_types::FieldMask;
use testkit::Party;

use crate::world::{decimal, new_id, receive, start};

async fn list(party: &Party) -> Vec<Warehouse> {
    let mut api = party.client(WarehouseServiceClient::new);
    api.list_warehouses(ListWarehousesRequest::default()).await.unwrap().into_inner().warehouses
}

async fn defaults(party: &Party) -> Vec<String> {
    list(party).await.into_iter().filter(|one| one.is_default).map(|one| one.code).collect()
}

async fn create(party: &Party, code: &str, is_default: bool) -> Result<Warehouse> {
    let warehouse = Warehouse { code: code.into(), name: code.into(), is_default, ..Warehouse::default() };
    let request = CreateWarehouseRequest { warehouse: Some(warehouse), request_id: String::new() };
    Ok(party.client(WarehouseServiceClient::new).create_warehouse(request).await?.into_inner())
}

async fn make_default(party: &Party, id: &str, is_default: bool) -> Result<Warehouse> {
    let warehouse = Warehouse { id: id.into(), is_default, ..Warehouse::default() };
    let update_mask = Some(FieldMask { paths: vec!["is_default".into()] });
    let request =
        UpdateWarehouseRequest { warehouse: Some(warehouse), update_mask, request_id: String::new() };
    Ok(party.client(WarehouseServiceClient::new).update_warehouse(request).await?.into_inner())
}

async fn delete(party: &Party, id: &str) -> Result<Warehouse> {
    let request = DeleteWarehouseRequest { id: id.into(), ..DeleteWarehouseRequest::default() };
    Ok(party.client(WarehouseServiceClient::new).delete_warehouse(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_begins_with_one() {
    // Without any call the new tenant's warehouse is there; a call that comes sooner makes it, and then there is one.
    let (mesh, acme) = start().await;
    testkit::eventually("the first warehouse", || async { (list(&acme).await.len() == 1).then_some(()) })
        .await;
    assert_eq!(defaults(&acme).await, ["MAIN"]);
    let umbrella = mesh.sign_up("umbrella").await;
    let product = new_id();
    let received = join_all((0..8).map(|_| receive(&umbrella, &product, "1", None))).await;
    assert!(received.iter().all(Result::is_ok), "{received:?}");
    assert_eq!(defaults(&umbrella).await, ["MAIN"]);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_moves_and_never_vanishes() {
    // Another default takes the place of the one before; taking it away, or deleting it, is refused.
    let (mesh, acme) = start().await;
    let north = create(&acme, "NORTH", false).await.unwrap();
    assert_eq!(defaults(&acme).await, ["MAIN"]);
    let south = create(&acme, "SOUTH", true).await.unwrap();
    assert_eq!(defaults(&acme).await, ["SOUTH"]);
    for refused in [make_default(&acme, &south.id, false).await, delete(&acme, &south.id).await] {
        assert!(refused.unwrap_err().is(InventoryReason::DefaultWarehouseNeeded));
    }
    make_default(&acme, &north.id, true).await.unwrap();
    assert_eq!(defaults(&acme).await, ["NORTH"]);
    assert_eq!(create(&acme, "MAIN", false).await.unwrap_err().violations()[0].field, "code");
    // Everybody wants to be the default at once: one of them is, and nobody gets an error for it.
    let ids: Vec<String> = list(&acme).await.into_iter().map(|one| one.id).collect();
    let wishes = (0..12).map(|number| make_default(&acme, &ids[number % ids.len()], true));
    for answer in join_all(wishes).await {
        answer.unwrap();
    }
    assert_eq!(defaults(&acme).await.len(), 1);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_with_a_history_stays() {
    // Moves refer to it for ever; one that never held anything may go, reorder levels or not.
    let (mesh, acme) = start().await;
    let (product, north) = (new_id(), create(&acme, "NORTH", false).await.unwrap());
    let level = SetReorderLevelRequest {
        product_id: product.clone(),
        warehouse_id: Some(north.id.clone()),
        reorder_level: decimal("5"),
        ..SetReorderLevelRequest::default()
    };
    acme.client(StockLevelServiceClient::new).set_reorder_level(level).await.unwrap();
    delete(&acme, &north.id).await.unwrap();
    let south = create(&acme, "SOUTH", false).await.unwrap();
    let main = list(&acme).await.into_iter().find(|one| one.is_default).unwrap();
    receive(&acme, &product, "2", None).await.unwrap();
    let transfer = TransferStockRequest {
        from_warehouse_id: main.id.clone(),
        to_warehouse_id: south.id.clone(),
        lines: vec![TransferStockLine { product_id: product.clone(), quantity: decimal("2") }],
        ..TransferStockRequest::default()
    };
    acme.client(StockMoveServiceClient::new).transfer_stock(transfer).await.unwrap();
    let error: Error = delete(&acme, &south.id).await.unwrap_err();
    assert_eq!(error.reason(), "REFERENCE_BROKEN", "{error}");
    mesh.stop().await;
}
