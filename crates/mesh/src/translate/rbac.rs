//! Policies: those that deny come first, then a call must match one that allows.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{extension, token};
use crate::istio::{Action, AuthorizationPolicy, Operation, Rule, Source};
use crate::world::{Placed, Workload, World};

/// The filters for a workload's pods, in their order.
pub fn filters(world: &World, workload: &Workload) -> Result<Vec<Value>> {
    let mut filters = Vec::new();
    for (action, name) in [(Action::Deny, "DENY"), (Action::Allow, "ALLOW")] {
        let chosen: Vec<_> = world.policies(workload).filter(|policy| policy.spec.action == action).collect();
        // Without any that allows, everything would pass; with one that has no rules, nothing does.
        if chosen.is_empty() {
            ensure!(action == Action::Deny, "{}: no policy says who may call it", workload.name);
            continue;
        }
        let mut policies = Map::new();
        for policy in chosen {
            add(&mut policies, policy)?;
        }
        let settings = json!({"rules": {"action": name, "policies": policies}});
        filters.push(extension(
            "envoy.filters.http.rbac",
            "envoy.extensions.filters.http.rbac.v3.RBAC",
            settings,
        ));
    }
    Ok(filters)
}

fn add(policies: &mut Map<String, Value>, policy: &Placed<AuthorizationPolicy>) -> Result<()> {
    for (number, rule) in policy.spec.rules.iter().enumerate() {
        let name = format!("ns[{}]-policy[{}]-rule[{number}]", policy.namespace, policy.name);
        let context =
            || format!("AuthorizationPolicy {}/{}: spec.rules[{number}]", policy.namespace, policy.name);
        policies.insert(name, self::rule(rule).with_context(context)?);
    }
    Ok(())
}

fn rule(rule: &Rule) -> Result<Value> {
    let mut principals = rule.from.iter().map(|from| source(&from.source)).collect::<Result<Vec<_>>>()?;
    let mut permissions = rule.to.iter().map(|to| operation(&to.operation)).collect::<Result<Vec<_>>>()?;
    if principals.is_empty() {
        principals.push(json!({"any": true}));
    }
    if permissions.is_empty() {
        permissions.push(json!({"any": true}));
    }
    Ok(json!({"permissions": permissions, "principals": principals}))
}

fn source(source: &Source) -> Result<Value> {
    let mut all = Vec::new();
    if !source.principals.is_empty() {
        let any = source.principals.iter().map(|name| {
            plain("principals", name)?;
            Ok(json!({"authenticated": {"principal_name": {"exact": format!("spiffe://{name}")}}}))
        });
        all.push(json!({"or_ids": {"ids": any.collect::<Result<Vec<_>>>()?}}));
    }
    match source.not_request_principals.as_slice() {
        [] => {}
        [any] if any == "*" => all.push(json!({"not_id": any_token()})),
        others => bail!("notRequestPrincipals: {others:?} is not translated, only [\"*\"] is"),
    }
    ensure!(!all.is_empty(), "from: a source that names nobody is not translated");
    Ok(json!({"and_ids": {"ids": all}}))
}

/// A token that was found good has an issuer and a subject.
fn any_token() -> Value {
    let claim = |name: &str| {
        json!({"sourced_metadata": {"metadata_matcher": {
            "filter": token::FILTER,
            "path": [{"key": token::PAYLOAD}, {"key": name}],
            "value": {"string_match": {"safe_regex": {"regex": ".+"}}},
        }}})
    };
    json!({"and_ids": {"ids": [claim("iss"), claim("sub")]}})
}

fn operation(operation: &Operation) -> Result<Value> {
    let paths = |paths: &[String], field: &str| {
        let any = paths.iter().map(|path| {
            plain(field, path)?;
            Ok(json!({"url_path": {"path": {"exact": path}}}))
        });
        Ok::<_, anyhow::Error>(json!({"or_rules": {"rules": any.collect::<Result<Vec<_>>>()?}}))
    };
    let mut all = Vec::new();
    if !operation.methods.is_empty() {
        let any = operation.methods.iter().map(|method| {
            plain("methods", method)?;
            Ok(json!({"header": {"name": ":method", "string_match": {"exact": method}}}))
        });
        all.push(json!({"or_rules": {"rules": any.collect::<Result<Vec<_>>>()?}}));
    }
    if !operation.ports.is_empty() {
        let any = operation.ports.iter().map(|port| {
            let number: u16 = port.parse().with_context(|| format!("ports: `{port}` is no port"))?;
            Ok(json!({"destination_port": number}))
        });
        all.push(json!({"or_rules": {"rules": any.collect::<Result<Vec<_>>>()?}}));
    }
    if !operation.paths.is_empty() {
        all.push(paths(&operation.paths, "paths")?);
    }
    if !operation.not_paths.is_empty() {
        all.push(json!({"not_rule": paths(&operation.not_paths, "notPaths")?}));
    }
    ensure!(!all.is_empty(), "to: an operation that names nothing is not translated");
    Ok(json!({"and_rules": {"rules": all}}))
}

/// Stars and templates match more than they spell; here everything is spelled out.
fn plain(field: &str, text: &str) -> Result<()> {
    ensure!(
        !text.is_empty() && !text.contains(['*', '{']),
        "{field}: `{text}` is not translated, only names without stars are"
    );
    Ok(())
}
