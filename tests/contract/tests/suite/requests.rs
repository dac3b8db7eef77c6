//! What every method does with requests that it cannot fulfil.

use contract_tests::breach::{Breach, breaches};
use contract_tests::call::call;
use contract_tests::options::rule;
use contract_tests::resource::{Resource, id, resources};
use contract_tests::{methods, path, sample};
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{CreateProductRequest, Product};
use contracts::google::r#type::{Decimal, Money};
use contracts::identity::v1::api_key_service_client::ApiKeyServiceClient;
use contracts::identity::v1::{ApiKey, CreateApiKeyRequest};
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::{ReceiveStockLine, ReceiveStockRequest};
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::{GetOrderRequest, OrderState, PlaceOrderLine, PlaceOrderRequest};
use kit::{Code, Error, IdSource as _};
use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, Value};
use testkit::Party;

use crate::records::{create, set_mask};

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_every_request_is_enforced() {
    // A request that breaks one rule must be refused, and the refusal must name the field and the rule.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    make_key(&acme).await;
    let (mut broken, mut wrong) = (0, Vec::new());
    let all = resources();
    for method in methods() {
        let updated = updated(&acme, &all, &method).await;
        for mut breach in breaches(&method.input()) {
            broken += 1;
            if let Some((field, id)) = &updated {
                aim(&mut breach, field, id);
            }
            let answer = call(&acme, &method, breach.request.clone()).await;
            if let Some(what) = passes(&breach, answer.err()) {
                wrong.push(format!("{} {} {}: {what}", path(&method), breach.path, breach.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {broken} rules:\n{}", wrong.len(), wrong.join("\n"));
    println!("{broken} rules enforced");
    mesh.stop().await;
}

/// The field of an update's request with the record, and the id of a record that is there.
async fn updated(party: &Party, all: &[Resource], method: &MethodDescriptor) -> Option<(String, String)> {
    let entity = method.name().strip_prefix("Update")?;
    let is_it = |field: &FieldDescriptor| field.kind().as_message().is_some_and(|one| one.name() == entity);
    let field = method.input().fields().find(is_it)?.name().to_owned();
    let id = match all.iter().find(|resource| resource.method("Update").as_ref() == Some(method)) {
        Some(resource) => id(&create(party, all, resource, 8).await.unwrap()),
        None => own(party, method).await,
    };
    Some((field, id))
}

/// Makes an update of what breaks a rule inside of its record: rules hold for the record as it would be, so that
/// there must be one.
fn aim(breach: &mut Breach, field: &str, id: &str) {
    let Some(place) = breach.path.strip_prefix(&format!("{field}.")) else { return };
    let changed = place.split(['.', '[']).next().expect("a path has a first part").to_owned();
    let patch = breach.request.get_field_by_name_mut(field).and_then(Value::as_message_mut);
    patch.expect("the breach is inside of it").set_field_by_name("id", Value::String(id.to_owned()));
    set_mask(&mut breach.request, &[&changed]);
}

/// What is wrong about a refusal.
fn passes(breach: &Breach, error: Option<Error>) -> Option<String> {
    let Some(error) = error else { return Some("is not refused".to_owned()) };
    let named = error.violations().iter().any(|violation| violation.field == breach.path);
    (error.code() != Code::InvalidArgument || !named).then(|| format!("{error:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_what_is_not_his() {
    // An id that does not exist, and one of another tenant, must be NOT_FOUND for every method that takes one.
    let mesh = crate::mesh().await;
    let (acme, other) = (mesh.sign_up("acme").await, mesh.sign_up("other").await);
    let all = resources();
    for resource in &all {
        create(&acme, &all, resource, 8).await.unwrap();
    }
    sell(&acme).await;
    make_key(&acme).await;
    mesh.at_rest().await;
    let mut wrong = Vec::new();
    let (mut asked, mut own_ids) = (0, 0);
    for method in methods() {
        let Some(field) = method.input().get_field_by_name("id").filter(is_id) else { continue };
        asked += 1;
        let anothers = own(&acme, &method).await;
        own_ids += usize::from(anothers != acme.tenant_id());
        for (whose, id) in [("nobody's", kit::UuidV7.new_id().to_string()), ("another's", anothers)] {
            let mut request = sample::fill(&method.input(), 7, &|_| Some(kit::UuidV7.new_id().to_string()));
            request.set_field(&field, Value::String(id));
            request.clear_field_by_name("request_id");
            match call(&other, &method, request).await {
                Err(error) if error.code() == Code::NotFound => {}
                answer => {
                    wrong.push(format!("{}: {whose}: {:?}", path(&method), answer.map(|_| "an answer")))
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} methods:\n{}", wrong.len(), wrong.join("\n"));
    // Of a tenant there is no more than itself.
    assert_eq!(own_ids, asked - 1, "the tenant has no record of some kind");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_refuses_what_it_does_not_know() {
    // A filter or an order that is passed over would give rows that nobody asked for.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    let mut wrong = Vec::new();
    let mut tried = 0;
    for method in methods() {
        for (name, text) in [
            ("filter", "no_such_field = 1"),
            ("filter", "((("),
            ("order_by", "no_such_field"),
            ("page_token", "bm9uZQ"),
        ] {
            let Some(field) = method.input().get_field_by_name(name) else { continue };
            tried += 1;
            let mut request = sample::fill(&method.input(), 7, &|_| Some(kit::UuidV7.new_id().to_string()));
            for other in ["filter", "order_by", "page_token"] {
                request.clear_field_by_name(other);
            }
            request.set_field(&field, Value::String(text.to_owned()));
            let breach = Breach { path: name.to_owned(), rule: text.to_owned(), request };
            let answer = call(&acme, &method, breach.request.clone()).await;
            if let Some(what) = passes(&breach, answer.err()) {
                wrong.push(format!("{} {name} {text}: {what}", path(&method)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    mesh.stop().await;
}

/// Takes an order to its end, so that every service has something of the tenant.
async fn sell(acme: &Party) {
    let price = || Some(Money { currency_code: "EUR".to_owned(), units: 5, nanos: 0 });
    let two = || Some(Decimal { value: "2".to_owned() });
    let tea = Product {
        sku: "TEA".to_owned(),
        name: "Tea".to_owned(),
        unit: "piece".to_owned(),
        price: price(),
        ..Product::default()
    };
    let tea = CreateProductRequest { product: Some(tea), ..Default::default() };
    let tea = acme.client(ProductServiceClient::new).create_product(tea).await.unwrap().into_inner().id;
    let goods = ReceiveStockLine { product_id: tea.clone(), quantity: two(), unit_cost: price() };
    let goods = ReceiveStockRequest { lines: vec![goods], ..Default::default() };
    testkit::eventually("a warehouse to receive goods in", || async {
        acme.client(StockMoveServiceClient::new).receive_stock(goods.clone()).await.ok()
    })
    .await;
    let order = PlaceOrderRequest {
        account_id: kit::UuidV7.new_id().to_string(),
        customer_email: "ada@example.com".to_owned(),
        lines: vec![PlaceOrderLine { product_id: tea, quantity: two(), ..Default::default() }],
        currency_code: "EUR".to_owned(),
        payment_method: "card_ok".to_owned(),
        ..Default::default()
    };
    let mut orders = acme.client(OrderServiceClient::new);
    let id = orders.place_order(order).await.unwrap().into_inner().id;
    testkit::eventually("the order's completion", || async {
        let order = acme.client(OrderServiceClient::new).get_order(GetOrderRequest { id: id.clone() }).await;
        (order.unwrap().into_inner().state() == OrderState::Completed).then_some(())
    })
    .await;
}

async fn make_key(acme: &Party) {
    let key =
        ApiKey { display_name: "Web shop".to_owned(), scopes: vec!["crm.*".to_owned()], ..ApiKey::default() };
    let key = CreateApiKeyRequest { api_key: Some(key), ..CreateApiKeyRequest::default() };
    acme.client(ApiKeyServiceClient::new).create_api_key(key).await.unwrap();
}

fn is_id(field: &FieldDescriptor) -> bool {
    rule(field, &["string", "uuid"]).is_some()
}

/// The id of a record that a tenant has; where it has none of the kind, the tenant's own.
async fn own(party: &Party, method: &MethodDescriptor) -> String {
    let service = method.parent_service();
    let list =
        service.methods().find(|one| one.name().starts_with("List") && one.output().fields().len() > 1);
    let Some(list) = list else { return party.tenant_id().to_owned() };
    let page = call(party, &list, DynamicMessage::new(list.input())).await.unwrap();
    let first = page.fields().find_map(|(_, value)| value.as_list()?.first()?.as_message().cloned());
    first.map_or_else(|| party.tenant_id().to_owned(), |record| id(&record))
}
