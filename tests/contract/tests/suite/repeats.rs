//! Requests that are sent twice, and request ids that are used twice.

use std::collections::BTreeMap;

use contract_tests::call::call;
use contract_tests::ids::Place;
use contract_tests::resource::{Resource, id, resources, text};
use contract_tests::{methods, options, path, sample};
use kit::{Code, Error, IdSource as _, Uuid};
use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, Value};
use testkit::{Mesh, Party};

use crate::furnished::{furnish, items};
use crate::reading::shelves;
use crate::records::{by_id, method, request, set_mask};

/// The methods beside the standard ones whose requests are sent twice: a request can be made for them out of their
/// contracts and of what a furnished tenant has. The others want something to have happened before.
pub const TRIED: [&str; 24] = [
    "/erp.catalog.v1.ProductService/ActivateProduct",
    "/erp.catalog.v1.ProductService/DeactivateProduct",
    "/erp.finance.v1.LedgerAccountService/InstallChart",
    "/erp.finance.v1.InvoiceService/PostInvoice",
    "/erp.finance.v1.InvoiceService/CreateCreditNote",
    "/erp.finance.v1.JournalEntryService/ReverseJournalEntry",
    "/erp.identity.v1.ApiKeyService/RotateApiKey",
    "/erp.identity.v1.ApiKeyService/DeleteApiKey",
    "/erp.identity.v1.TenantService/UpdateTenant",
    "/erp.identity.v1.UserService/DisableUser",
    "/erp.identity.v1.UserService/EnableUser",
    "/erp.identity.v1.UserService/SetUserPassword",
    "/erp.identity.v1.AuthService/Logout",
    "/erp.identity.v1.AuthService/LogoutAll",
    "/erp.identity.v1.SessionService/RevokeSession",
    "/erp.inventory.v1.ReservationService/ConsumeReservation",
    "/erp.inventory.v1.ReservationService/ReturnReservation",
    "/erp.inventory.v1.StockLevelService/SetReorderLevel",
    "/erp.inventory.v1.StockMoveService/ReceiveStock",
    "/erp.inventory.v1.StockMoveService/AdjustStock",
    "/erp.orders.v1.OrderService/CancelOrder",
    "/erp.payments.v1.PaymentIntentService/AuthorizePayment",
    "/erp.payments.v1.PaymentIntentService/VoidPayment",
    "/erp.payments.v1.PaymentIntentService/SyncPayment",
];

/// The standard methods that write.
pub const WRITES: [&str; 4] = ["Create", "Update", "Delete", "Undelete"];

