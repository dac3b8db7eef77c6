//! What orders tell, in every order of arrival.

use contracts::inventory::v1::{Reservation, ReservationState as State};
use contracts::orders::v1::{OrderCancelled, OrderCompleted};
use testkit::Party;

use crate::world::{Act, act, check_books, events, new_id, receive, reserve, start, stock, tell};

fn completed(reservation: &Reservation) -> OrderCompleted {
    OrderCompleted {
        order_id: reservation.source_id.clone(),
        reservation_id: reservation.id.clone(),
        ..OrderCompleted::default()
    }
}

fn cancelled(reservation: &Reservation) -> OrderCancelled {
    OrderCancelled {
        order_id: reservation.source_id.clone(),
        reservation_id: Some(reservation.id.clone()),
        ..OrderCancelled::default()
    }
}

async fn confirmed(party: &Party, product: &str) -> Reservation {
    let held = reserve(party, &new_id(), &[(product, "2")]).await.unwrap();
    act(party, Act::Confirm, &held.id).await.unwrap()
}

async fn becomes(party: &Party, id: &str, state: State) {
    let look = || async move { (act(party, Act::Get, id).await.unwrap().state() == state).then_some(()) };
    testkit::eventually(state.as_str_name(), look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_leave_with_the_order_and_return_with_its_end() {
    // A completed order takes its goods once however often it is told; a cancelled one brings them back once.
    let (mesh, acme) = start().await;
    let product = new_id();
    receive(&acme, &product, "10", Some(333)).await.unwrap();
    let reservation = confirmed(&acme, &product).await;
    tell(&mesh, &acme, completed(&reservation)).await;
    tell(&mesh, &acme, completed(&reservation)).await;
    becomes(&acme, &reservation.id, State::Consumed).await;
    mesh.at_rest().await;
    assert_eq!(stock(&acme, &product).await, (8.into(), 0.into(), 8.into(), Some(2_664)));
    tell(&mesh, &acme, cancelled(&reservation)).await;
    tell(&mesh, &acme, cancelled(&reservation)).await;
    tell(&mesh, &acme, completed(&reservation)).await;
    becomes(&acme, &reservation.id, State::Returned).await;
    mesh.at_rest().await;
    assert_eq!(stock(&acme, &product).await, (10.into(), 0.into(), 10.into(), Some(3_330)));
    assert_eq!(events(&mesh, "reservation.consumed").await, 1);
    assert_eq!(events(&mesh, "reservation.returned").await, 1);
    check_books(&mesh, "after the return").await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_of_orders_that_end_together_leave_together() {
    // Each order takes its own goods at its own worth; one whose reservation is unknown takes none and holds up nobody.
    let (mesh, acme) = start().await;
    let products = [new_id(), new_id()];
    for product in &products {
        receive(&acme, product, "100", Some(250)).await.unwrap();
    }
    let mut reservations = Vec::new();
    for number in 0..30 {
        reservations.push(confirmed(&acme, &products[number % 2]).await);
    }
    let unknown =
        OrderCompleted { order_id: new_id(), reservation_id: new_id(), ..OrderCompleted::default() };
    let events_told = reservations.iter().map(completed).chain([unknown]);
    futures::future::join_all(events_told.map(|event| tell(&mesh, &acme, event))).await;
    for reservation in &reservations {
        becomes(&acme, &reservation.id, State::Consumed).await;
    }
    for product in &products {
        assert_eq!(stock(&acme, product).await, (70.into(), 0.into(), 70.into(), Some(17_500)));
    }
    assert_eq!(events(&mesh, "reservation.consumed").await, 30);
    check_books(&mesh, "after thirty orders").await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_for_an_order_that_was_cancelled_first() {
    // The cancellation may overtake the completion: the goods must then stay, free for others.
    let (mesh, acme) = start().await;
    let product = new_id();
    receive(&acme, &product, "10", Some(100)).await.unwrap();
    let reservation = confirmed(&acme, &product).await;
    tell(&mesh, &acme, cancelled(&reservation)).await;
    tell(&mesh, &acme, completed(&reservation)).await;
    mesh.at_rest().await;
    assert_eq!(act(&acme, Act::Get, &reservation.id).await.unwrap().state(), State::Released);
    assert_eq!(stock(&acme, &product).await, (10.into(), 0.into(), 10.into(), Some(1_000)));
    check_books(&mesh, "after a cancellation").await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_without_goods_is_no_trouble() {
    // It may have failed before it had any, or be known by the order only.
    let (mesh, acme) = start().await;
    let product = new_id();
    receive(&acme, &product, "10", None).await.unwrap();
    tell(&mesh, &acme, OrderCancelled { order_id: new_id(), ..OrderCancelled::default() }).await;
    let held = reserve(&acme, &new_id(), &[(&product, "2")]).await.unwrap();
    tell(&mesh, &acme, OrderCancelled { order_id: held.source_id.clone(), ..OrderCancelled::default() })
        .await;
    becomes(&acme, &held.id, State::Released).await;
    check_books(&mesh, "after cancellations").await;
    mesh.stop().await;
}
