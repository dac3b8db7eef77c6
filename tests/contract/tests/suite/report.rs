//! What the suite checks of which method: `docs/contract-checks.md`, without a blank cell.

use std::path::Path;

use contract_tests::breach::breaches;
use contract_tests::options::rule;
use contract_tests::resource::{Resource, resources};
use contract_tests::{methods, path};
use prost_reflect::MethodDescriptor;
use store::Access;

const HEAD: &str = "\
# What is checked of each method

The suite in `tests/contract/` walks the contracts, so that a new method is checked as soon as it is declared. `TESSERA_WRITE=1
cargo test -p contract-tests --test suite report` writes this page; the same test without it finds it outdated.

- **access**: without a token, with a forged one and without the permission it refuses.
- **rules**: so many rules of its request are broken one by one, and each refusal names the field.
- **ids**: an id of nobody and one of another tenant are NOT_FOUND alike.
- **lists**: unknown fields in filter and order, and page tokens of others, are refused; pages are complete while rows are added.
- **records**: what was written is read back, events and audit rows tell of it once, masks and etags hold.
- **repeats**: the same request id gives the first answer, another request under it is refused.
";

#[test]
fn every_method_is_checked_in_every_way_or_says_why_not() {
    // A blank cell would be a method that nobody has thought of.
    let all = resources();
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
            lists(&method),
            records(&all, &method),
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
    let field = method.input().get_field_by_name("id");
    match field.filter(|field| rule(field, &["string", "uuid"]).is_some()) {
        Some(_) => "NOT_FOUND".to_owned(),
        None => "takes no id".to_owned(),
    }
}

fn lists(method: &MethodDescriptor) -> String {
    let takes = ["filter", "order_by", "page_token"];
    let taken: Vec<&str> =
        takes.into_iter().filter(|name| method.input().get_field_by_name(name).is_some()).collect();
    if taken.is_empty() { "no list".to_owned() } else { taken.join(", ") }
}

fn is_standard(all: &[Resource], method: &MethodDescriptor) -> bool {
    let verbs = ["Create", "Get", "BatchGet", "List", "Search", "Update", "Delete", "Undelete"];
    all.iter().any(|one| verbs.iter().any(|verb| one.method(verb).as_ref() == Some(method)))
}

fn records(all: &[Resource], method: &MethodDescriptor) -> String {
    match is_standard(all, method) {
        true => "round trip".to_owned(),
        false => "its service's own tests".to_owned(),
    }
}

fn repeats(all: &[Resource], method: &MethodDescriptor) -> String {
    let takes_id = method.input().get_field_by_name("request_id").is_some();
    match (takes_id, method.name().starts_with("Create") && is_standard(all, method)) {
        (true, true) => "same answer".to_owned(),
        (true, false) => "by the engine, as for the others".to_owned(),
        (false, _) => "takes no request id".to_owned(),
    }
}
