//! Setting money aside: once for each source, whoever asks how often.

use contracts::payments::v1::{PaymentIntentState as State, PaymentsReason};
use futures::future::join_all;
use kit::Code;
use testkit::request_id;

use crate::world::{Act, act, asked, authorize, minor, start, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_source_is_charged_once_however_many_ask_at_once() {
    // Impatient callers overlap: all get the same intent, and the provider hears of it once.
    let (mesh, acme) = start().await;
    let source = request_id();
    let answers = join_all((0..20).map(|_| authorize(&acme, &source, 1_999, "card_ok"))).await;
    let intents: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(intents.iter().all(|intent| intent.id == intents[0].id), "{intents:#?}");
    let intent = act(&acme, Act::Get, &intents[0].id).await.unwrap();
    assert_eq!((intent.state(), minor(intent.authorized.as_ref())), (State::Authorized, 1_999));
    assert_eq!(asked(&mesh).await.len(), 1);
    assert_eq!(told(&mesh).await, ["payment.authorized"]);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sources_at_once_each_have_their_own() {
    // Calls that come together share transactions; one that fails must not take others with it.
    let (mesh, acme) = start().await;
    let methods = ["card_ok", "card_declined", "card_ok", "card_insufficient_funds"];
    let calls = (0..40).map(|number| {
        let (acme, method) = (acme.clone(), methods[number % methods.len()]);
        tokio::spawn(async move { (method, authorize(&acme, &request_id(), 100, method).await.unwrap()) })
    });
    for answer in join_all(calls).await {
        let (method, intent) = answer.unwrap();
        let expected = if method == "card_ok" { State::Authorized } else { State::Failed };
        assert_eq!(intent.state(), expected, "{method}");
        assert_eq!(act(&acme, Act::Get, &intent.id).await.unwrap(), intent);
    }
    assert_eq!(asked(&mesh).await.len(), 40);
    mesh.stop().await;
}

#[tokio::test]
async fn a_source_keeps_its_amount_and_method() {
    // An order that asks again for something else has a bug, and must not get an answer that fits its first question.
    let (mesh, acme) = start().await;
    let source = request_id();
    let intent = authorize(&acme, &source, 500, "card_ok").await.unwrap();
    for (amount, method) in [(501, "card_ok"), (500, "card_declined")] {
        let error = authorize(&acme, &source, amount, method).await.unwrap_err();
        assert!(error.is(PaymentsReason::SourceTaken), "{error}");
        assert_eq!(error.metadata()["payment_intent_id"], intent.id);
    }
    assert_eq!(authorize(&acme, &source, 500, "card_ok").await.unwrap(), intent);
    mesh.stop().await;
}

#[tokio::test]
async fn what_is_no_amount_is_refused() {
    // The field is named, and nothing is kept.
    let (mesh, acme) = start().await;
    for amount in [0, -1] {
        let error = authorize(&acme, &request_id(), amount, "card_ok").await.unwrap_err();
        assert_eq!(error.violations()[0].field, "amount", "{error}");
    }
    assert!(asked(&mesh).await.is_empty());
    mesh.stop().await;
}

#[tokio::test]
async fn nobody_else_has_anything_to_do_with_an_intent() {
    // Another tenant does not find it, under any verb; a user without the permission may not ask.
    let (mesh, acme) = start().await;
    let rival = mesh.sign_up("rival").await;
    let intent = authorize(&acme, &request_id(), 500, "card_ok").await.unwrap();
    let reader = acme.user_with(&["payments.payment-intents.read"]).await;
    for verb in [Act::Capture(None), Act::Void, Act::Refund(None), Act::Sync] {
        let error = act(&rival, verb, &intent.id).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound, "{verb:?}: {error}");
        let error = act(&reader, verb, &intent.id).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{verb:?}: {error}");
    }
    assert_eq!(act(&acme, Act::Get, &intent.id).await.unwrap(), intent);
    mesh.stop().await;
}
