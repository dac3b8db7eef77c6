//! What must be ordered anew.

use contracts::inventory::v1::stock_level_service_client::StockLevelServiceClient;
use contracts::inventory::v1::{ListStockLevelsRequest, SetReorderLevelRequest, StockLevel};
use testkit::Party;

use crate::world::{adjust, check_books, decimal, events, level, new_id, receive, reserve, start, stock};

async fn watch(party: &Party, product: &str, at: Option<&str>) -> StockLevel {
    let request = SetReorderLevelRequest {
        product_id: product.to_owned(),
        reorder_level: at.and_then(decimal),
        ..SetReorderLevelRequest::default()
    };
    party.client(StockLevelServiceClient::new).set_reorder_level(request).await.unwrap().into_inner()
}

async fn low(party: &Party) -> Vec<String> {
    let filter = "below_reorder_level = true".to_owned();
    let request = ListStockLevelsRequest { filter, ..ListStockLevelsRequest::default() };
    let levels = party.client(StockLevelServiceClient::new).list_stock_levels(request).await.unwrap();
    levels.into_inner().stock_levels.into_iter().map(|level| level.product_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_low_is_listed_until_it_is_there_again() {
    // A sale, a promise and a higher level make it low; a receipt and no level make it good again.
    let (mesh, acme) = start().await;
    let (tea, cup) = (new_id(), new_id());
    for product in [&tea, &cup] {
        receive(&acme, product, "10", Some(100)).await.unwrap();
    }
    assert!(!watch(&acme, &tea, Some("4")).await.below_reorder_level);
    assert!(low(&acme).await.is_empty());
    adjust(&acme, &[(&tea, "-6")]).await.unwrap();
    assert!(low(&acme).await.is_empty(), "four are enough for a level of four");
    reserve(&acme, &new_id(), &[(&tea, "0.5")]).await.unwrap();
    assert_eq!(low(&acme).await, std::slice::from_ref(&tea));
    assert!(level(&acme, &tea).await.below_reorder_level);

    let told = watch(&acme, &cup, Some("10.5")).await;
    assert!(told.below_reorder_level, "the answer of the write says so as well");
    assert_eq!(told.below_reorder_level, level(&acme, &cup).await.below_reorder_level);
    assert_eq!(low(&acme).await.len(), 2);
    receive(&acme, &tea, "1", Some(100)).await.unwrap();
    assert!(!watch(&acme, &cup, None).await.below_reorder_level);
    assert!(low(&acme).await.is_empty());
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_orders_at_once_one_makes_it_low() {
    // Their goods are promised together, and yet each product is told of once, with what that order left.
    let (mesh, acme) = start().await;
    let (tea, cup) = (new_id(), new_id());
    for product in [&tea, &cup] {
        receive(&acme, product, "40", None).await.unwrap();
    }
    watch(&acme, &tea, Some("20.5")).await;
    watch(&acme, &cup, Some("10.5")).await;
    let orders: Vec<String> = (0..30).map(|_| new_id()).collect();
    let lines = [(tea.as_str(), "1"), (cup.as_str(), "1")];
    let asked = orders.iter().map(|order| reserve(&acme, order, &lines));
    for held in futures::future::join_all(asked).await {
        held.unwrap();
    }
    for product in [&tea, &cup] {
        assert_eq!(stock(&acme, product).await.1, 30.into());
    }
    assert_eq!(events(&mesh, "reservation.held").await, 30);
    let mut left: Vec<(String, String)> = sqlx::query_as(
        "select split_part(key, ':', 2), convert_from(payload, 'utf8')::jsonb #>> '{data,available,value}' from tessera.outbox
         where event_type = 'stock.low'",
    )
    .fetch_all(&mut mesh.look_into("inventory").await)
    .await
    .unwrap();
    left.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(left, [(cup, "10".to_owned()), (tea, "20".to_owned())]);
    check_books(&mesh, "after thirty orders").await;
    mesh.stop().await;
}
