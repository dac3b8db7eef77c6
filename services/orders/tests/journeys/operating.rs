//! Sagas that need a person.

use contracts::orders::v1::saga_service_client::SagaServiceClient;
use contracts::orders::v1::{
    AbortSagaRequest, ListSagasRequest, OrderState, OrdersReason, RetrySagaRequest, Saga, SagaState,
    SagaStepName,
};
use kit::{Decimal, Duration, Error};
use tonic::Status;

use crate::shop::{Shop, step};

async fn retry(shop: &Shop, id: &str) -> Result<Saga, Status> {
    let request = RetrySagaRequest { id: id.to_owned(), ..RetrySagaRequest::default() };
    Ok(shop.acme.client(SagaServiceClient::new).retry_saga(request).await?.into_inner())
}

async fn abort(shop: &Shop, id: &str) -> Result<Saga, Status> {
    let request = AbortSagaRequest { id: id.to_owned(), reason: "no way".to_owned(), ..Default::default() };
    Ok(shop.acme.client(SagaServiceClient::new).abort_saga(request).await?.into_inner())
}

/// Turns the clock until the saga's pauses are over and it is stuck.
async fn stuck(shop: &Shop, order_id: &str) -> Saga {
    testkit::eventually("the saga to be stuck", || async {
        shop.mesh.advance(Duration::seconds(1));
        let saga = shop.sagas(order_id).await.swap_remove(0);
        (saga.state() == SagaState::Stuck).then_some(saga)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_saga_goes_on_when_it_is_retried_and_back_when_it_is_aborted() {
    // A peer that stays broken stops the saga, visibly; a person decides what becomes of the order.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    shop.rename("payments", "payment_intents", "gone").await;
    let first = shop.place(shop.request(&tea, "2", "card_ok")).await;
    let saga = stuck(&shop, &first.id).await;
    assert_eq!(saga.current_step(), SagaStepName::AuthorizePayment);
    assert!(!saga.failure_reason.is_empty() && saga.next_attempt_time.is_some());
    assert!(step(&saga, SagaStepName::AuthorizePayment).attempt_count >= 8);
    let second = shop.place(shop.request(&tea, "1", "card_ok")).await;
    let other = stuck(&shop, &second.id).await;
    let request = ListSagasRequest { filter: "state = STUCK".to_owned(), ..ListSagasRequest::default() };
    let found = shop.acme.client(SagaServiceClient::new).list_sagas(request).await.unwrap().into_inner();
    assert_eq!(found.sagas.len(), 2);

    shop.rename("payments", "gone", "payment_intents").await;
    assert_eq!(retry(&shop, &saga.id).await.unwrap().state(), SagaState::Running);
    assert_eq!(abort(&shop, &other.id).await.unwrap().state(), SagaState::Compensating);
    assert_eq!(shop.settled(&first.id).await.state(), OrderState::Completed);
    let failed = shop.settled(&second.id).await;
    assert_eq!((failed.state(), failed.failure_reason.as_str()), (OrderState::Failed, "CANCELLED_BY_CALLER"));
    assert_eq!(failed.failure_message, "no way");
    assert_eq!(shop.level(&tea).await, (Decimal::from(3), Decimal::ZERO));
    for id in [&saga.id, &other.id] {
        assert!(Error::from(retry(&shop, id).await.unwrap_err()).is(OrdersReason::SagaState));
        assert!(Error::from(abort(&shop, id).await.unwrap_err()).is(OrdersReason::SagaState));
    }
    shop.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_is_not_aborted_and_its_invoice_can_be_asked_for_again() {
    // Past the pivot there is only the way forward, and an event that got lost can be made good.
    let shop = Shop::open().await;
    let tea = shop.product("TEA", 100, 5).await;
    let blocked = shop.block("finance", "order_cases").await;
    let order = shop.place(shop.request(&tea, "2", "card_ok")).await;
    let saga = shop.saga_at(&order.id, SagaStepName::PostInvoice).await;
    let error = Error::from(abort(&shop, &saga.id).await.unwrap_err());
    assert!(error.is(OrdersReason::SagaPastPivot), "{error}");
    assert_eq!(retry(&shop, &saga.id).await.unwrap().state(), SagaState::Running);
    testkit::eventually("the second try", || async {
        let saga = shop.sagas(&order.id).await.swap_remove(0);
        (step(&saga, SagaStepName::PostInvoice).attempt_count == 2).then_some(())
    })
    .await;
    blocked.release().await;
    assert_eq!(shop.settled(&order.id).await.state(), OrderState::Completed);
    assert_eq!(shop.invoices(&order.id).await.len(), 1);
    shop.check_ledger().await;
    shop.mesh.stop().await;
}
