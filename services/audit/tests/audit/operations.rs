//! What operators see of services in other processes, through the one that answers for all.

use std::collections::BTreeMap;

use contracts::ops::v1::event_log_service_client::EventLogServiceClient;
use contracts::ops::v1::*;
use kit::{Code, Error, IdSource as _, UuidV7};
use serde_json::json;
use store::{Caller, Cx, Envelope, Meta};
use testkit::{Mesh, Options, Party, Transport};

use crate::world::publish;

/// The event log as somebody sees it who calls the gateway.
fn operations(party: &Party) -> EventLogServiceClient<Transport> {
    party.client(EventLogServiceClient::new)
}

/// Audit with identity, finance and inventory, as three processes.
async fn apart() -> Mesh {
    let processes = vec![vec![audit::service()], vec![finance::service()], vec![inventory::service()]];
    Mesh::start_apart(processes, Options::default()).await
}

/// Tells of the end of an order in words that none of the three can read. Returns the event's id.
async fn tell_what_nobody_reads(mesh: &Mesh, party: &Party) -> String {
    let event_id = UuidV7.new_id();
    let envelope = Envelope {
        event_id,
        event_type: "order.cancelled".to_owned(),
        version: "v1".to_owned(),
        timestamp: mesh.env("audit").clock().now(),
        tenant_id: kit::Uuid::parse_str(party.tenant_id()).unwrap(),
        source: "orders".to_owned(),
        data: json!({"orderId": 5}),
        metadata: store::Metadata::default(),
    };
    publish(mesh, "orders.orders", &envelope).await;
    event_id.to_string()
}

/// Consumer and event of each letter, over all pages of this size.
async fn letters(party: &Party, consumer: &str, page_size: i32) -> Vec<DeadLetter> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListDeadLettersRequest { page_size, consumer: consumer.to_owned(), page_token };
        let page = operations(party).list_dead_letters(request).await.unwrap().into_inner();
        assert!(page.dead_letters.len() <= usize::try_from(page_size).unwrap());
        all.extend(page.dead_letters);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

fn named(letters: &[DeadLetter]) -> Vec<(&str, &str)> {
    letters.iter().map(|letter| (letter.consumer.as_str(), letter.event_id.as_str())).collect()
}

