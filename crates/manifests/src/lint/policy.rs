//! Who may call what: identities that are there, methods that are there, and nothing with a star.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Report;
use super::wiring::serves;
use super::world::{IN_MESH, Template, World};
use crate::contract;
use crate::objects::{Object, at, list, texts};

pub fn check(world: &World<'_>, report: &mut Report) {
    for namespace in IN_MESH {
        let denies =
            |policy: &Object| policy.namespace() == namespace && policy.at("/spec") == &serde_json::json!({});
        if !world.of_kind("AuthorizationPolicy").any(denies) {
            report.missing(
                &format!("Namespace {namespace}"),
                "has no AuthorizationPolicy that denies by default",
            );
        }
    }
    for policy in
        world.of_kind("AuthorizationPolicy").filter(|policy| policy.at("/spec") != &serde_json::json!({}))
    {
        selector(world, policy, report);
        match policy.text("/spec/action") {
            "ALLOW" => allow(world, policy, report),
            "DENY" => deny(policy, report),
            action => report.add(policy, format!("the action `{action}` is not one that is checked here")),
        }
    }
    for authentication in world.of_kind("RequestAuthentication") {
        selector(world, authentication, report);
        paired(world, authentication, report);
    }
    for pod in world.templates().filter(|pod| pod.in_mesh() && serves(pod)) {
        let policies = allowing(world, &pod);
        if policies.is_empty() {
            report.add(pod.owner, "has no AuthorizationPolicy, so that nobody can call it");
        }
        same_edges(world, &pod, &policies, report);
    }
}

/// A policy is for the pods of one service: without a selector it would open the namespace.
fn selector(world: &World<'_>, policy: &Object, report: &mut Report) {
    let labels = policy.at("/spec/selector/matchLabels");
    let gateway = labels["gateway.networking.k8s.io/gateway-name"].as_str();
    let found = match gateway {
        Some(gateway) => world.find("Gateway", policy.namespace(), gateway).is_some(),
        None => !world.selected(policy.namespace(), labels).is_empty(),
    };
    if labels.is_null() {
        report.add(policy, "has no selector, so that it holds for the whole namespace");
    } else if !found {
        report.add(policy, "selects no pods");
    }
}

fn allow(world: &World<'_>, policy: &Object, report: &mut Report) {
    if policy.list("/spec/rules").is_empty() {
        report.add(policy, "allows nothing; the namespace denies already");
    }
    // Whoever calls the edge has no certificate; there the port is all there is to name.
    let edge = !policy.at("/spec/selector/matchLabels")["gateway.networking.k8s.io/gateway-name"].is_null();
    for rule in policy.list("/spec/rules") {
        let (sources, operations) = (list(rule, "/from"), list(rule, "/to"));
        if sources.is_empty() && !edge {
            report.add(policy, "names no caller, so that everybody may call");
        }
        if operations.is_empty() {
            report.add(policy, "names no method, so that every method may be called");
        }
        for source in sources {
            identities(world, policy, at(source, "/source"), report);
        }
        for operation in operations {
            methods(policy, at(operation, "/operation"), report);
        }
    }
}

fn identities(world: &World<'_>, policy: &Object, source: &Value, report: &mut Report) {
    let principals = texts(source, "/principals");
    if principals.is_empty() {
        report.add(policy, "names a caller by something else than its certificate");
    }
    for principal in principals {
        if principal.contains('*') {
            report.add(policy, format!("the caller `{principal}` has a star"));
            continue;
        }
        let account = identity(principal);
        if !account.is_some_and(|(namespace, name)| world.has_account(namespace, name)) {
            report.add(policy, format!("the caller `{principal}` does not exist"));
        }
    }
}

/// Namespace and name of `cluster.local/ns/tessera-core/sa/crm`.
fn identity(principal: &str) -> Option<(&str, &str)> {
    let (namespace, name) = principal.strip_prefix("cluster.local/ns/")?.split_once("/sa/")?;
    (!name.contains('/')).then_some((namespace, name))
}

fn methods(policy: &Object, operation: &Value, report: &mut Report) {
    let (paths, ports) = (texts(operation, "/paths"), texts(operation, "/ports"));
    if ports.is_empty() {
        report.add(policy, "names no port");
    }
    // Methods of the services can be named; what else serves has none that a contract tells.
    if ports == ["50051"] && paths.is_empty() {
        report.add(policy, "names no method, so that every method may be called");
    }
    for path in paths.iter().chain(&texts(operation, "/notPaths")) {
        if path.contains('*') {
            report.add(policy, format!("the method `{path}` has a star"));
        } else if contract::kind(path).is_err() {
            report.add(policy, format!("the method `{path}` is in no contract"));
        }
    }
}