/// Whether a method remembers what it was asked.
pub fn remembers(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name("request_id").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_gives_its_first_answer() {
    // The second must not act again, even where that would fail: a deletion, a change of what has changed since.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    let all = resources();
    for (place, resource) in all.iter().enumerate() {
        let seed = 300 + u32::try_from(place).unwrap() * 10;
        standard(&acme, &all, resource, seed).await;
    }
    mesh.stop().await;
}

/// Creates, changes, deletes and brings back a record, each twice.
async fn standard(party: &Party, all: &[Resource], resource: &Resource, seed: u32) {
    let name = resource.entity.full_name();
    let create = method(resource, "Create");
    let record = twice(party, &create, request(party, all, resource, seed).await).await;
    let record = record.unwrap_or_else(|error| panic!("{name}: create: {error:?}"));
    if let Some(update) = resource.method("Update")
        && let Some((field, value)) = sample::change(&record, seed + 1)
    {
        let mut patch = DynamicMessage::new(resource.entity.clone());
        patch.set_field_by_name("id", Value::String(id(&record)));
        patch.set_field_by_name("etag", Value::String(text(&record, "etag")));
        patch.set_field(&field, value);
        let mut request = DynamicMessage::new(update.input());
        request.set_field_by_name(&resource.field, Value::Message(patch));
        set_mask(&mut request, &[field.name()]);
        twice(party, &update, request).await.unwrap_or_else(|error| panic!("{name}: update: {error:?}"));
    }
    for verb in ["Delete", "Undelete"] {
        if resource.method(verb).is_none() {
            continue;
        }
        let (method, request) = by_id(resource, verb, &id(&record));
        twice(party, &method, request).await.unwrap_or_else(|error| panic!("{name}: {verb}: {error:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_of_the_domains_give_their_first_answer_too() {
    // Each is tried that takes what can be made for it. The list says which these are, so that none gets lost.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    let all = resources();
    furnish(&mesh, &acme, &all).await;
    let mut tried = Vec::new();
    let standard = |method: &MethodDescriptor| {
        all.iter().any(|one| WRITES.iter().any(|verb| one.method(verb).as_ref() == Some(method)))
    };
    for method in methods().into_iter().filter(|method| remembers(method) && !standard(method)) {
        // With a session of its own, since some end theirs.
        let party = mesh.sign_in(&acme).await;
        let request = fitting(&party, &method).await;
        if twice(&party, &method, request).await.is_ok() {
            tried.push(path(&method));
        }
    }
    assert_eq!(tried, TRIED);
    mesh.stop().await;
}

/// Sends a request twice and sees that the answers are one.
async fn twice(
    party: &Party,
    method: &MethodDescriptor,
    request: DynamicMessage,
) -> Result<DynamicMessage, Error> {
    let mut request = request;
    request.set_field_by_name("request_id", Value::String(testkit::request_id()));
    let first = call(party, method, request.clone()).await?;
    let second = call(party, method, request).await;
    let second = second.unwrap_or_else(|error| panic!("{}: the second time: {error:?}", path(method)));
    // A secret is told once.
    let mut expected = first.clone();
    for field in method.output().fields().filter(options::is_secret) {
        expected.clear_field(&field);
    }
    assert_eq!(second, expected, "{}: the same request gave another answer", path(method));
    Ok(first)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_request_id_is_refused_for_another_request() {
    // By every method that takes one, before it looks at anything else: otherwise the answer of one request would be
    // taken for that of another.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    let all = resources();
    furnish(&mesh, &acme, &all).await;
    for resource in &all {
        let mut request = request(&acme, &all, resource, 40).await;
        request.set_field_by_name("request_id", Value::String(testkit::request_id()));
        call(&acme, &method(resource, "Create"), request).await.unwrap();
    }
    let used = used_ids(&mesh, &acme).await;
    let mut wrong = Vec::new();
    // Handing out again is tried where there is something to hand out.
    let handed_out = |method: &MethodDescriptor| path(method) == crate::operators::REPLAY;
    for method in methods().into_iter().filter(|method| remembers(method) && !handed_out(method)) {
        let service = method.parent_service().package_name().split('.').nth(1).unwrap().to_owned();
        let used =
            used.get(&service).unwrap_or_else(|| panic!("nothing of {service} was asked with a request id"));
        let mut request = fitting(&acme, &method).await;
        request.set_field_by_name("request_id", Value::String(used.clone()));
        match call(&acme, &method, request).await {
            Err(error) if (error.code(), error.reason()) == (Code::AlreadyExists, "REQUEST_ID_REUSED") => {}
            answer => wrong.push(format!("{}: {:?}", path(&method), answer.map(|_| "an answer"))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    mesh.stop().await;
}

/// A request id of the tenant that each service has answered.
async fn used_ids(mesh: &Mesh, party: &Party) -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    let tenant = Uuid::parse_str(party.tenant_id()).unwrap();
    for service in crate::SERVICES {
        let query = "select request_id::text from tessera.idempotency where tenant_id = $1 limit 1";
        let mut database = mesh.look_into(service).await;
        let found = sqlx::query_scalar(query).bind(tenant).fetch_optional(&mut database).await.unwrap();
        used.extend(found.map(|id: String| (service.to_owned(), id)));
    }
    used
}

/// A request as the contract wants it, about the last record of its kind and referring to the first of others.
async fn fitting(party: &Party, method: &MethodDescriptor) -> DynamicMessage {
    let mut known = BTreeMap::new();
    let mut newest = None;
    for shelf in shelves() {
        let page = call(party, &shelf.list, DynamicMessage::new(shelf.list.input())).await.unwrap();
        let records = items(&page);
        if shelf.list.parent_service() == method.parent_service() {
            newest = records.last().map(id);
        }
        known.extend(records.first().map(|record| (shelf.entity.full_name().to_owned(), id(record))));
    }
    let nobodys = || kit::UuidV7.new_id().to_string();
    let resolve = |field: &FieldDescriptor| {
        let target = options::references(field)?;
        Some(known.get(&target).cloned().unwrap_or_else(nobodys))
    };
    let mut request = sample::fill(&method.input(), 6, &resolve);
    if let Some(place) = Place::of(method) {
        place.set(&mut request, &newest.unwrap_or_else(|| party.tenant_id().to_owned()));
    }
    if method.input().get_field_by_name("update_mask").is_some() {
        request.clear_field_by_name("update_mask");
    }
    request
}
