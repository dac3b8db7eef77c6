//! Routes: hosts and subsets that are there, limits that are written out, no write that runs twice, and no stream that is
//! cut short.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Report;
use super::wiring::serves;
use super::world::World;
use crate::contract::{self, Kind, STREAM_LIMIT};
use crate::objects::{Object, at, list, text};

/// What a call that changes nothing may be repeated on.
const FOR_READS: [&str; 4] = ["connect-failure", "refused-stream", "unavailable", "reset-before-request"];
/// What a write may be repeated on: it cannot have reached the service.
const FOR_WRITES: [&str; 2] = ["connect-failure", "refused-stream"];

pub fn check(world: &World<'_>, report: &mut Report) {
    for service in world.of_kind("VirtualService") {
        for host in service.list("/spec/hosts").iter().filter_map(Value::as_str) {
            if world.service(host).is_none() {
                report.add(service, format!("the host `{host}` does not exist"));
            }
        }
        let mut names = BTreeSet::new();
        for route in service.list("/spec/http") {
            if !names.insert(text(route, "/name")) {
                report.add(service, format!("two routes are called `{}`", text(route, "/name")));
            }
            destinations(world, service, route, report);
            limits(service, route, report);
        }
        streams(service, report);
        let last = service.list("/spec/http").last();
        if last.is_some_and(|route| route.get("match").is_some()) {
            report.add(service, "has no route for what none of its matches fits");
        }
    }
    for pod in world.templates().filter(|pod| pod.in_mesh() && serves(pod)) {
        // The gateway is called by the edge alone, whose routes are those of the Gateway API.
        let host = format!("{}.{}.svc.cluster.local", pod.owner.name(), pod.owner.namespace());
        let routed =
            world.of_kind("VirtualService").any(|one| one.at("/spec/hosts") == &serde_json::json!([host]));
        let at_edge = world.of_kind("HTTPRoute").any(|route| {
            let rules = route.list("/spec/rules").iter();
            route.namespace() == pod.owner.namespace()
                && rules
                    .flat_map(|rule| list(rule, "/backendRefs"))
                    .any(|one| text(one, "/name") == pod.owner.name())
        });
        if !routed && !at_edge {
            report.add(pod.owner, "has no VirtualService, so that Istio's own retries hold");
        }
    }
}

fn destinations(world: &World<'_>, service: &Object, route: &Value, report: &mut Report) {
    let name = text(route, "/name");
    let targets = list(route, "/route");
    for target in targets {
        let (host, subset) = (text(target, "/destination/host"), text(target, "/destination/subset"));
        if world.service(host).is_none() {
            report.add(service, format!("route `{name}`: the host `{host}` does not exist"));
        }
        let has = world
            .of_kind("DestinationRule")
            .filter(|rule| rule.text("/spec/host") == host)
            .any(|rule| rule.list("/spec/subsets").iter().any(|one| text(one, "/name") == subset));
        if !subset.is_empty() && !has {
            report.add(service, format!("route `{name}`: the subset `{subset}` does not exist"));
        }
    }
    let weights: i64 = targets.iter().filter_map(|target| at(target, "/weight").as_i64()).sum();
    if targets.is_empty() || targets.len() > 1 && weights != 100 {
        report.add(service, format!("route `{name}`: the weights make {weights}, not 100"));
    }
}

/// Routes are tried in their order: one that takes calls by something else than their methods, as that of canaries does,
/// takes streams as well unless a route before it has taken them.
fn streams(service: &Object, report: &mut Report) {
    let all = service.list("/spec/http");
    let named = all.iter().flat_map(|route| list(route, "/match")).map(|one| text(one, "/uri/exact"));
    let streams: BTreeSet<&str> =
        named.filter(|path| matches!(contract::kind(path), Ok(Kind::Stream))).collect();
    for (place, route) in all.iter().enumerate() {
        let limit = seconds(text(route, "/timeout")).unwrap_or(0);
        if u64::from(limit) >= STREAM_LIMIT.as_secs() {
            continue;
        }
        let everything = [Value::Null];
        let wanted = match list(route, "/match") {
            [] => &everything,
            wanted => wanted,
        };
        let takes = |one: &Value, path: &str| match text(one, "/uri/exact") {
            "" => !all[..place].iter().flat_map(|before| list(before, "/match")).any(|before| {
                let (theirs, own) = (at(before, "/headers"), at(one, "/headers"));
                text(before, "/uri/exact") == path && (theirs.is_null() || theirs == own)
            }),
            exact => exact == path,
        };
        if wanted.iter().any(|one| streams.iter().any(|path| takes(one, path))) {
            report.add(
                service,
                format!("route `{}`: takes streams, and cuts them after {limit} s", text(route, "/name")),
            );
        }
    }
}

fn limits(service: &Object, route: &Value, report: &mut Report) {
    let name = text(route, "/name");
    let mut say = |what: String| report.add(service, format!("route `{name}`: {what}"));
    if seconds(text(route, "/timeout")).is_none() {
        say("has no timeout".to_owned());
    }
    let retries = at(route, "/retries");
    let Some(attempts) = at(retries, "/attempts").as_i64() else {
        return say("says nothing of retries, so that Istio's own hold".to_owned());
    };
    if attempts > 2 {
        say(format!("{attempts} attempts are {} executions", attempts + 1));
    }
    if !at(retries, "/perTryTimeout").is_null() {
        say("perTryTimeout is the limit of every call, as no try follows it".to_owned());
    }
    let (kinds, unknown) = kinds(route);
    for path in unknown {
        say(format!("the method `{path}` is in no contract"));
    }
    if attempts == 0 {
        return;
    }
    if kinds.contains(&Kind::Stream) {
        say("repeats streams".to_owned());
    }
    let reads = kinds.iter().all(|kind| *kind == Kind::Read);
    let safe: &[&str] = if reads { &FOR_READS } else { &FOR_WRITES };
    let conditions: Vec<&str> = text(retries, "/retryOn").split(',').map(str::trim).collect();
    for condition in conditions.iter().filter(|condition| !safe.contains(condition)) {
        say(match reads {
            true => format!("`{condition}` is not safe to repeat on"),
            false => format!("`{condition}` would execute writes twice"),
        });
    }
}

/// The kinds of the methods that a route takes; without a match it takes all that is left, which may write.
fn kinds(route: &Value) -> (BTreeSet<Kind>, Vec<String>) {
    let (mut kinds, mut unknown) = (BTreeSet::new(), Vec::new());
    let matches = list(route, "/match");
    if matches.is_empty() {
        kinds.insert(Kind::Write);
    }
    for path in matches.iter().map(|one| text(one, "/uri/exact")) {
        // A match by something else than the path takes writes as well.
        let kind = if path.is_empty() { Ok(Kind::Write) } else { contract::kind(path) };
        match kind {
            Ok(kind) => kinds.extend([kind]),
            Err(_) => unknown.push(path.to_owned()),
        }
    }
    (kinds, unknown)
}

fn seconds(text: &str) -> Option<u32> {
    text.strip_suffix('s')?.parse().ok().filter(|seconds| *seconds > 0)
}
