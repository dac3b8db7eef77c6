//! What an entry is, and who may see it.

use contracts::audit::v1::audit_entry_service_client::AuditEntryServiceClient;
use contracts::audit::v1::{
    AuditEntry, BatchGetAuditEntriesRequest, GetAuditEntryRequest, ListAuditEntriesRequest,
};
use contracts::orders::v1::{OrderFailed, OrderPlaced};
use kit::{Code, Duration, Error, OffsetDateTime, Uuid};
use serde_json::json;
use store::{Envelope, Metadata};
use testkit::{Mesh, Party};

use crate::world::{entries, history, publish, tell};

fn id() -> String {
    testkit::request_id()
}

fn placed(order_id: &str, account_id: &str) -> OrderPlaced {
    OrderPlaced {
        order_id: order_id.to_owned(),
        order_number: "SO-000001".to_owned(),
        account_id: account_id.to_owned(),
        ..OrderPlaced::default()
    }
}

fn envelope(tenant: &str, event_type: &str, data: serde_json::Value) -> Envelope {
    Envelope {
        event_id: Uuid::parse_str(&id()).unwrap(),
        event_type: event_type.to_owned(),
        version: "v1".to_owned(),
        timestamp: OffsetDateTime::from_unix_timestamp(1_767_225_600).unwrap(),
        tenant_id: Uuid::parse_str(tenant).unwrap(),
        source: "orders".to_owned(),
        data,
        metadata: Metadata::default(),
    }
}

