use std::collections::HashSet;

use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{CreateProductRequest, Product};
use kit::{Code, Error};
use testkit::{Mesh, Party};
use tokio::task::JoinSet;

use crate::support::product;

async fn create(party: Party, sku: String, request_id: String) -> (String, Result<Product, Error>) {
    let request = CreateProductRequest { product: Some(product(&sku)), request_id };
    let made = party.client(ProductServiceClient::new).create_product(request).await;
    (sku, made.map(tonic::Response::into_inner).map_err(Error::from))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_together_share_a_transaction_and_nothing_else() {
    // Each has its own answer, actor, audit row and event; one that is refused spoils none of the others.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let owner = mesh.sign_up("acme").await;
    let clerk = owner.user_with(&["catalog.*"]).await;
    let other = mesh.sign_up("other").await;
    let same_request = testkit::request_id();
    let mut calls = JoinSet::new();
    for number in 0..60 {
        let party = if number % 2 == 0 { &owner } else { &clerk };
        calls.spawn(create(party.clone(), format!("P{number}"), String::new()));
        if number % 6 == 0 {
            calls.spawn(create(owner.clone(), "TAKEN".to_owned(), testkit::request_id()));
            calls.spawn(create(clerk.clone(), "REPEATED".to_owned(), same_request.clone()));
            calls.spawn(create(other.clone(), format!("P{number}"), String::new()));
        }
    }
    let (mut by_owner, mut by_clerk, mut repeated) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut refused = 0;
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            (sku, Err(error)) => {
                let field = error.violations().first().map(|violation| violation.field.as_str());
                assert_eq!((sku.as_str(), error.code(), field), ("TAKEN", Code::AlreadyExists, Some("sku")));
                refused += 1;
            }
            (sku, Ok(product)) if sku == "REPEATED" => drop(repeated.insert(product.id)),
            (sku, Ok(product)) if product.tenant_id == owner.tenant_id() && sku != "TAKEN" => {
                let is_owners = sku[1..].parse::<u32>().unwrap() % 2 == 0;
                let actors = if is_owners { &mut by_owner } else { &mut by_clerk };
                actors.insert(product.created_by);
            }
            (_, Ok(_)) => {}
        }
    }
    assert_eq!((refused, repeated.len()), (9, 1));
    assert_eq!((by_owner.len(), by_clerk.len()), (1, 1));
    assert!(by_owner.is_disjoint(&by_clerk), "both users are one actor");

    // 60, the one of ten that took its SKU, the repeated one, and ten of the other tenant.
    let mut database = mesh.look_into("catalog").await;
    let looks = [
        "select count(*) from products",
        "select count(*) from products p join tessera.audit_log a on a.tenant_id = p.tenant_id
            and a.entity_id = p.id and a.actor = p.created_by where a.change = 'created'",
        "select count(distinct key) from tessera.outbox where event_type = 'product.created'",
        "select count(*) from tessera.outbox where event_type = 'product.created'",
    ];
    for look in looks {
        let found: i64 = sqlx::query_scalar(look).fetch_one(&mut database).await.unwrap();
        assert_eq!(found, 72, "{look}");
    }
    let transactions = "select count(distinct xmin::text) from products";
    let transactions: i64 = sqlx::query_scalar(transactions).fetch_one(&mut database).await.unwrap();
    assert!(transactions < 72, "no call has shared its transaction");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_being_filled_has_statistics_before_the_server_gets_to_it() {
    // Without them a select by id walks through the rows of its tenant.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let owner = mesh.sign_up("acme").await;
    for number in 0..30 {
        create(owner.clone(), format!("P{number}"), String::new()).await.1.unwrap();
    }
    let looks = "select last_analyze is not null from pg_stat_user_tables where relname = 'products'";
    testkit::eventually("statistics of products", || async {
        let mut database = mesh.look_into("catalog").await;
        let looked_at: bool = sqlx::query_scalar(looks).fetch_one(&mut database).await.unwrap();
        looked_at.then_some(())
    })
    .await;
    mesh.stop().await;
}
