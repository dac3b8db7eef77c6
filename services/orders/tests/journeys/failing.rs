//! Orders that can't go through, and payments that don't say what became of them.

use contracts::catalog::v1::DeactivateProductRequest;
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::inventory::v1::ReservationState;
use contracts::orders::v1::{
    Order, OrderState, PlaceOrderRequest, SagaState, SagaStepName as Name, SagaStepState as StepState,
};
use contracts::payments::v1::{PaymentIntentState, PaymentTransactionKind};
use kit::{Decimal, Duration};
use store::{Caller, Cx, Meta};

use crate::shop::{Shop, eur, step};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_through_fails_and_leaves_nothing() {
    // Whatever the reason, the customer is told it, and no goods are held and no money is taken.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let gone = shop.product("GONE", 100, 5).await;
    let request = DeactivateProductRequest { id: gone.clone(), ..DeactivateProductRequest::default() };
    shop.acme.client(ProductServiceClient::new).deactivate_product(request).await.unwrap();
    let free = shop.product("FREE", 0, 5).await;
    let unknown = testkit::request_id();
    let cases = [
        (shop.request(&tea, "6", "card_ok"), "STOCK_SHORT"),
        (shop.request(&tea, "1", "card_declined"), "PAYMENT_DECLINED"),
        (shop.request(&tea, "1", "card_insufficient_funds"), "PAYMENT_DECLINED"),
        (shop.request(&tea, "1", "card_timeout_declined"), "PAYMENT_DECLINED"),
        (shop.request(&tea, "1", "card_capture_declined"), "PAYMENT_DECLINED"),
        (shop.request(&gone, "1", "card_ok"), "PRODUCT_INACTIVE"),
        (shop.request(&unknown, "1", "card_ok"), "PRODUCT_UNKNOWN"),
        (shop.request(&free, "1", "card_ok"), "TOTAL_ZERO"),
        (with_price(shop.request(&gone, "1", "card_ok")), "PRODUCT_INACTIVE"),
        (with_price(shop.request(&unknown, "1", "card_ok")), "PRODUCT_UNKNOWN"),
        (in_dollars(shop.request(&tea, "1", "card_ok")), "CURRENCY_MISMATCH"),
    ];
    for (request, reason) in cases {
        let order = shop.place(request.clone()).await;
        let order = shop.settled(&order.id).await;
        assert_eq!(
            (order.state(), order.failure_reason.as_str()),
            (OrderState::Failed, reason),
            "{request:?}"
        );
        assert!(!order.failure_message.is_empty());
        assert_eq!(shop.sagas(&order.id).await[0].state(), SagaState::Compensated);
        for reservation in shop.reservations(&order.id).await {
            assert_eq!(reservation.state(), ReservationState::Released);
        }
        for intent in shop.intents(&order.id).await {
            use PaymentIntentState::{Failed, Voided};
            assert!(matches!(intent.state(), Failed | Voided) && intent.captured.is_none(), "{intent:?}");
        }
        assert!(shop.invoices(&order.id).await.is_empty());
    }
    assert_eq!(shop.level(&tea).await, (Decimal::from(5), Decimal::ZERO));
    let short = shop.buy(&tea, "6", "card_ok").await;
    assert_eq!(short.failure_message, "too little is in stock: TEA 6 wanted, 5 available");
    shop.mesh.stop().await;
}

fn with_price(mut request: PlaceOrderRequest) -> PlaceOrderRequest {
    request.lines[0].unit_price = eur(100);
    request
}

fn in_dollars(request: PlaceOrderRequest) -> PlaceOrderRequest {
    PlaceOrderRequest { currency_code: "USD".to_owned(), ..request }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_payment_is_found_out_and_charged_once() {
    // A provider that doesn't answer has done it all the same: asked about it, never charged again.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let order = shop.buy(&tea, "2", "card_timeout").await;
    assert_eq!(order.state(), OrderState::Completed, "{order:?}");
    let intents = shop.intents(&order.id).await;
    assert_eq!(intents.len(), 1);
    for kind in [PaymentTransactionKind::Authorize, PaymentTransactionKind::Capture] {
        assert_eq!(intents[0].transactions.iter().filter(|one| one.kind() == kind).count(), 1);
    }
    let saga = shop.sagas(&order.id).await.swap_remove(0);
    let authorize = step(&saga, Name::AuthorizePayment);
    assert_eq!(authorize.attempts[0].error_reason, "OUTCOME_UNKNOWN");
    assert_eq!(authorize.attempts.last().unwrap().error_reason, "");
    assert_eq!(authorize.result_id.as_ref(), Some(&intents[0].id));
    shop.check_ledger().await;
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_whose_hold_ran_out_are_not_paid_for() {
    // When the payment's outcome comes after the goods are free again, the money is given back.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let blocked = shop.block("payments", "payment_intents").await;
    let order = shop.place(shop.request(&tea, "2", "card_ok")).await;
    shop.order_in(&order.id, OrderState::AwaitingPayment).await;
    // Tokens are old from here on, so that rows are read as the services do.
    shop.mesh.advance(Duration::hours(2));
    let caller = || Caller::service("orders", Some(kit::Uuid::parse_str(shop.acme.tenant_id()).unwrap()));
    let cx = |service: &str| Cx::new(shop.mesh.env(service).clone(), caller(), Meta::default());
    testkit::eventually("the hold to run out", || async {
        let mut cx = cx("inventory");
        let query = sqlx::query_as::<_, (i32,)>("select state from reservations");
        let (state,) = cx.row(query).await.unwrap()?;
        (state == i32::from(ReservationState::Expired)).then_some(())
    })
    .await;
    blocked.release().await;
    let order = testkit::eventually("the order's end", || async {
        let order: Order = cx("orders").get(&order.id).await.unwrap();
        (order.state() == OrderState::Failed).then_some(order)
    })
    .await;
    assert_eq!(order.failure_reason, "RESERVATION_LOST");
    let query = sqlx::query_as::<_, (i32,)>("select state from payment_intents");
    let (state,) = cx("payments").row(query).await.unwrap().unwrap();
    assert_eq!(state, i32::from(PaymentIntentState::Voided));
    let query = sqlx::query_as::<_, (kit::Uuid,)>("select id from sagas");
    let (id,) = cx("orders").row(query).await.unwrap().unwrap();
    let saga: contracts::orders::v1::Saga = cx("orders").get(&id.to_string()).await.unwrap();
    assert_eq!(step(&saga, Name::ConfirmReservation).state(), StepState::Failed);
    shop.mesh.stop().await;
}
