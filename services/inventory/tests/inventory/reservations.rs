//! The way of one reservation.

use contracts::inventory::v1::reservation_service_client::ReservationServiceClient;
use contracts::inventory::v1::{InventoryReason, ReservationState as State};
use kit::{Code, Decimal, Duration};

use crate::world::{
    Act, act, check_books, events, level, new_id, receive, reserve, reserve_request, start, stock,
};

fn quantities(on_hand: i64, reserved: i64) -> (Decimal, Decimal, Decimal) {
    (on_hand.into(), reserved.into(), (on_hand - reserved).into())
}

async fn amounts(party: &testkit::Party, product: &str) -> (Decimal, Decimal, Decimal) {
    let (on_hand, reserved, available, _) = stock(party, product).await;
    (on_hand, reserved, available)
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_go_from_promise_to_delivery_and_back() {
    // Each step moves the stock once, and the same step again changes nothing and answers the same.
    let (mesh, acme) = start().await;
    let product = new_id();
    receive(&acme, &product, "10", Some(250)).await.unwrap();
    let held = reserve(&acme, &new_id(), &[(&product, "3"), (&product, "1")]).await.unwrap();
    assert_eq!((held.state(), held.lines.len()), (State::Held, 1));
    assert_eq!(amounts(&acme, &product).await, quantities(10, 4));
    for (step, state, left) in [
        (Act::Confirm, State::Confirmed, quantities(10, 4)),
        (Act::Consume, State::Consumed, quantities(6, 0)),
        (Act::Return, State::Returned, quantities(10, 0)),
    ] {
        for _ in 0..2 {
            assert_eq!(act(&acme, step, &held.id).await.unwrap().state(), state);
            assert_eq!(amounts(&acme, &product).await, left, "{step:?}");
        }
    }
    assert_eq!(stock(&acme, &product).await.3, Some(2_500));
    for (event, count) in
        [("reservation.confirmed", 1), ("reservation.consumed", 1), ("reservation.returned", 1)]
    {
        assert_eq!(events(&mesh, event).await, count, "{event}");
    }
    assert_eq!(events(&mesh, "stock.moved").await, 3);
    check_books(&mesh, "after all steps").await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_needs_its_state() {
    // Nothing leaves unconfirmed, nothing comes back that has not left, and an end stays an end.
    let (mesh, acme) = start().await;
    let product = new_id();
    receive(&acme, &product, "10", None).await.unwrap();
    let held = reserve(&acme, &new_id(), &[(&product, "2")]).await.unwrap();
    let refused = |result: kit::Result<_>, state: &str| {
        let error: kit::Error = Result::<contracts::inventory::v1::Reservation, _>::unwrap_err(result);
        assert!(error.is(InventoryReason::ReservationState), "{error}");
        assert_eq!(error.metadata()["state"], state);
    };
    refused(act(&acme, Act::Consume, &held.id).await, "HELD");
    refused(act(&acme, Act::Return, &held.id).await, "HELD");
    let released = act(&acme, Act::Release, &held.id).await.unwrap();
    assert_eq!(released.state(), State::Released);
    assert_eq!(act(&acme, Act::Release, &held.id).await.unwrap().state(), State::Released);
    for step in [Act::Confirm, Act::Consume, Act::Return] {
        refused(act(&acme, step, &held.id).await, "RELEASED");
    }
    let gone = reserve(&acme, &new_id(), &[(&product, "2")]).await.unwrap();
    act(&acme, Act::Confirm, &gone.id).await.unwrap();
    act(&acme, Act::Consume, &gone.id).await.unwrap();
    refused(act(&acme, Act::Release, &gone.id).await, "CONSUMED");
    refused(act(&acme, Act::Confirm, &gone.id).await, "CONSUMED");
    assert_eq!(amounts(&acme, &product).await, quantities(8, 0));
    check_books(&mesh, "after refusals").await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_is_refused_by_name() {
    // All or nothing: lines of one product are summed first, and each short product is told with what is there.
    let (mesh, acme) = start().await;
    let (plenty, scarce, unknown) = (new_id(), new_id(), new_id());
    receive(&acme, &plenty, "100", None).await.unwrap();
    receive(&acme, &scarce, "5", None).await.unwrap();
    let lines =
        [(plenty.as_str(), "1"), (scarce.as_str(), "3"), (scarce.as_str(), "2.5"), (unknown.as_str(), "1")];
    let error = reserve(&acme, &new_id(), &lines).await.unwrap_err();
    assert!(error.is(InventoryReason::StockShort), "{error}");
    assert_eq!(error.metadata()[&format!("shortfall-{scarce}")], "5.5/5");
    assert_eq!(error.metadata()[&format!("shortfall-{unknown}")], "1/0");
    assert!(!error.metadata().contains_key(&format!("shortfall-{plenty}")));
    assert_eq!(amounts(&acme, &plenty).await, quantities(100, 0));
    assert_eq!(events(&mesh, "reservation.held").await, 0);
    // Exactly all of it is not too much.
    assert!(reserve(&acme, &new_id(), &[(&scarce, "3"), (&scarce, "2")]).await.is_ok());
    for wrong in ["0", "-1", "0.0000001", "many"] {
        let error = reserve(&acme, &new_id(), &[(&plenty, wrong)]).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{wrong}: {error}");
    }
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_short_products_still_make_an_answer() {
    // The longest order there can be, all of it short, must come back as a refusal and not break the transport.
    let (mesh, acme) = start().await;
    let products: Vec<String> = (0..500).map(|_| new_id()).collect();
    let lines: Vec<(&str, &str)> =
        products.iter().map(|product| (product.as_str(), "123456.123456")).collect();
    let error = reserve(&acme, &new_id(), &lines).await.unwrap_err();
    assert!(error.is(InventoryReason::StockShort), "{error}");
    assert_eq!(error.metadata()["shortfalls"], "500");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_has_one_reservation() {
    // Asked again, also for the very last goods, the same answer comes; another demand is refused.
    let (mesh, acme) = start().await;
    let (product, source) = (new_id(), new_id());
    receive(&acme, &product, "4", None).await.unwrap();
    let first = reserve(&acme, &source, &[(&product, "4")]).await.unwrap();
    let again = reserve(&acme, &source.to_uppercase(), &[(&product, "1"), (&product, "3")]).await.unwrap();
    assert_eq!(first, again);
    let error = reserve(&acme, &source, &[(&product, "3")]).await.unwrap_err();
    assert!(error.is(InventoryReason::SourceTaken), "{error}");
    assert_eq!(error.metadata()["reservation_id"], first.id);
    // A released reservation is not brought back to life by a retry.
    act(&acme, Act::Release, &first.id).await.unwrap();
    assert_eq!(reserve(&acme, &source, &[(&product, "4")]).await.unwrap().state(), State::Released);
    assert_eq!(amounts(&acme, &product).await, quantities(4, 0));
    assert_eq!(events(&mesh, "reservation.held").await, 1);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_ends_with_its_time() {
    // Unconfirmed goods are free again when the time is over; confirmed and consumed ones are not touched.
    let (mesh, acme) = start().await;
    let product = new_id();
    receive(&acme, &product, "10", None).await.unwrap();
    let mut request = reserve_request(&new_id(), &[(&product, "1")]);
    request.ttl = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let mut api = acme.client(ReservationServiceClient::new);
    let short = api.reserve_stock(request).await.unwrap().into_inner();
    let kept = reserve(&acme, &new_id(), &[(&product, "2")]).await.unwrap();
    let sold = reserve(&acme, &new_id(), &[(&product, "3")]).await.unwrap();
    let long = reserve(&acme, &new_id(), &[(&product, "4")]).await.unwrap();
    for id in [&kept.id, &sold.id] {
        assert!(act(&acme, Act::Confirm, id).await.unwrap().expire_time.is_none());
    }
    act(&acme, Act::Consume, &sold.id).await.unwrap();
    let expired = |party: &testkit::Party, id: &str| {
        let (party, id) = (party.clone(), id.to_owned());
        async move { (act(&party, Act::Get, &id).await.unwrap().state() == State::Expired).then_some(()) }
    };
    mesh.advance(Duration::seconds(61));
    testkit::eventually("the short promise ends", || expired(&acme, &short.id)).await;
    assert_eq!(amounts(&acme, &product).await, quantities(7, 6));
    mesh.advance(Duration::minutes(15));
    let acme = mesh.sign_in(&acme).await;
    testkit::eventually("the long promise ends", || expired(&acme, &long.id)).await;
    assert_eq!(amounts(&acme, &product).await, quantities(7, 2));
    assert_eq!(act(&acme, Act::Get, &kept.id).await.unwrap().state(), State::Confirmed);
    assert_eq!(act(&acme, Act::Get, &sold.id).await.unwrap().state(), State::Consumed);
    // An expired promise counts as given back, and can't be kept any more.
    assert_eq!(act(&acme, Act::Release, &short.id).await.unwrap().state(), State::Expired);
    assert!(act(&acme, Act::Confirm, &short.id).await.unwrap_err().is(InventoryReason::ReservationState));
    assert_eq!(events(&mesh, "reservation.expired").await, 2);
    check_books(&mesh, "after expiry").await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tenants_see_and_touch_nothing() {
    // Another tenant neither finds a reservation nor sells the goods behind it.
    let (mesh, acme) = start().await;
    let umbrella = mesh.sign_up("umbrella").await;
    let product = new_id();
    receive(&acme, &product, "10", None).await.unwrap();
    let held = reserve(&acme, &new_id(), &[(&product, "2")]).await.unwrap();
    for step in [Act::Get, Act::Confirm, Act::Consume, Act::Release, Act::Return] {
        assert_eq!(act(&umbrella, step, &held.id).await.unwrap_err().code(), Code::NotFound, "{step:?}");
    }
    let error = reserve(&umbrella, &new_id(), &[(&product, "1")]).await.unwrap_err();
    assert_eq!(error.metadata()[&format!("shortfall-{product}")], "1/0");
    // The same source in another tenant is another order.
    receive(&umbrella, &product, "1", None).await.unwrap();
    assert!(reserve(&umbrella, &held.source_id, &[(&product, "1")]).await.is_ok());
    assert_eq!(level(&acme, &product).await.tenant_id, acme.tenant_id());
    assert_eq!(amounts(&acme, &product).await, quantities(10, 2));
    mesh.stop().await;
}