/// Where the letters of an event lie in the log, by consumer: further on after each replay that failed.
async fn places(mesh: &Mesh, event_id: &str) -> BTreeMap<&'static str, i64> {
    let mut places = BTreeMap::new();
    for service in ["finance", "inventory"] {
        let query = "select log_offset from tessera.dead_letters where id = $1::uuid";
        let query = sqlx::query_scalar(query).bind(event_id);
        places.insert(service, query.fetch_one(&mut mesh.look_into(service).await).await.unwrap());
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_all_services_are_one_list() {
    // Newest first over all, each once and none left out, however the pages are cut; and only the own tenant's.
    let mesh = apart().await;
    let (acme, bolt) = (mesh.sign_up("acme").await, mesh.sign_up("bolt").await);
    for number in 1..=5 {
        tell_what_nobody_reads(&mesh, &acme).await;
        testkit::eventually("all give the event up", || async {
            (letters(&acme, "", 50).await.len() == 3 * number).then_some(())
        })
        .await;
    }
    tell_what_nobody_reads(&mesh, &bolt).await;
    mesh.at_rest().await;
    let whole = letters(&acme, "", 50).await;
    let times: Vec<_> = whole.iter().map(|letter| letter.create_time.unwrap()).collect();
    let time = |one: &prost_types::Timestamp| (one.seconds, one.nanos);
    assert!(times.is_sorted_by(|newer, older| time(newer) >= time(older)), "{times:?}");
    for page_size in [1, 2, 5, 7, 15] {
        assert_eq!(named(&letters(&acme, "", page_size).await), named(&whole), "{page_size}");
    }
    let of_finance: Vec<_> =
        named(&whole).into_iter().filter(|(consumer, _)| *consumer == "finance").collect();
    assert_eq!(of_finance.len(), 5);
    assert_eq!(named(&letters(&acme, "finance", 2).await), of_finance);
    assert!(letters(&acme, "nobody", 2).await.is_empty());
    assert_eq!(letters(&bolt, "", 50).await.len(), 3);

    let forged = ListDeadLettersRequest { page_token: "e30".to_owned(), ..Default::default() };
    let refused = Error::from(operations(&acme).list_dead_letters(forged).await.unwrap_err());
    assert_eq!(refused.violations()[0].field, "page_token");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_replayed_where_it_lies() {
    // Its consumer gets it once more, nobody else does, and who names none that is there learns so.
    let mesh = apart().await;
    let acme = mesh.sign_up("acme").await;
    let event_id = tell_what_nobody_reads(&mesh, &acme).await;
    testkit::eventually("all give the event up", || async {
        (letters(&acme, "", 50).await.len() == 3).then_some(())
    })
    .await;
    let before = places(&mesh, &event_id).await;
    let replay = |consumer: &str| ReplayDeadLetterRequest {
        event_id: event_id.clone(),
        consumer: consumer.to_owned(),
        request_id: testkit::request_id(),
    };
    let request = replay("finance");
    let first = operations(&acme).replay_dead_letter(request.clone()).await.unwrap().into_inner();
    assert!(first.replay_time.is_some());
    // It cannot be read this time either, and comes back from further on in the log.
    let after = testkit::eventually("finance gives the event up again", || async {
        let after = places(&mesh, &event_id).await;
        (after["finance"] > before["finance"]).then_some(after)
    })
    .await;
    assert_eq!(after["inventory"], before["inventory"]);
    assert_eq!(operations(&acme).replay_dead_letter(request).await.unwrap().into_inner(), first);
    mesh.at_rest().await;
    assert_eq!(places(&mesh, &event_id).await, after, "the same request replays once");

    let refused = operations(&acme).replay_dead_letter(replay("nobody")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    let unknown = ReplayDeadLetterRequest { event_id: testkit::request_id(), ..replay("finance") };
    assert_eq!(operations(&acme).replay_dead_letter(unknown).await.unwrap_err().code(), Code::NotFound);
    let reader = acme.user_with(&["ops.dead-letters.read"]).await;
    let refused = operations(&reader).replay_dead_letter(replay("finance")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outboxes_and_lag_are_told_of_all_services() {
    // Of each once; a service that asks is told of the process that it asks, so that nobody asks in circles.
    let mesh = apart().await;
    let acme = mesh.sign_up("acme").await;
    let outboxes = |answer: GetOutboxStatusResponse| {
        answer.outboxes.into_iter().map(|one| one.service).collect::<Vec<_>>()
    };
    for (service, expected) in [
        ("", vec!["audit", "finance", "identity", "inventory"]),
        ("finance", vec!["finance"]),
        ("identity", vec!["identity"]),
        ("nobody", vec![]),
    ] {
        let request = GetOutboxStatusRequest { service: service.to_owned() };
        let answer = operations(&acme).get_outbox_status(request).await.unwrap().into_inner();
        assert_eq!(outboxes(answer), expected, "{service}");
    }
    for (consumer, expected) in
        [("", vec!["audit", "finance", "inventory"]), ("inventory", vec!["inventory"])]
    {
        let request = GetConsumerLagRequest { consumer: consumer.to_owned() };
        let answer = operations(&acme).get_consumer_lag(request).await.unwrap().into_inner();
        let rows: Vec<_> = answer.lags.iter().map(|row| (row.consumer.clone(), row.topic.clone())).collect();
        assert!(rows.is_sorted_by(|one, next| one < next), "{rows:?}");
        let mut consumers: Vec<_> = rows.into_iter().map(|(consumer, _)| consumer).collect();
        consumers.dedup();
        assert_eq!(consumers, expected);
    }

    let tenant = kit::Uuid::parse_str(acme.tenant_id()).unwrap();
    let mut cx = Cx::new(mesh.env("audit").clone(), Caller::service("audit", Some(tenant)), Meta::default());
    let mut own = cx.peer(EventLogServiceClient::new).await.unwrap();
    let answer = own.get_outbox_status(GetOutboxStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(outboxes(answer), ["audit", "identity"]);
    let mut finance = cx.peer_named("finance", EventLogServiceClient::new).await.unwrap();
    let answer = finance.get_outbox_status(GetOutboxStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(outboxes(answer), ["finance"]);
    let refused = cx.peer_named("nobody", EventLogServiceClient::new).await.map(drop).unwrap_err();
    assert_eq!((refused.code(), refused.text()), (Code::Unavailable, "nobody does not answer"));
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_named() {
    // A list without its part would look whole. Whoever asks for another service does not need it.
    let peers = [("finance".to_owned(), "http://127.0.0.1:1".to_owned())].into();
    let mesh = Mesh::start_with(vec![audit::service()], Options { peers, ..Options::default() }).await;
    let acme = mesh.sign_up("acme").await;
    let mut client = operations(&acme);
    let letters = client.list_dead_letters(ListDeadLettersRequest::default()).await.map(drop);
    let lag = client.get_consumer_lag(GetConsumerLagRequest::default()).await.map(drop);
    let outboxes = client.get_outbox_status(GetOutboxStatusRequest::default()).await.map(drop);
    for refused in [letters, lag, outboxes] {
        let refused = Error::from(refused.unwrap_err());
        assert_eq!((refused.code(), refused.text()), (Code::Unavailable, "finance does not answer"));
    }
    let request = GetOutboxStatusRequest { service: "identity".to_owned() };
    assert_eq!(client.get_outbox_status(request).await.unwrap().into_inner().outboxes.len(), 1);
    let request = GetConsumerLagRequest { consumer: "audit".to_owned() };
    assert!(!client.get_consumer_lag(request).await.unwrap().into_inner().lags.is_empty());
    mesh.stop().await;
}
