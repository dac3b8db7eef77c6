//! What became of a request without an answer is asked, and nothing is charged twice for it.

use contracts::payments::v1::{
    PaymentIntent, PaymentIntentState as State, PaymentTransaction, PaymentTransactionKind,
    PaymentTransactionState, PaymentsReason,
};
use kit::{Duration, Uuid};
use store::column::timestamp;
use store::{Caller, Cx, Meta};
use testkit::{Mesh, Party, eventually, request_id};

use crate::world::{Act, act, asked, authorize, eur, minor, start, told};

/// Waits until an intent is in a state, while the job asks.
async fn becomes(party: &Party, id: &str, state: State) -> PaymentIntent {
    eventually("the state", || async {
        let intent = act(party, Act::Get, id).await.unwrap();
        (intent.state() == state).then_some(intent)
    })
    .await
}

#[tokio::test]
async fn silence_is_neither_yes_nor_no() {
    // Nothing is done on top of what is in doubt; the job asks, and the intent ends as what the provider did.
    let (mesh, acme) = start().await;
    for (method, end) in [("card_timeout", State::Authorized), ("card_timeout_declined", State::Failed)] {
        let intent = authorize(&acme, &request_id(), 1_000, method).await.unwrap();
        assert_eq!((intent.state(), minor(intent.authorized.as_ref())), (State::Unknown, 0), "{method}");
        mesh.advance(Duration::seconds(2));
        becomes(&acme, &intent.id, end).await;
    }
    assert_eq!(asked(&mesh).await.len(), 2, "each was asked for once");
    let told = told(&mesh).await;
    assert_eq!(told.iter().filter(|one| *one == "payment.unknown").count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|one| *one == "payment.authorized").count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|one| *one == "payment.failed").count(), 1, "{told:?}");
    mesh.stop().await;
}

#[tokio::test]
async fn what_is_in_doubt_is_asked_for_before_more_is_wished() {
    // A capture on top of a silent authorization first finds out what became of that one.
    let (mesh, acme) = start().await;
    let id = authorize(&acme, &request_id(), 1_000, "card_timeout").await.unwrap().id;
    // The capture itself is met with silence, too; asked once more it is known.
    let error = act(&acme, Act::Capture(None), &id).await.unwrap_err();
    assert!(error.is(PaymentsReason::OutcomeUnknown), "{error}");
    let intent = act(&acme, Act::Sync, &id).await.unwrap();
    assert_eq!((intent.state(), minor(intent.captured.as_ref())), (State::Captured, 1_000));
    assert_eq!(asked(&mesh).await.len(), 2, "one authorization and one capture");
    mesh.stop().await;
}

#[tokio::test]
async fn what_a_dead_process_left_is_finished_by_the_job() {
    // It died right after it had written down what it was about to ask: the provider never heard of it, and is asked
    // now, once, though a caller and the job come by.
    let (mesh, acme) = start().await;
    let intent = left_behind(&mesh, &acme, 750).await;
    assert_eq!(act(&acme, Act::Get, &intent.id).await.unwrap().state(), State::Processing);
    mesh.advance(Duration::seconds(61));
    let acme = mesh.sign_in(&acme).await;
    let settled = becomes(&acme, &intent.id, State::Authorized).await;
    assert_eq!(minor(settled.authorized.as_ref()), 750);
    assert_eq!(act(&acme, Act::Sync, &intent.id).await.unwrap(), settled);
    assert_eq!(asked(&mesh).await, [format!("{}:authorize", intent.id)]);
    assert_eq!(told(&mesh).await, ["payment.authorized"]);
    mesh.stop().await;
}

#[tokio::test]
async fn a_retry_finishes_what_a_dead_process_left() {
    // The order's saga asks again long before the job does.
    let (mesh, acme) = start().await;
    let left = left_behind(&mesh, &acme, 750).await;
    let intent = authorize(&acme, &left.source_id, 750, "card_ok").await.unwrap();
    assert_eq!((intent.id.as_str(), intent.state()), (left.id.as_str(), State::Authorized));
    assert_eq!(asked(&mesh).await.len(), 1);
    mesh.stop().await;
}

/// An intent as a process leaves it that dies before it asks the provider.
async fn left_behind(mesh: &Mesh, party: &Party, amount: i64) -> PaymentIntent {
    let tenant = Uuid::parse_str(party.tenant_id()).unwrap();
    let caller = Caller::service("payments", Some(tenant));
    let mut cx = Cx::new(mesh.env("payments").clone(), caller, Meta::default());
    let id = cx.new_id();
    let authorization = PaymentTransaction {
        kind: PaymentTransactionKind::Authorize.into(),
        state: PaymentTransactionState::Pending.into(),
        amount: Some(eur(amount)),
        time: Some(timestamp(cx.now())),
        idempotency_key: format!("{id}:authorize"),
        failure_code: String::new(),
    };
    let intent = PaymentIntent {
        id,
        source_id: request_id(),
        amount: Some(eur(amount)),
        state: State::Processing.into(),
        provider: "simulator".to_owned(),
        payment_method: "card_ok".to_owned(),
        transactions: vec![authorization],
        ..PaymentIntent::default()
    };
    let intent = cx.insert(intent).await.unwrap();
    cx.enqueue("sync_payment", &intent.id, cx.now() + Duration::seconds(60));
    cx.checkpoint().await.unwrap();
    intent
}
