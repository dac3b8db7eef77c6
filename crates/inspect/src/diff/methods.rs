//! Routes, permissions and the promise that a repeated call does no harm.

use prost_reflect::MethodDescriptor;

use super::change;
use crate::options::{Access, Rate, Route};
use crate::{Finding, Tree, options};

/// Compares the options of methods that are in both.
pub fn check(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    for old in before.methods() {
        let Some(new) = after.method(old.full_name()) else { continue };
        routes(&old, &new, found);
        access(&old, &new, found);
        rate(&old, &new, found);
        idempotency(&old, &new, found);
    }
}

/// A route that was there must stay, as it was; which one is the main one does not matter to callers.
fn routes(old: &MethodDescriptor, new: &MethodDescriptor, found: &mut Vec<Finding>) {
    let now = options::routes(new);
    for was in options::routes(old).into_iter().filter(|route| !now.contains(route)) {
        let place = format!("{} {}", was.verb, was.path);
        match now.iter().find(|route| (&route.verb, &route.path) == (&was.verb, &was.path)) {
            Some(route) => {
                let (was, is) = (bodies(&was), bodies(route));
                let text = format!(
                    "{place} had {was} and now has {is}: callers of REST send and read the old form, keep \
                     it or give the new form a route of its own"
                );
                found.push(Finding::difference(
                    new,
                    "route-body",
                    change(format!("{place} {was}"), is),
                    text,
                ));
            }
            None => {
                let text = format!(
                    "the route {place} is gone: callers of REST get 404, keep it in `additional_bindings`"
                );
                found.push(Finding::difference(new, "route-removed", place, text));
            }
        }
    }
}

fn bodies(route: &Route) -> String {
    format!("body `{}` and response_body `{}`", route.body, route.response_body)
}

fn access(old: &MethodDescriptor, new: &MethodDescriptor, found: &mut Vec<Finding>) {
    let (was, is) = (options::access(old), options::access(new));
    if was == is {
        return;
    }
    let words = |access: &Option<Access>| access.as_ref().map_or("nothing".to_owned(), Access::words);
    let (from, to) = (words(&was), words(&is));
    let hurt = match (&was, &is) {
        (_, Some(Access::Public)) => {
            "everybody may call it now, without signing in: be sure that it is meant"
        }
        (Some(Access::Public), _) => "whoever called it without signing in is refused now",
        (_, Some(Access::Authenticated)) => "every signed-in user may call it now: be sure that it is meant",
        _ => "roles that tenants made do not hold the new permission, and their users are refused",
    };
    let text = format!("access was {from} and is {to}: {hurt}");
    found.push(Finding::difference(new, "access-changed", change(from, to), text));
}

/// Fewer calls than before are refused in the middle of somebody's work.
fn rate(old: &MethodDescriptor, new: &MethodDescriptor, found: &mut Vec<Finding>) {
    let Some(is) = options::rate(new) else { return };
    let was = options::rate(old);
    let limits = |rate: &Rate| [("caller", rate.caller_limit), ("tenant", rate.tenant_limit)];
    for (index, (whose, limit)) in limits(&is).into_iter().enumerate() {
        let before = was.as_ref().map(|was| (limits(was)[index].1, was.window_seconds)).unwrap_or_default();
        if is_lower(before, (limit, is.window_seconds)) {
            let change =
                format!("{whose} limit was {} and is {}", per(before), per((limit, is.window_seconds)));
            let text = format!("{change}: callers that stayed within the old limit are refused now");
            found.push(Finding::difference(new, "rate-lowered", &change, text));
        }
    }
}

/// Whether fewer calls a second pass; a limit of 0 is none.
fn is_lower((was, was_window): (i32, i32), (is, is_window): (i32, i32)) -> bool {
    let calls = |limit: i32, other_window: i32| i64::from(limit) * i64::from(other_window);
    is != 0 && (was == 0 || calls(is, was_window) < calls(was, is_window))
}

fn per((limit, window): (i32, i32)) -> String {
    if limit == 0 { "none".to_owned() } else { format!("{limit} in {window} s") }
}

fn idempotency(old: &MethodDescriptor, new: &MethodDescriptor, found: &mut Vec<Finding>) {
    let rank = |level: &str| {
        ["IDEMPOTENCY_UNKNOWN", "IDEMPOTENT", "NO_SIDE_EFFECTS"].iter().position(|one| *one == level)
    };
    let (was, is) = (options::idempotency(old), options::idempotency(new));
    if rank(is) < rank(was) {
        let text = format!(
            "idempotency_level was {was} and is {is}: callers and proxies that repeat calls do harm now"
        );
        found.push(Finding::difference(new, "idempotency-weaker", change(was, is), text));
    }
}
