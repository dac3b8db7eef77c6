//! Events as they happen, over the stream that every process offers for its services.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop the test, as its own lines do")]

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::catalog::v1::category_service_client::CategoryServiceClient;
use contracts::catalog::v1::{Category, CreateCategoryRequest};
use contracts::ops::v1::event_log_service_client::EventLogServiceClient;
use contracts::ops::v1::{TailEventsRequest, WatchEventsRequest, WatchEventsResponse};
use kit::{Code, Error, Result};
use testkit::{Mesh, Party};
use tonic::Streaming;

/// Makes a category and returns its id, which its event tells.
async fn create(party: &Party, name: &str) -> String {
    let category = Category { name: name.to_owned(), slug: name.to_owned(), ..Category::default() };
    let request = CreateCategoryRequest { category: Some(category), ..CreateCategoryRequest::default() };
    party.client(CategoryServiceClient::new).create_category(request).await.unwrap().into_inner().id
}

async fn watch(party: &Party, request: WatchEventsRequest) -> Result<Streaming<WatchEventsResponse>> {
    Ok(party
        .client(EventLogServiceClient::new)
        .watch_events(request)
        .await
        .map_err(Error::from)?
        .into_inner())
}

async fn next(stream: &mut Streaming<WatchEventsResponse>) -> WatchEventsResponse {
    let next = tokio::time::timeout(Duration::from_secs(30), stream.message()).await;
    next.expect("an event comes within half a minute").unwrap().expect("the stream goes on")
}

/// The id of the category that the next event tells of, and where to go on.
async fn heard(stream: &mut Streaming<WatchEventsResponse>) -> (String, String) {
    let message = next(stream).await;
    let event = message.event.expect("only the first message has no event");
    let id = event.data.unwrap().fields["entityId"].kind.clone();
    let Some(prost_types::value::Kind::StringValue(id)) = id else { panic!("{id:?}") };
    (id, message.cursor)
}

fn of(types: &[&str]) -> WatchEventsRequest {
    let types = types.iter().map(|name| (*name).to_owned()).collect();
    WatchEventsRequest { types, ..WatchEventsRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_hears_each_event_of_the_own_tenant_once() {
    // From the moment on at which the stream has begun, and nothing of what others do.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let (acme, bolt) = (mesh.sign_up("acme").await, mesh.sign_up("bolt").await);
    create(&acme, "before").await;
    mesh.at_rest().await;
    let mut stream = watch(&acme, of(&["category.*"])).await.unwrap();
    let mut second = watch(&acme, of(&["category.created"])).await.unwrap();
    let mut none = watch(&acme, of(&["product.*"])).await.unwrap();
    for begun in [&mut stream, &mut second, &mut none] {
        let first = next(begun).await;
        assert!(first.event.is_none() && !first.cursor.is_empty());
    }
    for name in ["one", "two", "three"] {
        create(&bolt, name).await;
        let id = create(&acme, name).await;
        assert_eq!(heard(&mut stream).await.0, id);
        assert_eq!(heard(&mut second).await.0, id);
    }
    let quiet = tokio::time::timeout(Duration::from_millis(600), none.message()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_from_its_cursor_without_loss_or_repetition() {
    // A browser that slept, a pod that moved: what happened meanwhile is told first.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut stream = watch(&acme, of(&["category.created"])).await.unwrap();
    next(&mut stream).await;
    create(&acme, "one").await;
    let (_, cursor) = heard(&mut stream).await;
    drop(stream);
    let (second, third) = (create(&acme, "two").await, create(&acme, "three").await);
    let mut stream = watch(&acme, WatchEventsRequest { cursor, ..of(&["category.created"]) }).await.unwrap();
    next(&mut stream).await;
    let last = create(&acme, "four").await;
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        ids.insert(heard(&mut stream).await.0);
    }
    // Each of these categories may lie in a partition of its own, and of partitions none waits for another.
    assert_eq!(ids, BTreeSet::from([second, third, last.clone()]));
    let mut newest =
        watch(&acme, WatchEventsRequest { backlog: 2, ..of(&["category.created"]) }).await.unwrap();
    let begun = next(&mut newest).await;
    assert!(begun.event.is_none() && begun.cursor.is_empty(), "more of the backlog is to come");
    let (one, other) = (heard(&mut newest).await, heard(&mut newest).await);
    assert_eq!((one.1.is_empty(), other.0, other.1.is_empty()), (true, last, false));
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_read_the_log_hears_of_what_he_may_read_and_no_values() {
    // A page of a clerk is as alive as that of the owner, and the stream opens nothing that a page would not.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let clerk = acme.user_with(&["catalog.categories.read"]).await;
    let keeper = acme.user_with(&["catalog.products.read"]).await;
    create(&acme, "before").await;
    mesh.at_rest().await;
    let mut clerks = watch(&clerk, WatchEventsRequest { backlog: 1, ..of(&[]) }).await.unwrap();
    let mut keepers = watch(&keeper, of(&["category.*", "role.*"])).await.unwrap();
    next(&mut keepers).await;
    // The newest of all are events of users and roles; those that he may hear are counted alone.
    assert!(next(&mut clerks).await.event.is_none());
    heard(&mut clerks).await;
    let id = create(&acme, "one").await;
    let event = next(&mut clerks).await.event.unwrap();
    assert_eq!(event.event_type, "category.created");
    let fields: Vec<String> = event.data.clone().unwrap().fields.into_keys().collect();
    assert_eq!(fields, ["entityId", "entityType"]);
    assert!(format!("{:?}", event.data).contains(&id));
    let quiet = tokio::time::timeout(Duration::from_millis(600), keepers.message()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let tail = clerk.client(EventLogServiceClient::new).tail_events(TailEventsRequest::default()).await;
    assert_eq!(tail.unwrap_err().code(), tonic::Code::PermissionDenied);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_answers_before_its_caller_gives_up() {
    // Waiting longer than the caller does is a failure for everybody, where nothing has happened.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut request = tonic::Request::new(TailEventsRequest {
        wait_ms: 30_000,
        types: vec!["nothing.happened".to_owned()],
        ..TailEventsRequest::default()
    });
    request.set_timeout(Duration::from_secs(2));
    let answer = acme.client(EventLogServiceClient::new).tail_events(request).await.unwrap().into_inner();
    assert!(answer.events.is_empty() && !answer.next_cursor.is_empty());
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_well_with_the_process_and_is_refused_like_any_call() {
    // A stream has no end of its own: it must not hold up a restart, nor look like a failure.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    assert_eq!(watch(&mesh.stranger(), of(&[])).await.unwrap_err().code(), Code::Unauthenticated);
    for wrong in ["x", "e30=", "W10"] {
        let refused =
            watch(&acme, WatchEventsRequest { cursor: wrong.to_owned(), ..of(&[]) }).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, "cursor", "{wrong}");
    }
    let mut late = tonic::Request::new(of(&["category.*"]));
    late.set_timeout(Duration::from_millis(300));
    let mut late = acme.client(EventLogServiceClient::new).watch_events(late).await.unwrap().into_inner();
    next(&mut late).await;
    assert_eq!(late.message().await.unwrap_err().code(), tonic::Code::DeadlineExceeded);
    let mut stream = watch(&acme, of(&["category.*"])).await.unwrap();
    next(&mut stream).await;
    mesh.stop().await;
    while let Some(message) = stream.message().await.unwrap() {
        assert!(message.event.is_some());
    }
}
