//! What the sources call: between services, where each call needs a pact, and in tests, where each method needs one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use contract_tests::pact::{self, Pact};
use prost_reflect::MethodDescriptor;
use regex::Regex;

use crate::pacts;

/// Consumer, service and method: `orders`, `InvoiceService`, `list_invoices`.
type Call = (String, String, String);

#[test]
fn every_call_of_a_peer_has_a_pact() {
    // A call without one could be broken by its provider unseen; a pact without a call would bind for nothing.
    let mut called = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("services")).unwrap() {
        let folder = entry.unwrap().path();
        let consumer = folder.file_name().unwrap().to_string_lossy().into_owned();
        called.extend(calls(&consumer, &folder.join("src")));
    }
    // What every service does on its way, and what the engine under it might.
    for part in ["host", "store", "bus", "telemetry", "tokens"] {
        called.extend(calls("host", &root().join("crates").join(part).join("src")));
    }
    // What the one that answers operators asks of its peers, it asks by their names: all that the mesh lets pass.
    for service in crate::services("mail".into()).into_iter().filter(host::Service::is_for_operators) {
        let asked = host::ASKED_OF_PEERS.iter().map(|path| pacts::method(&path[1..]));
        called.extend(asked.map(|asked| {
            (service.name().to_owned(), asked.parent_service().name().to_owned(), snake(asked.name()))
        }));
    }
    called.extend(named("gateway", &root().join("gateway-grpcweb/src")));
    assert!(called.iter().any(|(consumer, ..)| consumer == "gateway"), "the gateway asks for keys");
    let promised = pact::all().into_iter().flat_map(|pact| {
        let Pact { consumer, provider, interactions } = pact;
        interactions.into_iter().map(move |one| {
            let method = pacts::method(&one.sends.method);
            assert!(one.sends.method.starts_with(&format!("erp.{provider}.")), "{}", one.sends.method);
            (consumer.clone(), method.parent_service().name().to_owned(), snake(method.name()))
        })
    });
    assert_eq!(promised.collect::<BTreeSet<_>>(), called);
}

/// The calls over generated clients of services of ours.
fn calls(consumer: &str, folder: &Path) -> BTreeSet<Call> {
    let given = r"\((?:[^()]|\([^()]*\))*\)";
    let call = format!(r"\b(\w+Service)Client::new(?:\)\s*\.await\?|{given})\s*\.(\w+)\(");
    let (call, any) =
        (Regex::new(&call).unwrap(), Regex::new(r"\bpeer\(\w+|\b\w+ServiceClient::new\b").unwrap());
    let by_name = Regex::new(r"peer_named\(\w+, \w+Client::new\)").unwrap();
    let mut called = BTreeSet::new();
    for source in sources(folder) {
        let text = by_name.replace_all(&program(&source), "").into_owned();
        let found: Vec<_> = call.captures_iter(&text).collect();
        let count = any.find_iter(&text).count();
        assert_eq!(found.len(), count, "{}: teach this test to read its calls", source.display());
        called.extend(found.iter().map(|one| (consumer.to_owned(), one[1].to_owned(), one[2].to_owned())));
    }
    called
}

/// The methods that are called by their names.
fn named(consumer: &str, folder: &Path) -> BTreeSet<Call> {
    let name = Regex::new(r#""/?erp\.\w+\.v1\.(\w+)/(\w+)""#).unwrap();
    let texts: Vec<String> = sources(folder).iter().map(|source| program(source)).collect();
    let names = texts.iter().flat_map(|text| name.captures_iter(text));
    names.map(|one| (consumer.to_owned(), one[1].to_owned(), snake(&one[2]))).collect()
}

/// A source without its comments and its own tests.
fn program(source: &Path) -> String {
    let text = std::fs::read_to_string(source).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Which tests beside this suite's walks call each method: those of its service, or a pact.
pub fn tested() -> BTreeMap<String, String> {
    let call = Regex::new(r"\.\s*(\w+)\(").unwrap();
    let called = |folder: &Path| {
        let texts = sources(folder).into_iter().map(|source| std::fs::read_to_string(source).unwrap());
        let names =
            texts.flat_map(|text| call.captures_iter(&text).map(|one| one[1].to_owned()).collect::<Vec<_>>());
        names.collect::<BTreeSet<String>>()
    };
    let here = called(&root().join("tests/contract/tests"));
    let services =
        crate::SERVICES.map(|name| (name, called(&root().join("services").join(name).join("tests"))));
    let pacts: BTreeSet<String> =
        pact::all().into_iter().flat_map(|pact| pact.interactions).map(|one| one.sends.method).collect();
    let by_whom = |method: &MethodDescriptor| {
        let (path, name) = (contract_tests::path(method)[1..].to_owned(), snake(method.name()));
        let domain = method.parent_service().package_name().split('.').nth(1)?.to_owned();
        // What operators do is offered by every service, so that the tests of any may be the ones.
        let own = |(service, calls): &&(&str, BTreeSet<String>)| {
            (*service == domain || domain == "ops") && calls.contains(&name)
        };
        let found = match services.iter().find(own) {
            Some((service, _)) => format!("tests of {service}"),
            None if pacts.contains(&path) => "a pact".to_owned(),
            None if here.contains(&name) => "a test here".to_owned(),
            None => return None,
        };
        Some((path, found))
    };
    contract_tests::methods().iter().filter_map(by_whom).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `ReserveStock` as Rust calls it.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
