//! What the suite checks of which method: `docs/contract-checks.md`, without a blank cell.

use std::collections::BTreeMap;
use std::path::Path;

use contract_tests::breach::breaches;
use contract_tests::ids::{Place, references};
use contract_tests::resource::{Resource, resources};
use contract_tests::{methods, path};
use prost_reflect::MethodDescriptor;
use store::Access;

use crate::calls::tested;
use crate::operators::REPLAY;
use crate::reading::shelves;
use crate::repeats::{TRIED, WRITES, remembers};

const HEAD: &str = "\
# What is checked of each method

The suite in `tests/contract/` walks the contracts, so that a new method is checked as soon as it is declared. `TESSERA_WRITE=1
cargo test -p contract-tests --test suite report` writes this page; the same test without it finds it outdated.

- **access**: without a token, with a forged one and without the permission it refuses.
- **rules**: so many rules of its request are broken one by one, and each refusal names the field.
- **ids**: an id of nobody and one of another tenant are NOT_FOUND alike, wherever the request names its records: in `id`,
  among `ids`, inside of the record to be changed. What a request only *refers* to is judged by its service: the
  Creates of resources refuse another tenant's record of the same service, and what other services hold is not asked for.
- **lists**: unknown fields in filter and order, and page tokens of others, are refused. *Complete*: the pages hold the list,
  each record once; *while rows are added* also then, in three orders.
- **records**: *round trip*: what was written is read back, events and audit rows tell of it once, masks and etags hold. *Read
  alike*: lists, single and batched reads and searches give the same records, batches in the order asked for, and nothing at all
  where one of the ids is nobody's or another tenant's. For the rest the test that calls it is named.
- **repeats**: a request id that was used is refused for any other request. *Same answer*: the same request under the same id,
  sent twice, also acts once and gives its first answer; it is tried where what the method asks for can be met without
  knowing the method. The engine does both for all methods alike.

On two cores the whole suite took one minute and 44 seconds, with unoptimised services and without what it takes to build them.
It is to stay below five minutes.
";

#[test]
fn every_method_is_checked_in_every_way_or_says_why_not() {
    // A blank cell would be a method that nobody has thought of.
    let (all, tested) = (resources(), tested());
    let mut page = HEAD.to_owned();
    let mut service = String::new();
    for method in methods() {
        if service != method.parent_service().full_name() {
            method.parent_service().full_name().clone_into(&mut service);
            page.push_str(&format!(
                "\n## {service}\n\n| method | access | rules | ids | lists | records | repeats |\n"
            ));
            page.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        }
        let cells = [
            access(&method),
            rules(&method),
            ids(&method),
            lists(&all, &method),
            records(&all, &tested, &method),
            repeats(&all, &method),
        ];
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{}: {cells:?}", path(&method));
        page.push_str(&format!("| {} | {} |\n", method.name(), cells.join(" | ")));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contract-checks.md");
    if std::env::var_os("TESSERA_WRITE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "{} is outdated: run this test with TESSERA_WRITE=1", file.display());
}

fn access(method: &MethodDescriptor) -> String {
    let known =
        contracts::METHODS.iter().find(|known| known.path == path(method)).expect("every method is known");
    match known.access {
        Access::Permission(name) => format!("`{name}`"),
        Access::Authenticated => "signed in".to_owned(),
        Access::Public => "public".to_owned(),
    }
}

fn rules(method: &MethodDescriptor) -> String {
    match breaches(&method.input()).len() {
        0 => "none to break".to_owned(),
        count => count.to_string(),
    }
}

fn ids(method: &MethodDescriptor) -> String {
    let refers = references(method);
    match (Place::of(method), refers.as_slice()) {
        (Some(place), _) => format!("NOT_FOUND by `{}`", place.path()),
        (None, []) => "takes no id".to_owned(),
        (None, refers) => format!("refers by `{}`", refers.join("`, `")),
    }
}

fn lists(all: &[Resource], method: &MethodDescriptor) -> String {
    let takes = ["filter", "order_by", "page_token"];
    let taken: Vec<&str> =
        takes.into_iter().filter(|name| method.input().get_field_by_name(name).is_some()).collect();
    let complete = match () {
        () if all.iter().any(|one| one.method("List").as_ref() == Some(method)) => {
            "; complete while rows are added"
        }
        () if shelves().iter().any(|shelf| shelf.list == *method) => "; complete",
        () => "",
    };
    if taken.is_empty() { "no list".to_owned() } else { format!("{}{complete}", taken.join(", ")) }
}

fn is_standard(all: &[Resource], method: &MethodDescriptor, verbs: &[&str]) -> bool {
    all.iter().any(|one| verbs.iter().any(|verb| one.method(verb).as_ref() == Some(method)))
}

fn records(all: &[Resource], tested: &BTreeMap<String, String>, method: &MethodDescriptor) -> String {
    let walked = ["Create", "Get", "List", "Search", "Update", "Delete", "Undelete"];
    match tested.get(&path(method)[1..]) {
        _ if is_standard(all, method, &walked) => "round trip".to_owned(),
        _ if shelves().iter().any(|shelf| shelf.has(method)) => "read alike".to_owned(),
        Some(test) => test.clone(),
        None => panic!("{}: no test of its service calls it, and no pact", path(method)),
    }
}

fn repeats(all: &[Resource], method: &MethodDescriptor) -> String {
    let path = path(method);
    let tried = is_standard(all, method, &WRITES) || TRIED.contains(&path.as_str()) || path == REPLAY;
    match (remembers(method), tried) {
        (true, true) => "same answer, no other request".to_owned(),
        (true, false) => "no other request".to_owned(),
        (false, _) => "takes no request id".to_owned(),
    }
}
