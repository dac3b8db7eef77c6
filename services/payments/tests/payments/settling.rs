//! Taking money and giving it back: never more than there is, whoever asks at the same time.

use contracts::payments::v1::{PaymentIntentState as State, PaymentsReason};
use futures::future::join_all;
use testkit::request_id;

use crate::world::{Act, act, act_as, asked, authorize, minor, start, told};

#[tokio::test]
async fn money_goes_out_in_parts_and_comes_back_in_parts() {
    // The amounts of the intent are the sums of what was done, and each is told once.
    let (mesh, acme) = start().await;
    let id = authorize(&acme, &request_id(), 1_000, "card_ok").await.unwrap().id;
    let captured = act(&acme, Act::Capture(Some(700)), &id).await.unwrap();
    assert_eq!((captured.state(), minor(captured.captured.as_ref())), (State::Captured, 700));
    let refused = act(&acme, Act::Refund(Some(701)), &id).await.unwrap_err();
    assert!(refused.is(PaymentsReason::AmountTooLarge), "{refused}");
    let part = act(&acme, Act::Refund(Some(200)), &id).await.unwrap();
    assert_eq!((part.state(), minor(part.refunded.as_ref())), (State::PartiallyRefunded, 200));
    let all = act(&acme, Act::Refund(None), &id).await.unwrap();
    assert_eq!((all.state(), minor(all.refunded.as_ref())), (State::Refunded, 700));
    assert_eq!(
        told(&mesh).await,
        ["payment.authorized", "payment.captured", "payment.refunded", "payment.refunded"]
    );
    assert_eq!(act(&acme, Act::Get, &id).await.unwrap(), all);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn captures_at_the_same_time_take_the_money_once() {
    // Each is a wish of its own; one is fulfilled and the others hear that there is nothing left.
    let (mesh, acme) = start().await;
    let id = authorize(&acme, &request_id(), 1_000, "card_ok").await.unwrap().id;
    let calls = (0..8).map(|_| {
        let (acme, id) = (acme.clone(), id.clone());
        tokio::spawn(async move { act_as(&acme, Act::Capture(Some(600)), &id, &request_id()).await })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:#?}");
    for error in answers.into_iter().filter_map(Result::err) {
        assert!(error.is(PaymentsReason::WrongState), "{error}");
    }
    let intent = act(&acme, Act::Get, &id).await.unwrap();
    assert_eq!((intent.state(), minor(intent.captured.as_ref())), (State::Captured, 600));
    assert_eq!(asked(&mesh).await.len(), 2, "one authorization and one capture");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refunds_at_the_same_time_never_exceed_what_was_captured() {
    // Ten ask for three tenths each: three get them.
    let (mesh, acme) = start().await;
    let id = authorize(&acme, &request_id(), 1_000, "card_ok").await.unwrap().id;
    act(&acme, Act::Capture(None), &id).await.unwrap();
    let calls = (0..10).map(|_| {
        let (acme, id) = (acme.clone(), id.clone());
        tokio::spawn(async move { act_as(&acme, Act::Refund(Some(300)), &id, &request_id()).await })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:#?}");
    for error in answers.into_iter().filter_map(Result::err) {
        assert!(error.is(PaymentsReason::AmountTooLarge), "{error}");
    }
    let intent = act(&acme, Act::Get, &id).await.unwrap();
    assert_eq!((intent.state(), minor(intent.refunded.as_ref())), (State::PartiallyRefunded, 900));
    assert_eq!(asked(&mesh).await.iter().filter(|key| key.contains(":refund:")).count(), 3);
    mesh.stop().await;
}

#[tokio::test]
async fn a_request_sent_again_gets_its_first_answer() {
    // Also after the intent has gone on.
    let (mesh, acme) = start().await;
    let id = authorize(&acme, &request_id(), 1_000, "card_ok").await.unwrap().id;
    let request = request_id();
    let first = act_as(&acme, Act::Capture(Some(400)), &id, &request).await.unwrap();
    act(&acme, Act::Refund(Some(100)), &id).await.unwrap();
    assert_eq!(act_as(&acme, Act::Capture(Some(400)), &id, &request).await.unwrap(), first);
    assert_eq!(minor(act(&acme, Act::Get, &id).await.unwrap().captured.as_ref()), 400);
    mesh.stop().await;
}

#[tokio::test]
async fn a_declined_capture_leaves_the_money_set_aside() {
    // Its caller is told why, by name; then the authorization can be given back, twice without harm.
    let (mesh, acme) = start().await;
    let id = authorize(&acme, &request_id(), 1_000, "card_capture_declined").await.unwrap().id;
    let error = act(&acme, Act::Capture(None), &id).await.unwrap_err();
    assert!(error.is(PaymentsReason::Declined), "{error}");
    assert_eq!(error.metadata()["failure_code"], "card_declined");
    assert_eq!(act(&acme, Act::Get, &id).await.unwrap().state(), State::Authorized);
    for _ in 0..2 {
        assert_eq!(act(&acme, Act::Void, &id).await.unwrap().state(), State::Voided);
    }
    assert_eq!(told(&mesh).await, ["payment.authorized", "payment.voided"]);
    mesh.stop().await;
}
