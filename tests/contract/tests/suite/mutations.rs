//! Checks of the checks: what the suite is to find is broken on purpose, and it must find it.

use std::collections::BTreeSet;

use contract_tests::methods;
use contracts::catalog::v1::ProductActivated;
use contracts::crm::v1::account_service_client::AccountServiceClient;
use contracts::crm::v1::{Account, AccountRpc, ListAccountsRequest};
use kit::IdSource as _;
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::{Access, Cx, Env, Method, Rpc};
use testkit::Mesh;

use crate::access::{offenders_of, only_with_permission};
use crate::pacts::tell_as;
use crate::schema::unprotected;

const LIST: &str = "/erp.crm.v1.AccountService/ListAccounts";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_its_policy_is_found() {
    // However the door between tenants is left open, the schema's check must name the table.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let mut database = mesh.look_into("crm").await;
    assert_eq!(unprotected(&mut database).await, Vec::<String>::new());
    let mutations = [
        "drop policy tenant on contacts",
        "alter policy tenant on contacts using (true)",
        "alter policy tenant on contacts with check (true)",
        "alter policy tenant on contacts to public",
        "create policy other on contacts using (true)",
        "alter table contacts no force row level security",
        "alter table contacts disable row level security",
    ];
    for mutation in mutations {
        let mut undone = sqlx::Connection::begin(&mut database).await.unwrap();
        sqlx::query(AssertSqlSafe(mutation)).execute(&mut *undone).await.unwrap();
        assert_eq!(unprotected(&mut undone).await, ["public.contacts is not protected"], "{mutation}");
        undone.rollback().await.unwrap();
    }
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_without_its_permission_is_found() {
    // Served to everybody who is signed in, though its contract says otherwise.
    let service = host::Service::new("crm", sqlx::migrate!("../../services/crm/migrations"));
    let mesh = Mesh::start(vec![service.rpc(Unlocked(AccountRpc(store::Standard)))]).await;
    let powerless = mesh.sign_up("acme").await.user_with(&[]).await;
    let accounts = || {
        let mut all = methods();
        all.retain(|method| method.parent_service().name() == "AccountService");
        all
    };
    let found = offenders_of(accounts(), &powerless, only_with_permission).await;
    assert_eq!(found, [format!("{LIST}: Ok(\"an answer\")")]);
    mesh.stop().await;
}

/// A service whose method [`LIST`] has lost its permission.
struct Unlocked<R>(R);

impl<R: Rpc> Rpc for Unlocked<R> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn methods(&self) -> &'static [Method] {
        let unlocked = |method: &Method| Method {
            path: method.path,
            access: if method.path == LIST { Access::Authenticated } else { method.access },
            mutating: method.mutating,
            read_permissions: method.read_permissions,
        };
        self.0.methods().iter().map(unlocked).collect::<Vec<_>>().leak()
    }

    fn mount(self: Box<Self>, env: Env, routes: &mut tonic::service::RoutesBuilder) {
        Box::new(self.0).mount(env, routes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_its_effect_once_and_a_consumer_without_its_inbox_is_found() {
    // The effect here is one that no rule of a domain keeps from happening twice: only the inbox does.
    let with_inbox = effects_of_a_repeated_event("").await;
    assert_eq!(with_inbox, 1);
    let without_inbox = effects_of_a_repeated_event(NO_INBOX).await;
    assert_eq!(without_inbox, 2, "the check does not see what it is for");
}

/// What takes the inbox away from a service.
const NO_INBOX: &str = "alter table tessera.inbox drop constraint inbox_pkey";

#[tokio::test(flavor = "multi_thread")]
async fn a_real_consumer_acts_once_on_an_event_and_one_without_its_inbox_is_found() {
    // Its own rules keep the second time from showing in what it knows; that it has written it again, the row tells.
    assert_eq!(writings_of_a_repeated_event("").await, 1);
    assert_eq!(writings_of_a_repeated_event(NO_INBOX).await, 2, "the check does not see what it is for");
}

/// How often notification writes a company down that is told of twice by one event.
async fn writings_of_a_repeated_event(mutation: &'static str) -> usize {
    let mail = tempfile::tempdir().unwrap();
    let mail_folder = notification::Mail::Folder(mail.path().to_owned());
    let mesh = Mesh::start(vec![notification::service(mail_folder)]).await;
    let mut database = mesh.look_into("notification").await;
    if !mutation.is_empty() {
        sqlx::query(mutation).execute(&mut database).await.unwrap();
    }
    let acme = mesh.sign_up("acme").await;
    mesh.at_rest().await;
    let event_id = kit::UuidV7.new_id();
    let mut versions = BTreeSet::new();
    for _ in 0..2 {
        let data = json!({"tenantId": acme.tenant_id(), "displayName": "Acme & Sons", "locale": "de"});
        tell_as(&mesh, "identity", &acme, "tenant.updated", data, event_id).await;
        mesh.at_rest().await;
        let query = "select xmin::text, display_name from companies where tenant_id = $1::uuid";
        let row: (String, String) =
            sqlx::query_as(query).bind(acme.tenant_id()).fetch_one(&mut database).await.unwrap();
        assert_eq!(row.1, "Acme & Sons");
        versions.insert(row.0);
    }
    mesh.stop().await;
    versions.len()
}

/// How often an event has its effect that is delivered twice.
async fn effects_of_a_repeated_event(mutation: &'static str) -> usize {
    let service = host::Service::new("crm", sqlx::migrate!("../../services/crm/migrations"));
    let mesh = Mesh::start(vec![service.rpc(AccountRpc(store::Standard)).on(note)]).await;
    if !mutation.is_empty() {
        sqlx::query(mutation).execute(&mut mesh.look_into("crm").await).await.unwrap();
    }
    let acme = mesh.sign_up("acme").await;
    let event_id = kit::UuidV7.new_id();
    for _ in 0..2 {
        let data = json!({"productId": "01a1fd5f-b4d1-7246-8ddb-000000000001", "sku": "TEA"});
        tell_as(&mesh, "crm", &acme, "product.activated", data, event_id).await;
        mesh.at_rest().await;
    }
    let page = acme.client(AccountServiceClient::new).list_accounts(ListAccountsRequest::default()).await;
    let accounts = page.unwrap().into_inner().accounts;
    mesh.stop().await;
    accounts.len()
}

async fn note(cx: &mut Cx, event: ProductActivated) -> kit::Result<()> {
    cx.create(Account { display_name: event.sku, ..Account::default() }).await?;
    Ok(())
}
