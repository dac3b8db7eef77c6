//! What every method does with requests that it cannot fulfil.

use contract_tests::breach::{Breach, breaches};
use contract_tests::call::call;
use contract_tests::ids::Place;
use contract_tests::resource::{Resource, id, resources};
use contract_tests::{methods, path, sample};
use kit::{Code, Error, IdSource as _};
use prost_reflect::{FieldDescriptor, MethodDescriptor, Value};
use testkit::Party;

use crate::furnished::{furnish, make_key, own};
use crate::records::{create, set_mask};

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_every_request_is_enforced() {
    // A request that breaks one rule must be refused, and the refusal must name the field and the rule.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    make_key(&acme, "Web shop").await;
    let (mut broken, mut wrong) = (0, Vec::new());
    let all = resources();
    for method in methods() {
        let updated = updated(&acme, &all, &method).await;
        for mut breach in breaches(&method.input()) {
            broken += 1;
            if let Some((field, id)) = &updated {
                aim(&mut breach, field, id);
            }
            let answer = call(&acme, &method, breach.request.clone()).await;
            if let Some(what) = passes(&breach, answer.err()) {
                wrong.push(format!("{} {} {}: {what}", path(&method), breach.path, breach.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {broken} rules:\n{}", wrong.len(), wrong.join("\n"));
    println!("{broken} rules enforced");
    mesh.stop().await;
}

/// The field of an update's request with the record, and the id of a record that is there.
async fn updated(party: &Party, all: &[Resource], method: &MethodDescriptor) -> Option<(String, String)> {
    let entity = method.name().strip_prefix("Update")?;
    let is_it = |field: &FieldDescriptor| field.kind().as_message().is_some_and(|one| one.name() == entity);
    let field = method.input().fields().find(is_it)?.name().to_owned();
    let id = match all.iter().find(|resource| resource.method("Update").as_ref() == Some(method)) {
        Some(resource) => id(&create(party, all, resource, 8).await.unwrap()),
        None => own(party, method).await,
    };
    Some((field, id))
}

/// Makes an update of what breaks a rule inside of its record: rules hold for the record as it would be, so that
/// there must be one.
fn aim(breach: &mut Breach, field: &str, id: &str) {
    let Some(place) = breach.path.strip_prefix(&format!("{field}.")) else { return };
    let changed = place.split(['.', '[']).next().expect("a path has a first part").to_owned();
    let patch = breach.request.get_field_by_name_mut(field).and_then(Value::as_message_mut);
    patch.expect("the breach is inside of it").set_field_by_name("id", Value::String(id.to_owned()));
    set_mask(&mut breach.request, &[&changed]);
}

/// What is wrong about a refusal.
fn passes(breach: &Breach, error: Option<Error>) -> Option<String> {
    let Some(error) = error else { return Some("is not refused".to_owned()) };
    let named = error.violations().iter().any(|violation| violation.field == breach.path);
    (error.code() != Code::InvalidArgument || !named).then(|| format!("{error:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_what_is_not_his() {
    // An id that does not exist, and one of another tenant, must be NOT_FOUND for every method that takes one: by
    // itself, among others, or inside of a record that is to be changed.
    let mesh = crate::mesh().await;
    let (acme, other) = (mesh.sign_up("acme").await, mesh.sign_up("other").await);
    let all = resources();
    furnish(&mesh, &acme, &all).await;
    let (mut wrong, mut of_none) = (Vec::new(), Vec::new());
    let mut asked = 0;
    for method in methods() {
        let Some(place) = Place::of(&method) else { continue };
        asked += 1;
        let anothers = own(&acme, &method).await;
        if anothers == acme.tenant_id() {
            of_none.push(method.name().to_owned());
        }
        for (whose, id) in [("nobody's", kit::UuidV7.new_id().to_string()), ("another's", anothers)] {
            let mut request = sample::fill(&method.input(), 7, &|_| Some(kit::UuidV7.new_id().to_string()));
            place.set(&mut request, &id);
            for field in ["request_id", "update_mask"] {
                if method.input().get_field_by_name(field).is_some() {
                    request.clear_field_by_name(field);
                }
            }
            match call(&other, &method, request).await {
                Err(error) if error.code() == Code::NotFound => {}
                answer => {
                    wrong.push(format!("{}: {whose}: {:?}", path(&method), answer.map(|_| "an answer")))
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} methods:\n{}", wrong.len(), wrong.join("\n"));
    // Of a tenant there is no more than itself.
    assert_eq!(of_none, ["GetTenant", "UpdateTenant"], "the tenant has no record of some kind");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_refuses_what_it_does_not_know() {
    // A filter or an order that is passed over would give rows that nobody asked for.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    let mut wrong = Vec::new();
    let mut tried = 0;
    for method in methods() {
        for (name, text) in [
            ("filter", "no_such_field = 1"),
            ("filter", "((("),
            ("order_by", "no_such_field"),
            ("page_token", "bm9uZQ"),
        ] {
            let Some(field) = method.input().get_field_by_name(name) else { continue };
            tried += 1;
            let mut request = sample::fill(&method.input(), 7, &|_| Some(kit::UuidV7.new_id().to_string()));
            for other in ["filter", "order_by", "page_token"] {
                request.clear_field_by_name(other);
            }
            request.set_field(&field, Value::String(text.to_owned()));
            let breach = Breach { path: name.to_owned(), rule: text.to_owned(), request };
            let answer = call(&acme, &method, breach.request.clone()).await;
            if let Some(what) = passes(&breach, answer.err()) {
                wrong.push(format!("{} {name} {text}: {what}", path(&method)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    mesh.stop().await;
}
