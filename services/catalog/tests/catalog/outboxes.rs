//! What operators see of events that wait to be published.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop the test, as its own lines do")]

use std::time::Duration;

use contracts::catalog::v1::category_service_client::CategoryServiceClient;
use contracts::catalog::v1::{Category, CreateCategoryRequest};
use contracts::ops::v1::event_log_service_client::EventLogServiceClient;
use contracts::ops::v1::{GetOutboxStatusRequest, OutboxStatus};
use kit::{Code, Error};
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Mesh, Party};

async fn outboxes(party: &Party, service: &str) -> Vec<OutboxStatus> {
    let request = GetOutboxStatusRequest { service: service.to_owned() };
    let answer = party.client(EventLogServiceClient::new).get_outbox_status(request).await;
    answer.unwrap().into_inner().outboxes
}

/// Takes the lock that makes a relay the only one of its database, as another process would that hangs.
async fn hold_up_the_relay(database: &mut PgConnection) {
    const HOLDERS: &str =
        "from pg_locks where locktype = 'advisory' and objsubid = 2 and pid <> pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())";
    let taken = async {
        let mut keys: Option<(i32, i32)> = None;
        loop {
            if keys.is_none() {
                let held = format!("select classid::int, objid::int {HOLDERS}");
                keys = sqlx::query_as(AssertSqlSafe(held)).fetch_optional(&mut *database).await.unwrap();
            }
            let Some((class, object)) = keys else { continue };
            let take = sqlx::query_scalar("select pg_try_advisory_lock($1, $2)").bind(class).bind(object);
            if take.fetch_one(&mut *database).await.unwrap() {
                return;
            }
            // Whoever has it is told to go; the lock is free for a moment then.
            let go = format!("select pg_terminate_backend(pid) {HOLDERS}");
            sqlx::query(AssertSqlSafe(go)).execute(&mut *database).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken).await.expect("the lock is free at some time");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_what_waits_to_be_published() {
    // How many events of which service, and since when; nothing once they are published.
    let mesh = Mesh::start(vec![catalog::service()]).await;
    let acme = mesh.sign_up("acme").await;
    mesh.at_rest().await;
    let names: Vec<_> = outboxes(&acme, "").await.into_iter().map(|one| one.service).collect();
    assert_eq!(names, ["catalog", "identity"]);
    let idle = outboxes(&acme, "catalog").await;
    assert_eq!((idle[0].event_count, idle[0].oldest_time), (0, None));

    let mut database = mesh.look_into("catalog").await;
    hold_up_the_relay(&mut database).await;
    for name in ["tea", "cups"] {
        let category = Category { name: name.to_owned(), slug: name.to_owned(), ..Category::default() };
        let request = CreateCategoryRequest { category: Some(category), ..CreateCategoryRequest::default() };
        acme.client(CategoryServiceClient::new).create_category(request).await.unwrap();
    }
    let waiting = outboxes(&acme, "catalog").await;
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].event_count == 2 && waiting[0].oldest_time.is_some(), "{waiting:?}");

    drop(database);
    mesh.at_rest().await;
    assert_eq!(outboxes(&acme, "catalog").await[0].event_count, 0);
    assert!(outboxes(&acme, "nobody").await.is_empty());
    let clerk = acme.user_with(&["catalog.categories.read"]).await;
    let mut client = clerk.client(EventLogServiceClient::new);
    let refused = client.get_outbox_status(GetOutboxStatusRequest::default()).await;
    assert_eq!(Error::from(refused.unwrap_err()).code(), Code::PermissionDenied);
    mesh.stop().await;
}
