//! Taking orders, and the way of those that go well.

use std::collections::HashSet;

use contracts::inventory::v1::ReservationState;
use contracts::orders::v1::{OrderState, OrdersReason, PlaceOrderLine, SagaState, SagaStepState};
use contracts::payments::v1::PaymentIntentState;
use futures::future::join_all;
use kit::{Code, Decimal, Error};

use crate::shop::{Shop, cents, eur, line, number};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_from_the_api_to_the_ledger() {
    // Prices, goods, money, invoice and timeline of an order must all tell the same story.
    travel(Shop::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_from_the_api_to_the_ledger_over_kafka() {
    // The same journey must end the same when its events go through a real broker.
    let Ok(brokers) = std::env::var("TESSERA_TEST_KAFKA") else {
        skip::skipped("TESSERA_TEST_KAFKA names no broker; run kafka/run.sh -- cargo test -p orders");
        return;
    };
    travel(Shop::open_with(testkit::Options { kafka: Some(brokers), ..Default::default() }).await).await;
}

async fn travel(shop: Shop) {
    let tea = shop.product("TEA", 999, 10).await;
    let cup = shop.product("CUP", 450, 5).await;
    let agreed = PlaceOrderLine { unit_price: eur(400), discount: number("0.15"), ..line(&cup, "3") };
    let request = shop.request(&tea, "2.5", "card_ok");
    let lines = vec![line(&tea, "2.5"), agreed];
    let order =
        shop.place(contracts::orders::v1::PlaceOrderRequest { lines, freight: eur(590), ..request }).await;
    assert_eq!((order.number.as_str(), order.total.as_ref()), ("SO-000001", None));
    let order = shop.settled(&order.id).await;
    assert_eq!(order.state(), OrderState::Completed, "{order:?}");
    let nets: Vec<i64> = order.lines.iter().map(|line| cents(line.net_amount.as_ref())).collect();
    assert_eq!(nets, [2_498, 1_020]);
    assert_eq!((cents(order.lines_total.as_ref()), cents(order.total.as_ref())), (3_518, 4_108));
    assert_eq!((order.lines[1].sku.as_str(), order.lines[1].name.as_str()), ("CUP", "Best CUP"));

    let intents = shop.intents(&order.id).await;
    assert_eq!(intents.len(), 1);
    assert_eq!(intents[0].state(), PaymentIntentState::Captured);
    assert_eq!(cents(intents[0].captured.as_ref()), 4_108);
    assert_eq!(shop.reservations(&order.id).await[0].state(), ReservationState::Consumed);
    assert_eq!(shop.level(&tea).await, (Decimal::new(75, 1), Decimal::ZERO));
    assert_eq!(shop.level(&cup).await, (Decimal::from(2), Decimal::ZERO));
    let invoices = shop.invoices(&order.id).await;
    assert_eq!(invoices.len(), 1);
    assert_eq!(cents(invoices[0].total.as_ref()), 4_108);
    assert_eq!(order.invoice_id.as_ref(), Some(&invoices[0].id));
    assert_eq!(order.invoice_number.as_ref(), Some(&invoices[0].number));
    shop.check_ledger().await;

    let sagas = shop.sagas(&order.id).await;
    assert_eq!((sagas.len(), sagas[0].state()), (1, SagaState::Succeeded));
    for step in &sagas[0].steps {
        assert_eq!((step.state(), step.attempt_count), (SagaStepState::Done, 1), "{step:?}");
        assert!(step.attempts[0].end_time.is_some() && step.attempts[0].error_reason.is_empty());
    }
    let second = shop.buy(&tea, "1", "card_ok").await;
    assert_eq!((second.number.as_str(), second.state()), ("SO-000002", OrderState::Completed));
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_sent_again_is_taken_once() {
    // Whoever gets no answer sends again; an import that is run again must double nothing.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 100).await;
    let mut request = shop.request(&tea, "1", "card_ok");
    request.request_id = testkit::request_id();
    let first = shop.place(request.clone()).await;
    assert_eq!(shop.place(request.clone()).await.id, first.id);
    request.external_reference = Some("NW-10248".to_owned());
    request.request_id = String::new();
    let placed = join_all((0..8).map(|_| shop.place(request.clone()))).await;
    assert!(placed.iter().all(|order| order.id == placed[0].id && order.id != first.id));
    let order = shop.settled(&placed[0].id).await;
    request.lines[0].quantity = number("1.000");
    let again = shop.place(request.clone()).await;
    assert_eq!((again.id.as_str(), again.state()), (order.id.as_str(), OrderState::Completed));
    request.lines[0].quantity = number("2");
    let error = Error::from(shop.orders().place_order(request).await.unwrap_err());
    assert_eq!(
        (error.code(), error.metadata()["order_id"].as_str()),
        (Code::AlreadyExists, order.id.as_str())
    );
    assert_eq!(error.violations()[0].field, "external_reference");
    shop.settled(&first.id).await;
    assert_eq!(shop.level(&tea).await.0, Decimal::from(98));
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_makes_no_sense_is_refused_at_once() {
    // The caller must be told which line is wrong, and nothing of it may be kept.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 1).await;
    let good = shop.request(&tea, "1", "card_ok");
    let mut bad = good.clone();
    bad.lines.push(line(&tea, "-1"));
    let error = Error::from(shop.orders().place_order(bad).await.unwrap_err());
    assert!(error.is(OrdersReason::QuantityNotPositive), "{error}");
    assert_eq!(error.violations()[0].field, "lines[1].quantity");
    let mut bad = good.clone();
    bad.freight = Some(contracts::google::r#type::Money { currency_code: "USD".into(), units: 1, nanos: 0 });
    let error = Error::from(shop.orders().place_order(bad).await.unwrap_err());
    assert!(error.is(OrdersReason::AmountInvalid), "{error}");
    assert_eq!(shop.place(good).await.number, "SO-000001");
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_come_together_have_a_number_each() {
    // Numbers are taken for many orders at once, and no two orders may have the same.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 40).await;
    let placed = join_all((0..40).map(|_| shop.place(shop.request(&tea, "1", "card_ok")))).await;
    let numbers: HashSet<String> = placed.iter().map(|order| order.number.clone()).collect();
    let last = placed.iter().map(|order| order.number.clone()).max().unwrap();
    assert_eq!((numbers.len(), last.len()), (40, "SO-000040".len()), "{numbers:?}");
    assert!(shop.place(shop.request(&tea, "1", "card_ok")).await.number > last);
    shop.mesh.stop().await;
}