/// The one thing that is denied by name: calls without a token.
fn deny(policy: &Object, report: &mut Report) {
    for rule in policy.list("/spec/rules") {
        let sources: Vec<&Value> = list(rule, "/from").iter().map(|one| at(one, "/source")).collect();
        if sources.is_empty() || !sources.iter().all(|source| texts(source, "/notRequestPrincipals") == ["*"])
        {
            report.add(policy, "denies something else than calls without a token");
        }
        for operation in list(rule, "/to").iter().map(|one| at(one, "/operation")) {
            let public = |path: &&str| contract::is_public(path);
            let open = texts(operation, "/notPaths");
            if open.is_empty() || !open.iter().all(public) {
                report.add(policy, "lets a method through without a token that no contract calls public");
            }
        }
    }
}

/// RequestAuthentication checks the tokens that are there; that one is there, a policy must ask.
fn paired(world: &World<'_>, authentication: &Object, report: &mut Report) {
    let pair = world.of_kind("AuthorizationPolicy").any(|policy| {
        policy.namespace() == authentication.namespace()
            && policy.text("/spec/action") == "DENY"
            && policy.at("/spec/selector") == authentication.at("/spec/selector")
    });
    if !pair {
        report.add(authentication, "lets calls without a token pass: no policy asks for one");
    }
    for rule in authentication.list("/spec/jwtRules") {
        let keys = at(rule, "/jwksUri").as_str().unwrap_or_default();
        if !keys.starts_with("https://") || keys.contains(".svc") {
            report
                .add(authentication, format!("the keys at `{keys}` are not asked for from outside, by TLS"));
        }
        if texts(rule, "/audiences").is_empty() {
            report.add(authentication, "takes tokens that were made for somebody else");
        }
    }
}

fn allowing<'a>(world: &World<'a>, pod: &Template<'_>) -> Vec<&'a Object> {
    let fits = |policy: &&Object| {
        policy.namespace() == pod.owner.namespace()
            && policy.text("/spec/action") == "ALLOW"
            && pod.fits(policy.at("/spec/selector/matchLabels"))
    };
    world.of_kind("AuthorizationPolicy").filter(fits).collect()
}

/// The mesh and the network let the same callers in.
fn same_edges(world: &World<'_>, pod: &Template<'_>, policies: &[&Object], report: &mut Report) {
    let rules = policies.iter().flat_map(|policy| policy.list("/spec/rules"));
    let sources = rules.flat_map(|rule| list(rule, "/from"));
    let by_mesh: BTreeSet<(String, String)> = sources
        .flat_map(|source| texts(source, "/source/principals"))
        .filter_map(identity)
        .map(|(namespace, name)| (namespace.to_owned(), name.trim_end_matches("-istio").to_owned()))
        .collect();
    let mut by_network = BTreeSet::new();
    for policy in world.of_kind("NetworkPolicy") {
        let own = policy.at("/spec/podSelector/matchLabels");
        if policy.namespace() != pod.owner.namespace() || !pod.fits(own) {
            continue;
        }
        for peer in policy.list("/spec/ingress").iter().flat_map(|rule| list(rule, "/from")) {
            let labels = at(peer, "/podSelector/matchLabels");
            let name = labels["app.kubernetes.io/name"].as_str();
            let name = name.or(labels["gateway.networking.k8s.io/gateway-name"].as_str());
            let namespace =
                at(peer, "/namespaceSelector/matchLabels")["kubernetes.io/metadata.name"].as_str();
            let namespace = namespace.unwrap_or(policy.namespace());
            by_network.insert((namespace.to_owned(), name.unwrap_or_default().to_owned()));
        }
    }
    for (namespace, name) in by_mesh.symmetric_difference(&by_network) {
        let (open, closed) = match by_mesh.contains(&(namespace.clone(), name.clone())) {
            true => ("mesh", "network"),
            false => ("network", "mesh"),
        };
        report.add(pod.owner, format!("the {open} lets {namespace}/{name} in, and the {closed} does not"));
    }
}