async fn get(party: &Party, id: &str) -> Result<AuditEntry, Error> {
    let request = GetAuditEntryRequest { id: id.to_owned() };
    Ok(party.client(AuditEntryServiceClient::new).get_audit_entry(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_one_entry_however_often_it_comes() {
    // Also when the inbox has forgotten it; and the later event may come before the earlier one.
    let mesh = Mesh::start(vec![audit::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let (order, account) = (id(), id());
    let data = json!({"orderId": order, "accountId": account});
    let early = envelope(acme.tenant_id(), "order.placed", data.clone());
    let late = Envelope {
        timestamp: early.timestamp + Duration::seconds(5),
        ..envelope(acme.tenant_id(), "order.failed", data)
    };
    for event in [&late, &early, &late] {
        publish(&mesh, "orders.orders", event).await;
    }
    mesh.at_rest().await;
    assert_eq!(history(&acme, &order).await, ["order.placed", "order.failed"]);

    let mut admin = mesh.look_into("audit").await;
    sqlx::raw_sql("delete from tessera.inbox").execute(&mut admin).await.unwrap();
    publish(&mesh, "orders.orders", &late).await;
    mesh.at_rest().await;
    assert_eq!(history(&acme, &order).await, ["order.placed", "order.failed"]);
    let letters = "select count(*) from tessera.dead_letters";
    assert_eq!(sqlx::query_scalar::<_, i64>(letters).fetch_one(&mut admin).await.unwrap(), 0);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_tomorrow_are_written_down() {
    // A service that is newer tells of a new entity, and of something else; of this its contents are not kept, for
    // nobody here knows what in it is personal.
    let mesh = Mesh::start(vec![audit::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let lead = id();
    let change = json!({
        "entityType": "erp.crm.v2.Lead",
        "entityId": lead,
        "changes": {"rating": {"to": "hot"}, "name": {}},
    });
    publish(&mesh, "crm.accounts", &envelope(acme.tenant_id(), "lead.created", change)).await;
    let other = envelope(acme.tenant_id(), "lead.called", json!({"name": "Ada", "leadId": lead}));
    publish(&mesh, "crm.accounts", &other).await;
    mesh.at_rest().await;
    let told = entries(&acme, "", &lead).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].records[0].entity_type, "erp.crm.v2.Lead");
    assert_eq!(told[0].changes.keys().collect::<std::collections::BTreeSet<_>>().len(), 2);
    let called = get(&acme, &other.event_id.to_string()).await.unwrap();
    assert_eq!((called.event_type.as_str(), called.data, called.records.len()), ("lead.called", None, 0));
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_by_record_actor_type_and_time() {
    // In pages, newest first unless another order is asked for.
    let mesh = Mesh::start(vec![audit::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let (account, other) = (id(), id());
    let mut ours = Vec::new();
    for number in 0..25 {
        let order = id();
        tell(&mesh, acme.tenant_id(), placed(&order, if number % 5 == 0 { &other } else { &account })).await;
        ours.push(order);
        mesh.advance(Duration::minutes(1));
    }
    let failed = OrderFailed { order_id: ours[0].clone(), ..OrderFailed::default() };
    tell(&mesh, acme.tenant_id(), failed).await;
    mesh.at_rest().await;
    let acme = mesh.sign_in(&acme).await;

    assert_eq!(entries(&acme, "", &account).await.len(), 20);
    assert_eq!(history(&acme, &ours[0]).await, ["order.placed", "order.failed"]);
    assert_eq!(entries(&acme, "event_type = order.failed", "").await.len(), 1);
    assert_eq!(entries(&acme, "actor = \"service:orders\" AND source = audit", "").await.len(), 26);
    assert_eq!(entries(&acme, "records.entity_type:\"erp.crm.v1.Account\"", &other).await.len(), 5);
    let all = entries(&acme, "event_type = order.placed", "").await;
    let middle = all[12].event_time.unwrap();
    let middle = OffsetDateTime::from_unix_timestamp(middle.seconds).unwrap() + Duration::seconds(1);
    let since = middle.format(&time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(
        entries(&acme, &format!("event_type = order.placed AND event_time > {since}"), "").await.len(),
        12
    );

    let mut client = acme.client(AuditEntryServiceClient::new);
    let mut request = ListAuditEntriesRequest {
        page_size: 7,
        record_id: account.clone(),
        show_total_size: true,
        ..ListAuditEntriesRequest::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = client.list_audit_entries(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.total_size, 20);
        seen.extend(page.audit_entries);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, entries(&acme, "", &account).await);
    assert!(
        seen.windows(2).all(|pair| pair[0].event_time.unwrap().seconds > pair[1].event_time.unwrap().seconds)
    );
    // A page token is of its record.
    request.page_size = 7;
    request.page_token = String::new();
    let first = client.list_audit_entries(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    request.record_id = other;
    let error: Error = client.list_audit_entries(request).await.unwrap_err().into();
    assert_eq!(error.violations()[0].field, "page_token", "{error}");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_see_what_happened_where_they_may_do_something() {
    // Sales hears of orders and nothing of the books; who may not see the audit sees nothing.
    let mesh = Mesh::start(vec![audit::service()]).await;
    let (acme, rival) = (mesh.sign_up("acme").await, mesh.sign_up("rival").await);
    let account = id();
    let data = |field: &str| json!({field: id(), "accountId": account});
    let order = envelope(acme.tenant_id(), "order.placed", data("orderId"));
    let invoice = Envelope {
        source: "finance".to_owned(),
        ..envelope(acme.tenant_id(), "invoice.posted", data("invoiceId"))
    };
    publish(&mesh, "orders.orders", &order).await;
    publish(&mesh, "finance.invoices", &invoice).await;
    mesh.at_rest().await;
    let (order, invoice) = (order.event_id.to_string(), invoice.event_id.to_string());

    let sales = acme.user_with(&["audit.entries.read", "orders.orders.read"]).await;
    mesh.at_rest().await;
    let seen = entries(&sales, "", &account).await;
    assert_eq!(seen.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), [order.as_str()]);
    assert_eq!(get(&sales, &order).await.unwrap().id, order);
    assert_eq!(get(&sales, &invoice).await.unwrap_err().code(), Code::NotFound);
    let request = BatchGetAuditEntriesRequest { ids: vec![order.clone(), invoice.clone()] };
    let error = sales.client(AuditEntryServiceClient::new).batch_get_audit_entries(request.clone()).await;
    assert_eq!(Error::from(error.unwrap_err()).code(), Code::NotFound);
    let both = acme.client(AuditEntryServiceClient::new).batch_get_audit_entries(request).await.unwrap();
    assert_eq!(both.into_inner().audit_entries.len(), 2);

    assert_eq!(get(&rival, &order).await.unwrap_err().code(), Code::NotFound);
    let stranger = acme.user_with(&["orders.orders.read"]).await;
    assert_eq!(get(&stranger, &order).await.unwrap_err().code(), Code::PermissionDenied);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_or_deletes_an_entry() {
    // The administrator, for whom no policy and no grant counts, is refused as well.
    let mesh = Mesh::start(vec![audit::service()]).await;
    let acme = mesh.sign_up("acme").await;
    tell(&mesh, acme.tenant_id(), placed(&id(), &id())).await;
    mesh.at_rest().await;
    let mut admin = mesh.look_into("audit").await;
    for statement in [
        "update audit_entries set actor = 'nobody'",
        "delete from audit_entries",
        "update audit_records set record_id = entry_id",
        "delete from audit_records",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut admin).await.expect_err(statement).to_string();
        assert!(refused.contains("never changed or deleted"), "{statement}: {refused}");
    }
    let granted = "select count(*) from information_schema.role_table_grants where table_name in
         ('audit_entries', 'audit_records') and privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE')
         and grantee not like '%_owner'";
    assert_eq!(sqlx::query_scalar::<_, i64>(granted).fetch_one(&mut admin).await.unwrap(), 0);
    mesh.stop().await;
}
