//! The whole suite in the mesh, and the demo company through it.

use std::time::Duration;

use contracts::identity::v1::LoginRequest;
use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::ops::v1::event_log_service_client::EventLogServiceClient;
use contracts::ops::v1::{GetOutboxStatusRequest, ListDeadLettersRequest, WatchEventsRequest};
use contracts::orders::v1::ListOrdersRequest;
use contracts::orders::v1::order_service_client::OrderServiceClient;
use mesh::run::Suite;
use serde_json::Value;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::suite::{Desk, tessera};

/// How long an event may take that has happened already.
const PATIENCE: Duration = Duration::from_secs(30);

/// A way through the edge, and the token of the demo user.
async fn sign_in(suite: &Suite) -> (Channel, String) {
    let edge = Endpoint::from_shared(format!("http://{}", suite.address())).unwrap().connect_lazy();
    let request = LoginRequest {
        email: all::DEMO_EMAIL.to_owned(),
        password: suite.password().to_owned(),
        tenant_slug: "demo".to_owned(),
    };
    let answer = AuthServiceClient::new(edge.clone()).login(request).await.unwrap().into_inner();
    (edge, answer.tokens.unwrap().access_token)
}

fn with_token<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_company_is_loaded_through_the_mesh() {
    // Orders travel from service to service: what a policy forgets to open shows itself as an order that fails.
    let Desk { folder, suite } = Desk::start().await;
    let (edge, token) = sign_in(&suite).await;
    let mut operations = EventLogServiceClient::new(edge);
    let types = vec!["order.completed".to_owned()];
    let watched = with_token(&token, WatchEventsRequest { types, ..WatchEventsRequest::default() });
    let mut events = operations.watch_events(watched).await.unwrap().into_inner();
    let ran = tessera(folder.path(), &[&"demo"]).await;
    let summary: Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(summary["reconciled"], true, "{summary:#}");
    assert!(summary["orders"]["completed"].as_u64().unwrap_or(0) >= 60, "{summary:#}");

    // Whoever watched all the while has heard of each, and operators see all services through the one that they reach.
    let mut completed = 0;
    while completed < 60 {
        let heard = tokio::time::timeout(PATIENCE, events.message()).await.expect("an event comes in time");
        completed += i32::from(heard.unwrap().expect("the stream goes on").event.is_some());
    }
    let answer = operations.get_outbox_status(with_token(&token, GetOutboxStatusRequest::default())).await;
    let outboxes = answer.unwrap().into_inner().outboxes;
    assert_eq!(outboxes.len(), suite.pods().count() - 1, "all but the gateway: {outboxes:?}");
    let answer = operations.list_dead_letters(with_token(&token, ListDeadLettersRequest::default())).await;
    assert_eq!(answer.unwrap().into_inner().dead_letters, []);

    // Every service of an order's way was called by its sidecar, and by nothing that lacks a certificate.
    let taken = suite.stats("http.inbound_").await.unwrap();
    for (pod, stats) in &taken {
        let calls: u64 =
            stats.iter().filter(|(name, _)| name.ends_with("rq_completed")).map(|(_, count)| count).sum();
        assert!(calls > 0 || pod.starts_with("notification"), "{pod} was not called: {stats:?}");
    }
    let pod = suite.pods().find(|pod| pod.workload.name == "orders").unwrap().clone();
    let outside = pod.addresses.sidecar(pod.workload.port);
    let plain = Endpoint::from_shared(format!("http://{outside}")).unwrap().connect_lazy();
    let refused = OrderServiceClient::new(plain).list_orders(ListOrdersRequest::default()).await;
    assert!(refused.is_err(), "{refused:?}");
    suite.stop().await.unwrap();
}
