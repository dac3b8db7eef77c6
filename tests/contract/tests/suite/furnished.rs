//! A tenant that has something of everything.

use contract_tests::call::call;
use contract_tests::resource::{Resource, id};
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{CreateProductRequest, Product};
use contracts::google::r#type::{Decimal, Money};
use contracts::identity::v1::api_key_service_client::ApiKeyServiceClient;
use contracts::identity::v1::{ApiKey, CreateApiKeyRequest};
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::{ReceiveStockLine, ReceiveStockRequest};
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::{GetOrderRequest, OrderState, PlaceOrderLine, PlaceOrderRequest};
use kit::IdSource as _;
use prost_reflect::{DynamicMessage, MethodDescriptor, ServiceDescriptor};
use testkit::{Mesh, Party};

use crate::records::create;

/// Gives a tenant two records of every kind at the least, and waits until all has come to rest.
pub async fn furnish(mesh: &Mesh, party: &Party, all: &[Resource]) {
    for resource in all {
        for seed in [8, 9] {
            create(party, all, resource, seed).await.unwrap();
        }
    }
    for number in [1, 2] {
        sell(party, &format!("TEA-{number}")).await;
        make_key(party, &format!("Web shop {number}")).await;
    }
    mesh.at_rest().await;
}

/// Takes an order to its end, so that every service has something of the tenant.
async fn sell(party: &Party, sku: &str) {
    let price = || Some(Money { currency_code: "EUR".to_owned(), units: 5, nanos: 0 });
    let two = || Some(Decimal { value: "2".to_owned() });
    let tea = Product {
        sku: sku.to_owned(),
        name: "Tea".to_owned(),
        unit: "piece".to_owned(),
        price: price(),
        ..Product::default()
    };
    let tea = CreateProductRequest { product: Some(tea), ..Default::default() };
    let tea = party.client(ProductServiceClient::new).create_product(tea).await.unwrap().into_inner().id;
    let goods = ReceiveStockLine { product_id: tea.clone(), quantity: two(), unit_cost: price() };
    let goods = ReceiveStockRequest { lines: vec![goods], ..Default::default() };
    testkit::eventually("a warehouse to receive goods in", || async {
        party.client(StockMoveServiceClient::new).receive_stock(goods.clone()).await.ok()
    })
    .await;
    let order = PlaceOrderRequest {
        account_id: kit::UuidV7.new_id().to_string(),
        customer_email: "ada@example.com".to_owned(),
        lines: vec![PlaceOrderLine { product_id: tea, quantity: two(), ..Default::default() }],
        currency_code: "EUR".to_owned(),
        payment_method: "card_ok".to_owned(),
        request_id: testkit::request_id(),
        ..Default::default()
    };
    let mut orders = party.client(OrderServiceClient::new);
    let id = orders.place_order(order).await.unwrap().into_inner().id;
    testkit::eventually("the order's completion", || async {
        let order = party.client(OrderServiceClient::new).get_order(GetOrderRequest { id: id.clone() }).await;
        (order.unwrap().into_inner().state() == OrderState::Completed).then_some(())
    })
    .await;
}

pub async fn make_key(party: &Party, name: &str) {
    let key = ApiKey { display_name: name.to_owned(), scopes: vec!["crm.*".to_owned()], ..ApiKey::default() };
    let key = CreateApiKeyRequest { api_key: Some(key), ..CreateApiKeyRequest::default() };
    party.client(ApiKeyServiceClient::new).create_api_key(key).await.unwrap();
}

/// The List method of a service whose answer is a page.
pub fn list_of(service: &ServiceDescriptor) -> Option<MethodDescriptor> {
    service.methods().find(|one| one.name().starts_with("List") && one.output().fields().len() > 1)
}

/// The id of a record that a tenant has; where it has none of the kind, the tenant's own.
pub async fn own(party: &Party, method: &MethodDescriptor) -> String {
    let Some(list) = list_of(method.parent_service()) else { return party.tenant_id().to_owned() };
    let page = call(party, &list, DynamicMessage::new(list.input())).await.unwrap();
    items(&page).first().map_or_else(|| party.tenant_id().to_owned(), id)
}

/// What is on a page.
pub fn items(page: &DynamicMessage) -> Vec<DynamicMessage> {
    let lists = page.fields().filter_map(|(_, value)| value.as_list());
    lists.flatten().filter_map(|one| one.as_message().cloned()).collect()
}
