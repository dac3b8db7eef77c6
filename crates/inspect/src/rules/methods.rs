//! Methods say who may call them, where REST finds them, and how a repeated write is known.

use std::collections::BTreeMap;

use prost_reflect::{Kind, MethodDescriptor};

use crate::options::Access;
use crate::tree::domain;
use crate::{Finding, Tree, options, validation};

/// Checks the options of every method, and the field `request_id` of those that write.
pub fn check(tree: &Tree, found: &mut Vec<Finding>) {
    let mut taken: BTreeMap<(String, String), String> = BTreeMap::new();
    for method in tree.methods() {
        access(&method, found);
        let routes = options::routes(&method);
        if routes.is_empty() {
            let text = "REST does not find it: give it the option (google.api.http)";
            found.push(Finding::breach(&method, "method-http", text));
        }
        for route in routes {
            let text = format!("{} {} is the route of", route.verb, route.path);
            if let Some(other) = taken.insert((route.verb, shape(&route.path)), method.full_name().to_owned())
            {
                let text =
                    format!("{text} {other} as well: one of them is never reached, give it another path");
                found.push(Finding::breach(&method, "method-http", text));
            }
        }
        rate(&method, found);
        cache(&method, found);
        if writes(&method) {
            request_id(&method, found);
        }
    }
}

fn access(method: &MethodDescriptor, found: &mut Vec<Finding>) {
    let breach = |rule, text: String| Finding::breach(method, rule, text);
    match options::access(method) {
        None => {
            let text = "says nobody who may call it: set exactly one field of the option (erp.v1.access)";
            found.push(breach("method-access", text.to_owned()));
        }
        Some(Access::Permission(name)) => {
            let domain = domain(method.parent_service().package_name()).to_owned();
            if !is_permission(&name, &domain) {
                let text = format!(
                    "the permission `{name}` is not `{domain}.<collection>.<verb>`: roles are given by domain"
                );
                found.push(breach("method-permission", text));
            }
        }
        Some(Access::Public | Access::Authenticated) => {}
    }
}

/// Whether a name is a permission of the domain.
pub(super) fn is_permission(name: &str, domain: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let fits = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    parts.len() == 3 && parts[0] == domain && parts.iter().all(fits)
}

/// A limit must limit something within a day.
fn rate(method: &MethodDescriptor, found: &mut Vec<Finding>) {
    let Some(rate) = options::rate(method) else { return };
    let limits = [rate.caller_limit, rate.tenant_limit];
    let none = limits.iter().all(|limit| *limit == 0);
    if none || limits.iter().any(|limit| *limit < 0) || !(1..=86_400).contains(&rate.window_seconds) {
        let text = "its rate limits nothing: (erp.v1.rate) needs a limit above 0 and a window of 1 to 86400 \
            seconds";
        found.push(Finding::breach(method, "method-rate", text));
    }
}

/// Only answers to questions are kept, and only what everybody may read is kept for everybody.
fn cache(method: &MethodDescriptor, found: &mut Vec<Finding>) {
    let Some(cache) = options::cache(method) else { return };
    let routes = options::routes(method);
    let asks = !routes.is_empty() && routes.iter().all(|route| route.verb == "GET");
    if !asks || !(1..=3600).contains(&cache.max_age_seconds) {
        let text = "its answers cannot be kept: (erp.v1.cache) is for methods that REST finds by GET, and takes \
            1 to 3600 seconds";
        found.push(Finding::breach(method, "method-cache", text));
    }
    if cache.shared && options::access(method) != Some(Access::Public) {
        let text = "its answer would be shown to callers who may not call it: a shared (erp.v1.cache) is for \
            public methods";
        found.push(Finding::breach(method, "method-cache", text));
    }
}

/// Whether a repeated call could do something twice. A public call has no tenant in which it could be
/// remembered, and a POST that asks for a right to read is a question that needs a body.
fn writes(method: &MethodDescriptor) -> bool {
    let asks = options::routes(method).iter().all(|route| route.verb == "GET");
    let may_write = match options::access(method) {
        Some(Access::Permission(name)) => !name.ends_with(".read"),
        Some(Access::Authenticated) | None => true,
        Some(Access::Public) => false,
    };
    !asks && may_write
}

fn request_id(method: &MethodDescriptor, found: &mut Vec<Finding>) {
    let input = method.input();
    let Some(field) = input.get_field_by_name("request_id") else {
        let text = format!(
            "changes something, but {} has no `string request_id`: a repeated call would do it twice",
            input.name()
        );
        found.push(Finding::breach(method, "method-request-id", text));
        return;
    };
    let rules = validation::of_field(&field);
    let may_be_empty = field.supports_presence() || rules.contains_key("ignore");
    if !matches!(field.kind(), Kind::String) || !validation::is_on(&rules, "string.uuid") || !may_be_empty {
        let text = "must be a string with `string.uuid = true` and `ignore = IGNORE_IF_ZERO_VALUE`: \
            callers may leave it out, but not make it up";
        found.push(Finding::breach(&field, "method-request-id", text));
    }
}

/// A path without the names of its variables: what the router tells apart.
fn shape(path: &str) -> String {
    let mut shape = String::new();
    let mut inside = false;
    for letter in path.chars() {
        match letter {
            '{' => inside = true,
            '}' => {
                inside = false;
                shape.push_str("{}");
            }
            _ if inside => {}
            _ => shape.push(letter),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_differ_by_more_than_a_variable() {
        // The router could not choose between them.
        assert_eq!(shape("/api/v1/orders/{id}:cancel"), shape("/api/v1/orders/{order.id}:cancel"));
        assert_ne!(shape("/api/v1/orders/{id}"), shape("/api/v1/orders/{id}:cancel"));
    }
}
