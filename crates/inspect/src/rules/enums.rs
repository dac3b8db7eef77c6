//! Enums have a zero that means nothing, and reasons tell callers what to do.

use prost_reflect::EnumValueDescriptor;

use crate::tree::domain;
use crate::{Finding, Tree, options};

/// Checks enums and, among them, the reasons of errors.
pub fn check(tree: &Tree, found: &mut Vec<Finding>) {
    for declared in tree.enums() {
        let zero = declared.default_value();
        if zero.number() != 0 || !zero.name().ends_with("_UNSPECIFIED") {
            let text = "the enum's zero must be `..._UNSPECIFIED`: proto3 sends zero for what was not said";
            found.push(Finding::breach(&zero, "enum-zero", text));
        }
        let Some(reason_domain) = options::reason_domain(&declared) else { continue };
        let package = declared.package_name();
        let wanted = package.rsplit_once('.').map_or(package, |(domain, _version)| domain);
        if reason_domain != wanted {
            let text = format!(
                "the error domain is `{reason_domain}`: callers look for `{wanted}`, that of the package"
            );
            found.push(Finding::breach(&declared, "reason-domain", text));
        }
        for value in declared.values().filter(|value| value.number() != 0) {
            reason(&value, found);
        }
    }
    for declared in tree.enums().filter(|declared| declared.name().ends_with("Reason")) {
        if options::reason_domain(&declared).is_none() && !domain(declared.package_name()).is_empty() {
            let text = "is named like reasons but has no (erp.v1.reason_set): add it, or name it otherwise";
            found.push(Finding::breach(&declared, "reason-set", text));
        }
    }
}

fn reason(value: &EnumValueDescriptor, found: &mut Vec<Finding>) {
    let Some(reason) = options::reason(value) else {
        let text = "the reason has no (erp.v1.reason): give it a code and a message";
        found.push(Finding::breach(value, "reason-said", text));
        return;
    };
    if reason.code == "OK" || reason.code.is_empty() {
        let text = "the reason has no code: callers act on it";
        found.push(Finding::breach(value, "reason-said", text));
    }
    let starts_small = reason.message.starts_with(|first: char| !first.is_uppercase());
    if !starts_small || reason.message.ends_with('.') {
        let text = format!(
            "the message `{}` must be one sentence that starts small and ends without a full stop",
            reason.message
        );
        found.push(Finding::breach(value, "reason-said", text));
    }
}
