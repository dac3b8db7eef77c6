//! What operators see of events that could not be handled, which is offered by no service of its own.

use contracts::ops::v1::event_log_service_client::EventLogServiceClient;
use contracts::ops::v1::{
    DeadLetter, GetConsumerLagRequest, ListDeadLettersRequest, ReplayDeadLetterRequest, TailEventsRequest,
};
use kit::{Code, IdSource as _};
use serde_json::json;
use testkit::Party;

use crate::pacts::tell_as;

/// The method that hands an event out again.
pub const REPLAY: &str = "/erp.ops.v1.EventLogService/ReplayDeadLetter";

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_and_replayed_by_their_tenant_alone() {
    // Whoever mends a consumer must find what it has missed and hand it out again, and nobody else may.
    let mesh = crate::mesh().await;
    let (acme, rival) = (mesh.sign_up("acme").await, mesh.sign_up("rival").await);
    let ids = [(); 3].map(|()| kit::UuidV7.new_id());
    for id in ids {
        tell_as(&mesh, "orders", &acme, "order.completed", json!({"orderId": 7}), id).await;
    }
    mesh.at_rest().await;
    let found = letters(&acme).await;
    let mut events: Vec<String> = found.iter().map(|letter| letter.event.clone().unwrap().event_id).collect();
    events.sort();
    assert_eq!(events, ids.map(|id| id.to_string()), "{found:?}");
    assert!(found.iter().all(|letter| letter.replay_time.is_none() && letter.error.contains("event.data")));
    assert_eq!(letters(&rival).await, []);

    let request_id = testkit::request_id();
    let replay = async |party: &Party, event_id: &str| {
        let request = ReplayDeadLetterRequest {
            event_id: event_id.to_owned(),
            consumer: "inventory".to_owned(),
            request_id: request_id.clone(),
        };
        party.client(EventLogServiceClient::new).replay_dead_letter(request).await
    };
    assert_eq!(replay(&rival, &events[0]).await.unwrap_err().code(), Code::NotFound);
    let nobodys = kit::UuidV7.new_id().to_string();
    assert_eq!(replay(&acme, &nobodys).await.unwrap_err().code(), Code::NotFound);
    let first = replay(&acme, &events[0]).await.unwrap().into_inner();
    mesh.at_rest().await;
    assert_eq!(replay(&acme, &events[0]).await.unwrap().into_inner(), first, "it was handed out twice");
    let reused = kit::Error::from(replay(&acme, &events[1]).await.unwrap_err());
    assert_eq!((reused.code(), reused.reason()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    mesh.at_rest().await;
    let tail =
        TailEventsRequest { backlog: 1_000, types: vec!["order.completed".to_owned()], ..Default::default() };
    let told = acme.client(EventLogServiceClient::new).tail_events(tail).await.unwrap().into_inner().events;
    let times = events.iter().map(|id| told.iter().filter(|event| event.event_id == *id).count());
    assert_eq!(times.collect::<Vec<_>>(), [2, 1, 1], "{told:?}");
    // Inventory cannot read it this time either, so that it stays among the dead letters.
    assert_eq!(letters(&acme).await.len(), 3);

    let request = GetConsumerLagRequest { consumer: "inventory".to_owned() };
    let lags = acme.client(EventLogServiceClient::new).get_consumer_lag(request).await.unwrap();
    let lags = lags.into_inner().lags;
    assert!(lags.iter().any(|lag| lag.topic == "orders.orders" && lag.lag == 0), "{lags:?}");
    assert!(lags.iter().all(|lag| lag.consumer == "inventory"), "{lags:?}");
    mesh.stop().await;
}

/// All dead letters of inventory, page by page.
async fn letters(party: &Party) -> Vec<DeadLetter> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let request =
            ListDeadLettersRequest { page_size: 2, consumer: "inventory".to_owned(), page_token: token };
        let page = party.client(EventLogServiceClient::new).list_dead_letters(request).await;
        let page = page.unwrap().into_inner();
        assert!(page.dead_letters.len() <= 2);
        found.extend(page.dead_letters);
        token = page.next_page_token;
        if token.is_empty() {
            return found;
        }
    }
}
