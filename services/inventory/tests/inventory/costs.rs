//! What stock is worth is not for everybody who moves it.

use contracts::inventory::v1::stock_level_service_client::StockLevelServiceClient;
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::{
    GetStockValueRequest, GetStockValueResponse, ListStockLevelsRequest, ListStockMovesRequest, StockLevel,
};
use kit::{Code, Error};
use testkit::Party;

use crate::world::{level, minor, new_id, receive, start};

async fn list(party: &Party, filter: &str, order_by: &str) -> Result<Vec<StockLevel>, Error> {
    let request = ListStockLevelsRequest {
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        ..ListStockLevelsRequest::default()
    };
    let answer = party.client(StockLevelServiceClient::new).list_stock_levels(request).await?;
    Ok(answer.into_inner().stock_levels)
}

#[tokio::test(flavor = "multi_thread")]
async fn costs_are_shown_to_those_who_may_read_them() {
    // In single answers, in lists and in what a write answers; everything else of the record stays.
    let (mesh, acme) = start().await;
    let product = new_id();
    let clerk = acme.user_with(&["inventory.stock-levels.read", "inventory.stock-moves.*"]).await;
    let buyer = acme.user_with(&["inventory.stock-levels.read", "inventory.costs.read"]).await;
    let moved = receive(&clerk, &product, "2", Some(450)).await.unwrap();
    assert!(moved[0].value.is_none() && moved[0].unit_cost.is_none() && moved[0].quantity.is_some());
    for (party, value) in [(&acme, Some(900)), (&buyer, Some(900)), (&clerk, None)] {
        let level = level(party, &product).await;
        assert_eq!((minor(level.value.as_ref()), level.on_hand.is_some()), (value, true));
    }
    let mut api = clerk.client(StockMoveServiceClient::new);
    let moves =
        api.list_stock_moves(ListStockMovesRequest::default()).await.unwrap().into_inner().stock_moves;
    assert!(!moves.is_empty() && moves.iter().all(|one| one.value.is_none() && one.unit_cost.is_none()));
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_costs_are_not_found_out_by_asking() {
    // A filter or an order by a field tells its value, bit by bit.
    let (mesh, acme) = start().await;
    receive(&acme, &new_id(), "2", Some(450)).await.unwrap();
    let clerk = acme.user_with(&["inventory.stock-levels.read"]).await;
    for (filter, order_by) in [
        ("value > 8", ""),
        ("NOT value:*", ""),
        ("value.currency_code = EUR", ""),
        ("on_hand > 1 OR value = \"9.00 EUR\"", ""),
        ("", "value"),
        ("", "on_hand, value desc"),
    ] {
        assert!(list(&acme, filter, order_by).await.is_ok(), "{filter} {order_by}");
        let refused = list(&clerk, filter, order_by).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{filter} {order_by}");
        assert_eq!(refused.metadata()["permission"], "inventory.costs.read");
    }
    assert_eq!(list(&clerk, "on_hand > 1", "on_hand").await.unwrap().len(), 1);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_worth_what_was_paid_for_it() {
    // Product by product and in all, at the average of what it cost; nothing of another tenant's.
    let (mesh, acme) = start().await;
    let rival = mesh.sign_up("rival").await;
    let (tea, jam) = (new_id(), new_id());
    for (product, quantity, cost) in [(&tea, "2", 450), (&tea, "2", 550), (&jam, "3", 100)] {
        receive(&acme, product, quantity, Some(cost)).await.unwrap();
    }
    let ask = async |party: &Party, product: Option<&String>| -> GetStockValueResponse {
        let request = GetStockValueRequest { product_id: product.cloned(), ..Default::default() };
        party.client(StockLevelServiceClient::new).get_stock_value(request).await.unwrap().into_inner()
    };
    let all = ask(&acme, None).await;
    assert_eq!(all.totals.iter().map(|total| minor(Some(total))).collect::<Vec<_>>(), [Some(2_300)]);
    assert_eq!(all.products.len(), 2);
    let of_tea = ask(&acme, Some(&tea)).await;
    let found = of_tea
        .products
        .iter()
        .map(|one| (one.product_id.clone(), minor(one.average_cost.as_ref()), minor(one.value.as_ref())));
    assert_eq!(found.collect::<Vec<_>>(), [(tea.clone(), Some(500), Some(2_000))]);
    let none = ask(&rival, Some(&tea)).await;
    assert!(none.products.is_empty() && none.totals.is_empty(), "{none:?}");
    mesh.stop().await;
}
