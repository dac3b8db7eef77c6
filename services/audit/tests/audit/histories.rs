//! Histories of records that real services change.

use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{CreateProductRequest, Product};
use contracts::crm::v1::account_service_client::AccountServiceClient;
use contracts::crm::v1::contact_service_client::ContactServiceClient;
use contracts::crm::v1::{
    Account, Contact, CreateAccountRequest, CreateContactRequest, DeleteContactRequest, UpdateContactRequest,
};
use contracts::google::r#type as wire;
use contracts::identity::v1::GetCurrentUserRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::{ReceiveStockLine, ReceiveStockRequest};
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::{GetOrderRequest, OrderState, PlaceOrderLine, PlaceOrderRequest};
use testkit::{Mesh, Party, eventually};

use crate::world::{entries, history};

async fn account(party: &Party, name: &str) -> Account {
    let account = Account { display_name: name.to_owned(), ..Account::default() };
    let request = CreateAccountRequest { account: Some(account), ..CreateAccountRequest::default() };
    party.client(AccountServiceClient::new).create_account(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_has_its_history() {
    // Who created, changed and deleted it, with what changed; a person's name is not told.
    let mesh = Mesh::start(vec![audit::service(), crm::service()]).await;
    let (acme, rival) = (mesh.sign_up("acme").await, mesh.sign_up("rival").await);
    let (first, second) = (account(&acme, "First").await, account(&acme, "Second").await);
    let mut contacts = acme.client(ContactServiceClient::new);
    let contact = Contact {
        given_name: "Ada".to_owned(),
        job_title: "Buyer".to_owned(),
        account_id: Some(first.id.clone()),
        ..Contact::default()
    };
    let request = CreateContactRequest { contact: Some(contact), ..CreateContactRequest::default() };
    let ada = contacts.create_contact(request).await.unwrap().into_inner();
    let moved = Contact { job_title: "Owner".to_owned(), account_id: Some(second.id.clone()), ..ada.clone() };
    let request = UpdateContactRequest { contact: Some(moved), ..UpdateContactRequest::default() };
    contacts.update_contact(request).await.unwrap();
    let request = DeleteContactRequest { id: ada.id.clone(), ..DeleteContactRequest::default() };
    contacts.delete_contact(request).await.unwrap();
    mesh.at_rest().await;

    let told = entries(&acme, "", &ada.id).await;
    let types: Vec<_> = told.iter().map(|entry| entry.event_type.as_str()).collect();
    assert_eq!(types, ["contact.deleted", "contact.updated", "contact.created"]);
    let me = acme.client(AuthServiceClient::new).get_current_user(GetCurrentUserRequest {}).await.unwrap();
    let me = me.into_inner().user.unwrap().id;
    assert!(told.iter().all(|entry| entry.actor == me && entry.source == "crm"), "{told:?}");
    let title = &told[1].changes["job_title"];
    assert_eq!(text(title.from.as_ref()), "Buyer");
    assert_eq!(text(title.to.as_ref()), "Owner");
    let name = &told[2].changes["given_name"];
    assert_eq!((name.from.as_ref(), name.to.as_ref()), (None, None), "the name of a person");

    // Both accounts know of it: the one that it came to and the one that it left.
    assert_eq!(history(&acme, &first.id).await, ["account.created", "contact.created", "contact.updated"]);
    assert_eq!(history(&acme, &second.id).await, ["account.created", "contact.updated"]);
    assert!(entries(&rival, "", &ada.id).await.is_empty(), "another tenant's");
    mesh.stop().await;
}

fn text(value: Option<&prost_types::Value>) -> &str {
    match value.and_then(|value| value.kind.as_ref()) {
        Some(prost_types::value::Kind::StringValue(text)) => text,
        other => panic!("{other:?} is no text"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_told_under_all_that_it_touches() {
    // What five services did for one order stands under the order, and what concerns its account under that.
    let mesh = Mesh::start(vec![
        audit::service(),
        crm::service(),
        catalog::service(),
        inventory::service(),
        payments::service(),
        finance::service(),
        orders::service(),
    ])
    .await;
    let acme = mesh.sign_up("acme").await;
    let customer = account(&acme, "Customer").await;
    let product = stocked_product(&acme).await;
    let order = PlaceOrderRequest {
        account_id: customer.id.clone(),
        lines: vec![PlaceOrderLine {
            product_id: product.clone(),
            quantity: number("2"),
            ..PlaceOrderLine::default()
        }],
        currency_code: "EUR".to_owned(),
        payment_method: "card_ok".to_owned(),
        customer_email: "ada@customer.example".to_owned(),
        ..PlaceOrderRequest::default()
    };
    let mut orders = acme.client(OrderServiceClient::new);
    let order = orders.place_order(order).await.unwrap().into_inner();
    eventually("the order's end", || async {
        let request = GetOrderRequest { id: order.id.clone() };
        let order = acme.client(OrderServiceClient::new).get_order(request).await.unwrap().into_inner();
        (order.state() == OrderState::Completed).then_some(())
    })
    .await;
    mesh.at_rest().await;

    let told = history(&acme, &order.id).await;
    for expected in [
        "order.placed",
        "reservation.held",
        "payment.authorized",
        "payment.captured",
        "order.captured",
        "invoice.posted",
        "order.completed",
        "reservation.consumed",
    ] {
        assert!(told.iter().any(|one| one == expected), "{expected} is not among {told:?}");
    }
    let of_account = history(&acme, &customer.id).await;
    for expected in ["account.created", "order.placed", "invoice.posted", "order.completed"] {
        assert!(of_account.iter().any(|one| one == expected), "{expected} is not among {of_account:?}");
    }
    assert!(history(&acme, &product).await.iter().any(|one| one == "order.completed"), "its lines name it");

    // All of it came from one request, and nothing of it tells whose address it was or what the goods cost.
    let all = entries(&acme, "", &order.id).await;
    let correlations: std::collections::BTreeSet<_> = all.iter().map(|entry| &entry.correlation_id).collect();
    assert_eq!(correlations.len(), 1, "{correlations:?}");
    let data = |kind: &str| {
        let entry = all.iter().find(|entry| entry.event_type == kind).unwrap();
        entry.data.clone().unwrap().fields
    };
    let completed = data("order.completed");
    assert!(
        completed.contains_key("orderNumber") && !completed.contains_key("customerEmail"),
        "{completed:?}"
    );
    assert!(!data("reservation.consumed").contains_key("costs"));
    mesh.stop().await;
}

fn number(text: &str) -> Option<wire::Decimal> {
    Some(wire::Decimal { value: text.to_owned() })
}

fn euros(units: i64) -> Option<wire::Money> {
    Some(wire::Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
}

/// A product with ten on hand.
async fn stocked_product(party: &Party) -> String {
    let product = Product {
        sku: "TEA".to_owned(),
        name: "Tea".to_owned(),
        price: euros(9),
        unit: "piece".to_owned(),
        ..Product::default()
    };
    let request = CreateProductRequest { product: Some(product), ..CreateProductRequest::default() };
    let product = party.client(ProductServiceClient::new).create_product(request).await.unwrap();
    let id = product.into_inner().id;
    let line = ReceiveStockLine { product_id: id.clone(), quantity: number("10"), unit_cost: euros(4) };
    // A new tenant's first warehouse comes by an event.
    eventually("a warehouse", || async {
        let request = ReceiveStockRequest { lines: vec![line.clone()], ..ReceiveStockRequest::default() };
        party.client(StockMoveServiceClient::new).receive_stock(request).await.ok()
    })
    .await;
    id
}
