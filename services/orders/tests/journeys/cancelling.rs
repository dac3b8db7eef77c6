//! Orders that somebody cancels, at every stage.

use contracts::finance::v1::{InvoiceKind, InvoicePosted};
use contracts::inventory::v1::ReservationState;
use contracts::orders::v1::{
    CancelOrderRequest, OrderState, OrdersReason, SagaKind, SagaState, SagaStepName,
};
use contracts::payments::v1::PaymentIntentState;
use kit::{Decimal, Error};
use store::{Caller, Cx, Meta};

use crate::shop::{Shop, cents, step};

/// Nothing is left of a cancelled order that was paid before.
async fn check_undone(shop: &Shop, order_id: &str, product: &str, on_hand: i64) {
    let order = shop.settled(order_id).await;
    assert_eq!(order.state(), OrderState::Cancelled);
    assert_eq!(order.cancel_reason, "changed my mind");
    let intents = shop.intents(order_id).await;
    assert_eq!((intents.len(), intents[0].state()), (1, PaymentIntentState::Refunded));
    assert_eq!(intents[0].captured, intents[0].refunded);
    let mut invoices = shop.invoices(order_id).await;
    invoices.sort_by_key(|invoice| invoice.kind);
    assert_eq!(
        invoices.iter().map(|one| one.kind()).collect::<Vec<_>>(),
        [InvoiceKind::Invoice, InvoiceKind::CreditNote]
    );
    assert_eq!(order.credit_note_id.as_ref(), Some(&invoices[1].id));
    assert!(invoices.iter().all(|invoice| cents(invoice.residual.as_ref()) == 0));
    assert_eq!(shop.level(product).await, (Decimal::from(on_hand), Decimal::ZERO));
    shop.check_ledger().await;
    let sagas = shop.sagas(order_id).await;
    assert_eq!(
        sagas.iter().map(|saga| saga.kind()).collect::<Vec<_>>(),
        [SagaKind::PlaceOrder, SagaKind::CancelOrder]
    );
    assert!(sagas.iter().all(|saga| saga.state() == SagaState::Succeeded), "{sagas:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_order_is_undone_by_a_saga_of_its_own() {
    // Money, goods and books go back to what they were, once, however often it is asked for.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let order = shop.buy(&tea, "2", "card_ok").await;
    assert_eq!(order.state(), OrderState::Completed);
    assert_eq!(shop.cancel(&order.id).await.state(), OrderState::Cancelling);
    shop.cancel(&order.id).await;
    shop.order_in(&order.id, OrderState::Cancelled).await;
    check_undone(&shop, &order.id, &tea, 5).await;
    assert_eq!(shop.reservations(&order.id).await[0].state(), ReservationState::Returned);
    assert_eq!(shop.cancel(&order.id).await.state(), OrderState::Cancelled);
    let failed = shop.buy(&tea, "1", "card_declined").await;
    let request = CancelOrderRequest { id: failed.id, ..CancelOrderRequest::default() };
    let error = Error::from(shop.orders().cancel_order(request).await.unwrap_err());
    assert!(error.is(OrdersReason::OrderState), "{error}");
    assert_eq!(error.metadata()["state"], "FAILED");
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_while_its_payment_is_sought() {
    // The authorization whose answer came too late is found again and given back.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let blocked = shop.block("payments", "payment_intents").await;
    let order = shop.place(shop.request(&tea, "2", "card_ok")).await;
    shop.order_in(&order.id, OrderState::AwaitingPayment).await;
    assert_eq!(shop.cancel(&order.id).await.state(), OrderState::Cancelling);
    blocked.release().await;
    let order = shop.settled(&order.id).await;
    assert_eq!(order.state(), OrderState::Cancelled);
    let intents = shop.intents(&order.id).await;
    assert!(intents.iter().all(|intent| intent.state() == PaymentIntentState::Voided), "{intents:?}");
    assert_eq!(shop.reservations(&order.id).await[0].state(), ReservationState::Released);
    assert_eq!(shop.level(&tea).await, (Decimal::from(5), Decimal::ZERO));
    let saga = shop.sagas(&order.id).await.swap_remove(0);
    assert_eq!((saga.state(), saga.failure_reason.as_str()), (SagaState::Compensated, "CANCELLED_BY_CALLER"));
    assert!(step(&saga, SagaStepName::AuthorizePayment).attempts.iter().any(|attempt| attempt.compensating));
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_while_its_capture_is_under_way() {
    // Whether the money was taken is found out; as it was, the order goes on and is undone by its second saga.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let authorizing = shop.block("payments", "payment_intents").await;
    let order = shop.place(shop.request(&tea, "2", "card_ok")).await;
    shop.order_in(&order.id, OrderState::AwaitingPayment).await;
    let confirming = shop.block("inventory", "reservations").await;
    authorizing.release().await;
    shop.saga_at(&order.id, SagaStepName::ConfirmReservation).await;
    let capturing = shop.block("payments", "simulator_requests").await;
    confirming.release().await;
    shop.saga_at(&order.id, SagaStepName::CapturePayment).await;
    assert_eq!(shop.cancel(&order.id).await.state(), OrderState::Cancelling);
    assert_eq!(shop.sagas(&order.id).await[0].state(), SagaState::Compensating);
    capturing.release().await;
    shop.order_in(&order.id, OrderState::Cancelled).await;
    check_undone(&shop, &order.id, &tea, 5).await;
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_while_it_waits_for_its_invoice() {
    // Past the pivot the order is completed first and undone then, so that the books show both.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let blocked = shop.block("finance", "invoices").await;
    let order = shop.place(shop.request(&tea, "2", "card_ok")).await;
    shop.saga_at(&order.id, SagaStepName::PostInvoice).await;
    assert_eq!(shop.cancel(&order.id).await.state(), OrderState::Cancelling);
    blocked.release().await;
    shop.order_in(&order.id, OrderState::Cancelled).await;
    check_undone(&shop, &order.id, &tea, 5).await;
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_comes_twice_changes_nothing() {
    // A log may tell an old event again, long after the order has gone on.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let order = shop.buy(&tea, "1", "card_ok").await;
    let caller = Caller::service("finance", Some(kit::Uuid::parse_str(shop.acme.tenant_id()).unwrap()));
    let mut cx = Cx::new(shop.mesh.env("finance").clone(), caller, Meta::default());
    for order_id in [order.id.clone(), order.id.clone(), testkit::request_id(), String::new()] {
        let invoice_id = testkit::request_id();
        cx.emit(InvoicePosted { invoice_id, order_id, number: "X".to_owned(), ..InvoicePosted::default() })
            .unwrap();
    }
    cx.checkpoint().await.unwrap();
    shop.mesh.at_rest().await;
    assert_eq!(shop.order(&order.id).await, order);
    shop.mesh.stop().await;
}
