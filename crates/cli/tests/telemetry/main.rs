//! What a running suite tells of itself: one trace an order, metrics that rules and dashboards know, and logs that
//! hold nothing of people.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod collector;
mod prometheus;
mod promql;
mod suite;

use std::collections::BTreeSet;
use std::process::Command;

use collector::{Collector, Trace};
use prometheus::{Prometheus, get, is_installed, observability};
use promql::{Series, faults, series};
use serde_json::Value;
use suite::Suite;

/// Kinds of spans.
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

/// What an order does, from the gateway to the mail.
const JOURNEY: &[(&str, i32, &str)] = &[
    ("gateway", SERVER, "erp.orders.v1.OrderService.PlaceOrder"),
    ("orders", SERVER, "erp.orders.v1.OrderService.PlaceOrder"),
    ("orders", CONSUMER, "job saga"),
    ("inventory", SERVER, "erp.inventory.v1.ReservationService.ReserveStock"),
    ("payments", SERVER, "erp.payments.v1.PaymentIntentService.CapturePayment"),
    ("orders", PRODUCER, "publish order.captured"),
    ("finance", CONSUMER, "process order.captured"),
    ("finance", PRODUCER, "publish invoice.posted"),
    ("orders", CONSUMER, "process invoice.posted"),
    ("orders", PRODUCER, "publish order.completed"),
    ("notification", CONSUMER, "process order.completed"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_tells_what_it_does_and_nothing_of_people() {
    // One suite and one demo for all of it: they take far longer than looking at what they have left.
    let (collector, address) = Collector::start().await;
    let received = collector.clone();
    tokio::task::spawn_blocking(move || {
        let mut suite = Suite::start(&address);
        suite.text(&["demo"]);
        suite.refused(&[
            "call",
            "identity.Login",
            r#"{"email": "eve.mallory@example.com", "password": "Open-Sesame-1"}"#,
        ]);
        let people = people(&suite);
        let page = get(suite.metrics_port, "/metrics").unwrap();
        let exported = series(&page);
        check_counters(&page);
        check_dashboards(&exported);
        if is_installed("prometheus") {
            check_prometheus(&Prometheus::start(suite.metrics_port), &exported);
        }
        suite.stop();
        check_lines(&suite.lines(), &people);
        let traces = received.traces();
        check_journey(&traces);
        check_attributes(&traces, &people);
        let sent = received.metrics();
        for name in ["orders_completed_total", "tessera_rpc_request_seconds", "tessera_pool_connections"] {
            assert!(sent.contains(name), "{name} was not sent: {sent:?}");
        }
    })
    .await
    .unwrap();
}

/// What nobody may find in logs or traces: passwords, keys, tokens, and who people are and where they live.
fn people(suite: &Suite) -> Vec<String> {
    let mut found = suite.secrets();
    found.push(suite.text(&["whoami", "--token"]).trim().to_owned());
    found.extend(["eve.mallory@example.com", "Open-Sesame-1", all::DEMO_EMAIL].map(str::to_owned));
    let page = r#"{"page_size": 100}"#;
    for (method, list) in [("crm.ListContacts", "contacts"), ("crm.ListAccounts", "accounts")] {
        let answer = suite.run(&["call", method, page]);
        let rows = answer[list].as_array().unwrap();
        assert!(rows.len() > 5, "{answer}");
        rows.iter().for_each(|row| personal(row, &mut found));
    }
    assert!(found.iter().any(|text| text == "miriam.oster@radhaus.example"), "{found:?}");
    found.retain(|text| text.len() >= 8);
    found
}

/// Fields that say who somebody is; names that are common words are not looked for.
fn personal(value: &Value, found: &mut Vec<String>) {
    const FIELDS: &[&str] = &["email", "phone", "e164Number", "number", "addressLines", "displayName"];
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if FIELDS.contains(&&**name) => found.push(text.clone()),
                    Value::Array(lines) if FIELDS.contains(&&**name) => {
                        found.extend(lines.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    other => personal(other, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| personal(value, found)),
        _ => {}
    }
}

/// Counters of declared events count the demo, and those of what never happened stand at zero.
fn check_counters(page: &str) {
    let value = |start: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{start} is not exported")).rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("orders_completed_total{service=\"orders\"}") >= 60.0);
    assert!(value("contacts_created_total{service=\"crm\"}") > 5.0);
    assert_eq!(value("tenants_created_total{service=\"identity\"}"), 1.0);
    assert_eq!(value("sagas_stuck_total{service=\"orders\"}"), 0.0);
    for event in contracts::events() {
        value(&format!("{}{{", store::tally::counter_name(&event.event_type)));
    }
    let place = "tessera_rpc_requests_total{service=\"orders\",rpc=\"erp.orders.v1.OrderService.PlaceOrder\",grpc_status=\"0\"}";
    assert!(value(place) >= 60.0);
    assert!(value("tessera_pool_connections_max{service=\"orders\"}") > 1.0);
    assert!(!page.contains("tenant_id="), "a label of unbounded values");
}

/// Every query of every dashboard speaks of what there is.
fn check_dashboards(exported: &Series) {
    let mut known = exported.clone();
    // What the rules make of it; Prometheus itself checks those.
    let rules = std::fs::read_to_string(observability().join("prometheus/objectives.yaml")).unwrap();
    let records = rules.lines().filter_map(|line| line.trim().strip_prefix("- record: "));
    known.extend(records.map(|name| (name.to_owned(), BTreeSet::new())));
    let mut seen = 0;
    for (name, query) in dashboards() {
        assert_eq!(faults(&query, &known), Vec::<String>::new(), "{name}: {query}");
        seen += 1;
    }
    assert!(seen > 50, "only {seen} queries were found");
}

/// The queries of the dashboards, each with the place where it stands.
fn dashboards() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for file in std::fs::read_dir(observability().join("grafana")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let board: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let place = format!("{}: {}", board["title"], panel["title"]);
                queries.push((place, target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    queries
}

/// Prometheus takes the page, every rule works on it, and every query of a dashboard is one.
fn check_prometheus(prometheus: &Prometheus, exported: &Series) {
    prometheus.await_some("up{job=\"tessera\"} == 1");
    prometheus.await_some("orders_completed_total{service=\"orders\"} >= 60");
    prometheus.await_some("slo:availability:error_ratio_5m");
    let mut known = exported.clone();
    known.insert("up".to_owned(), BTreeSet::new());
    let rules = prometheus.rules();
    known.extend(rules.iter().map(|rule| (rule.name.clone(), BTreeSet::new())));
    assert!(rules.len() > 20, "{rules:?}");
    for rule in &rules {
        assert_eq!((rule.health.as_str(), rule.error.as_str()), ("ok", ""), "{rule:?}");
        assert_eq!(faults(&rule.query, &known), Vec::<String>::new(), "{rule:?}");
    }
    let gone = rules.iter().find(|rule| rule.name == "ProcessGone").unwrap();
    let found = prometheus.query(&gone.query);
    assert!(found.is_empty(), "who is well is not gone: {found:?}");
    for (_, query) in dashboards() {
        // It refuses what is no query, and what it is not sure of.
        prometheus.query(&query.replace("$__rate_interval", "1m").replace("$service", ".*"));
    }
    assert!(!prometheus.query("sum(rate(tessera_rpc_requests_total[1m]))").is_empty());
}

/// Every line is an object of the nine fields, and those of a call tell whose it is.
fn check_lines(lines: &[String], people: &[String]) {
    const FIELDS: [&str; 9] =
        ["level", "message", "metadata", "service", "spanId", "tenantId", "timestamp", "traceId", "userId"];
    let mut whole = 0;
    for line in lines {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let fields: BTreeSet<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(FIELDS), "{line}");
        let length = |name: &str| told[name].as_str().unwrap().len();
        let ids = [length("traceId"), length("spanId"), length("tenantId"), length("userId")];
        whole += usize::from(told["service"] == "orders" && ids == [32, 16, 36, 36]);
        if let Some(found) = people.iter().find(|text| line.contains(*text)) {
            panic!("`{found}` was logged: {line}");
        }
    }
    assert!(lines.len() > 1_000 && whole > 100, "{whole} of {} lines tell of a user's call", lines.len());
}

/// The whole way of an order is one trace, each of whose spans was set off by another.
fn check_journey(traces: &[Trace]) {
    let placed: Vec<&Trace> = traces
        .iter()
        .filter(|trace| {
            let root = trace.roots().first().is_some_and(|root| root.name.ends_with(".PlaceOrder"));
            root && trace.find("notification", CONSUMER, "process order.completed").is_some()
        })
        .collect();
    assert!(placed.len() >= 60, "{} traces of completed orders among {}", placed.len(), traces.len());
    let trace = placed
        .iter()
        .find(|trace| JOURNEY.iter().all(|(service, kind, name)| trace.find(service, *kind, name).is_some()));
    let trace = trace.unwrap_or_else(|| panic!("none has all of it:\n{}", placed[0].listing()));
    assert_eq!(trace.roots().len(), 1, "{}", trace.listing());
    assert_eq!(trace.orphans().len(), 0, "{:#?}", trace.orphans());
    assert!(trace.0.iter().any(|span| span.kind == CLIENT && span.name.starts_with("erp.inventory.v1.")));
    for service in ["orders", "inventory", "payments", "finance"] {
        let is_told = trace.has_statement_of(service) || trace.shares_transaction_of(service, traces);
        assert!(is_told, "no SQL of {service}");
    }
    let sharing = placed.iter().filter(|trace| trace.shares_transaction_of("orders", traces)).count();
    assert!(sharing > 0, "no order shared a transaction with another one");
}

/// Traces are as discreet as logs.
fn check_attributes(traces: &[Trace], people: &[String]) {
    for span in traces.iter().flat_map(|trace| &trace.0) {
        let told = format!("{span:?}");
        if let Some(found) = people.iter().find(|text| told.contains(*text)) {
            panic!("`{found}` is in a trace: {told}");
        }
    }
}

#[test]
fn events_have_counters_of_their_own() {
    // Two events under one counter could not be told apart.
    let events = contracts::events();
    let names: BTreeSet<String> =
        events.iter().map(|event| store::tally::counter_name(&event.event_type)).collect();
    assert_eq!(names.len(), events.len());
    assert!(events.len() > 40, "{events:?}");
    for name in names {
        let fits = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(name.ends_with("_total") && name.chars().all(fits), "{name}");
    }
}

#[test]
fn rules_do_what_they_say() {
    // Which outage pages whom, and which does not, is decided by rules that are tested like code.
    if !is_installed("promtool") {
        return;
    }
    let folder = observability().join("prometheus");
    for arguments in [
        &["check", "config", "prometheus.yaml"][..],
        &["test", "rules", "tests/objectives.yaml", "tests/alerts.yaml"],
    ] {
        let output = Command::new("promtool").args(arguments).current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{output:#?}");
    }
}
