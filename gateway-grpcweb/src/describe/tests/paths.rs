use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{all, contracts, contracts_with, document, of_test, operations};
use crate::describe::paths;
use crate::routing::Found;

/// The path with its variables filled in by their examples.
fn filled(path: &str, operation: &Value) -> String {
    let mut path = path.to_owned();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "path" {
            let name = parameter["name"].as_str().unwrap();
            let text =
                parameter["example"].as_str().map_or_else(|| parameter["example"].to_string(), str::to_owned);
            assert!(!text.is_empty() && text != "null", "{path}: {parameter}");
            let text: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            path = path.replace(&format!("{{{name}}}"), &text);
        }
    }
    path
}

#[test]
fn every_route_is_documented_and_nothing_else() {
    for snapshot in all() {
        let document = document(&snapshot);
        let operations = operations(&document);
        assert_eq!(operations.len(), snapshot.route_count());
        let mut ids = BTreeSet::new();
        for (path, verb, operation) in operations {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{}", operation["operationId"]);
            let request = filled(path, operation);
            let Found::Route(route, _) = snapshot.find(&verb, &request) else {
                panic!("{verb} {request} leads nowhere");
            };
            let method = snapshot.method(route).path.as_str().trim_start_matches('/');
            assert_eq!(operation["x-grpc-method"], method, "{verb} {request}");
        }
    }
}

#[test]
fn every_variable_of_a_path_is_a_parameter_and_every_parameter_is_there_once() {
    for snapshot in all() {
        let document = document(&snapshot);
        for (path, verb, operation) in operations(&document) {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let names = |place: &str| -> Vec<String> {
                let own = parameters.iter().filter(|one| one["in"] == place);
                own.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
            };
            let mut in_path: Vec<_> =
                path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
            let mut told = names("path");
            in_path.sort();
            told.sort();
            assert_eq!(told, in_path, "{verb} {path}");
            let query = names("query");
            assert_eq!(query.iter().collect::<BTreeSet<_>>().len(), query.len(), "{verb} {path}: {query:?}");
        }
    }
}

#[test]
fn paths_of_one_shape_are_one_item() {
    let document = document(&of_test("library.proto"));
    let item = document["paths"]["/v1/books/{id}"].as_object().unwrap();
    assert_eq!(item.keys().collect::<Vec<_>>(), ["delete", "get", "patch"]);
    let parameter = &item["patch"]["parameters"][0];
    assert_eq!((&parameter["name"], &parameter["in"]), (&json!("id"), &json!("path")));
    // What the path binds is no part of the body, and a part of a record needs none of its fields.
    let body = &item["patch"]["requestBody"]["content"]["application/json"]["schema"];
    assert!(body["properties"].get("id").is_none() && body["properties"].get("title").is_some(), "{body}");
    assert!(body.get("required").is_none());
    assert!(document["paths"]["/v1/shelves/{id.1}/books/{id.2}"]["get"].is_object());
}

#[test]
fn query_parameters_are_those_that_the_gateway_takes() {
    let document = document(&of_test("library.proto"));
    let parameters = document["paths"]["/v1/books"]["get"]["parameters"].as_array().unwrap();
    let find = |name: &str| parameters.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null);
    assert_eq!(find("by.birthYear")["schema"]["type"], "integer");
    assert_eq!(find("since")["schema"]["format"], "date-time");
    assert_eq!((&find("genres")["style"], &find("genres")["explode"]), (&json!("form"), &json!(true)));
}

#[test]
fn who_may_call_is_told() {
    let document = document(&contracts());
    let login = &document["paths"]["/api/v1/auth:login"]["post"];
    assert_eq!(login["security"], json!([]));
    let reasons = login["x-reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|one| one["reason"] == "IDENTITY_REASON_CREDENTIALS_WRONG").unwrap();
    let status = reason["status"].to_string();
    let text = login["responses"][&status]["description"].as_str().unwrap();
    assert!(text.contains("IDENTITY_REASON_CREDENTIALS_WRONG"), "{text}");
    let get = &document["paths"]["/api/v1/orders/{id}"]["get"];
    assert_eq!(get["x-permission"], "orders.orders.read");
    assert!(get["description"].as_str().unwrap().contains("`orders.orders.read`"));
    assert_eq!(get["security"], json!([{"bearer": []}, {"apiKey": []}]));
}

#[test]
fn comments_are_optional() {
    let snapshot = contracts_with(false);
    let document = document(&snapshot);
    assert_eq!(operations(&document).len(), snapshot.route_count());
    assert_eq!(document["paths"]["/api/v1/orders/{id}"]["get"]["summary"], "Get order");
}

#[test]
fn a_package_has_a_document_of_its_own() {
    let snapshot = contracts();
    let own = super::Contracts::of(&snapshot);
    let of = |package: &str| super::document::write(&snapshot, &own, "Test", package);
    let (part, whole) = (of("erp.crm"), of(""));
    assert!(
        operations(&part)
            .iter()
            .all(|one| one.2["x-grpc-method"].as_str().unwrap().starts_with("erp.crm.v1."))
    );
    assert!(!operations(&part).is_empty() && operations(&part).len() < operations(&whole).len());
    let there = super::document::has_package;
    assert!(there(&snapshot, "erp.crm.v1") && there(&snapshot, "erp"));
    assert!(!there(&snapshot, "erp.cr") && !there(&snapshot, "erp.v1") && !there(&snapshot, ""));
}

#[test]
fn shapes_are_those_of_the_routes() {
    // Two routes with one shape and one method would hide each other in the document.
    let snapshot = contracts();
    let shapes: Vec<_> =
        snapshot.routes().map(|(template, route)| (paths::of(template).shape, route.verb.clone())).collect();
    assert_eq!(shapes.iter().collect::<BTreeSet<_>>().len(), shapes.len());
}
