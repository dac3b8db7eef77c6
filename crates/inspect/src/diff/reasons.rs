//! What callers branch on when a call fails.

use super::change;
use crate::{Finding, Tree, options};

/// Compares the reasons of errors. Their messages are for people and may change.
pub fn check(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    for old in before.enums() {
        let Some(was) = options::reason_domain(&old) else { continue };
        let Some(new) = after.enumeration(old.full_name()) else { continue };
        let is = options::reason_domain(&new).unwrap_or_default();
        if was != is {
            let text = format!("the error domain was `{was}` and is `{is}`: callers compare it, keep it");
            found.push(Finding::difference(&new, "reason-domain", change(&was, &is), text));
        }
        for value in old.values() {
            let Some(was) = options::reason(&value) else { continue };
            let code = new.get_value_by_name(value.name()).map(|value| options::reason(&value));
            let Some(Some(is)) = code else {
                let text = "the reason is gone: callers that wait for it take the failure for an unknown \
                    one, keep it until nothing gives it any more";
                found.push(Finding::difference(&value, "reason-removed", "removed", text));
                continue;
            };
            if was.code != is.code {
                let text = format!(
                    "the reason's code was {} and is {}: callers decide by it whether to try again",
                    was.code, is.code
                );
                found.push(Finding::difference(&value, "reason-code", change(&was.code, &is.code), text));
            }
        }
    }
}
