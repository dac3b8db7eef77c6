//! Routes, permissions and the promise that a repeated call does no harm.

use prost_reflect::MethodDescriptor;

use super::change;
use crate::options::{Access, Route};
use crate::{Finding, Tree, options};

/// Compares the options of methods that are in both.
pub fn check(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    for old in before.methods() {
        let Some(new) = after.method(old.full_name()) else { continue };
        routes(&old, &new, found);
        access(&old, &new, found);
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
