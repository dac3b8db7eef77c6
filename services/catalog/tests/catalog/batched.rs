use std::time::Duration;

use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{
    CatalogReason, Product, ResolvePricesLine, ResolvePricesRequest, ResolvePricesResponse,
};
use contracts::google::r#type::Decimal;
use kit::Error;
use sqlx::{Connection as _, PgConnection};
use testkit::{Mesh, Party};
use tokio::task::JoinSet;

use crate::support::{create_product, product};

async fn resolve(party: Party, ids: Vec<String>) -> (Vec<String>, Result<ResolvePricesResponse, Error>) {
    let quantity = || Some(Decimal { value: "1".to_owned() });
    let line = |id: &String| ResolvePricesLine { product_id: id.clone(), quantity: quantity() };
    let request =
        ResolvePricesRequest { lines: ids.iter().map(line).collect(), currency_code: String::new() };
    let answer = party.client(ProductServiceClient::new).resolve_prices(request).await;
    (ids, answer.map(tonic::Response::into_inner).map_err(Error::from))
}

/// How many ask for products and wait for a lock that somebody else holds.
async fn waiting(database: &mut PgConnection) -> i64 {
    let count = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%from products%'";
    sqlx::query_scalar(count).fetch_one(database).await.expect("it counts")
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_ask_together_share_a_transaction_and_nothing_else() {
    // Each has the answer to its own question, or its own error, and nobody sees another tenant's goods.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let (acme, other) = (mesh.sign_up("acme").await, mesh.sign_up("other").await);
    let mut products: Vec<Product> = Vec::new();
    for number in 0..8 {
        let mut client = acme.client(ProductServiceClient::new);
        products.push(create_product(&mut client, product(&format!("P{number}"))).await.unwrap());
    }
    let id = |number: usize| products[number % 8].id.clone();
    let nobodys = testkit::request_id();

    let (mut locked, mut looks) = (mesh.look_into("catalog").await, mesh.look_into("catalog").await);
    let mut lock = locked.begin().await.unwrap();
    sqlx::query("lock table products in access exclusive mode").execute(&mut *lock).await.unwrap();
    let mut calls = JoinSet::new();
    for number in 0..100 {
        calls.spawn(resolve(acme.clone(), vec![id(number), id(number + 3)]));
        if number % 10 == 0 {
            calls.spawn(resolve(acme.clone(), vec![id(number), nobodys.clone()]));
            calls.spawn(resolve(other.clone(), vec![id(number)]));
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!((1..=2).contains(&waiting(&mut looks).await), "more than one of a tenant asks the database");
    lock.commit().await.unwrap();

    let (mut answered, mut refused) = (0, 0);
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            (ids, Ok(answer)) => {
                let given: Vec<String> = answer.lines.into_iter().map(|line| line.product_id).collect();
                assert_eq!(given, ids);
                answered += 1;
            }
            (ids, Err(error)) => {
                assert!(error.is(CatalogReason::ProductUnknown), "{error}");
                assert_eq!(error.metadata()["product_ids"], *ids.last().unwrap());
                refused += 1;
            }
        }
    }
    assert_eq!((answered, refused), (100, 20));
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_he_waits_takes_nobody_with_him() {
    // Neither he who asks first, for whom others wait, nor those in the queue.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let tea = create_product(&mut acme.client(ProductServiceClient::new), product("TEA")).await.unwrap();
    let (mut locked, mut looks) = (mesh.look_into("catalog").await, mesh.look_into("catalog").await);
    let mut lock = locked.begin().await.unwrap();
    sqlx::query("lock table products in access exclusive mode").execute(&mut *lock).await.unwrap();
    let mut gone = JoinSet::new();
    gone.spawn(resolve(acme.clone(), vec![tea.id.clone()]));
    while waiting(&mut looks).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        gone.spawn(resolve(acme.clone(), vec![tea.id.clone()]));
        calls.spawn(resolve(acme.clone(), vec![tea.id.clone()]));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    gone.shutdown().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    lock.commit().await.unwrap();
    for (_, answer) in calls.join_all().await {
        assert_eq!(answer.unwrap().lines[0].sku, "TEA");
    }
    mesh.stop().await;
}
