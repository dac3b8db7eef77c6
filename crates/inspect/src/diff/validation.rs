//! Validation that grew stricter: requests that were good are refused. What grew looser is nobody's harm.

use std::collections::BTreeSet;

use prost_reflect::Value;

use super::change;
use crate::tree::Declared;
use crate::validation::{self, Rules};
use crate::{Finding, Tree};

/// Compares the rules of everything that callers send.
pub fn check(before: &Tree, after: &Tree, found: &mut Vec<Finding>) {
    let sent: BTreeSet<String> = before.sent().intersection(&after.sent()).cloned().collect();
    for new in after.messages().filter(|message| sent.contains(message.full_name())) {
        let Some(old) = before.message(new.full_name()) else { continue };
        tell(&new, &validation::of_message(&old), &validation::of_message(&new), found);
        for field in new.fields() {
            if let Some(was) = old.get_field_by_name(field.name()) {
                tell(&field, &validation::of_field(&was), &validation::of_field(&field), found);
            }
        }
        for oneof in new.oneofs() {
            if let Some(was) = old.oneofs().find(|one| one.name() == oneof.name()) {
                tell(&oneof, &validation::of_oneof(&was), &validation::of_oneof(&oneof), found);
            }
        }
    }
}

fn tell(place: &impl Declared, before: &Rules, after: &Rules, found: &mut Vec<Finding>) {
    for (rule, change) in stricter(before, after) {
        let text = format!(
            "validation grew stricter, `{rule}` {change}: requests that were good are refused now, keep \
             the old rule or give the new one a field of its own"
        );
        found.push(Finding::difference(place, "validation-stricter", format!("{rule} {change}"), text));
    }
}

/// The rules that refuse what was good before, each with its change.
pub fn stricter(before: &Rules, after: &Rules) -> Vec<(String, String)> {
    let mut found = looked_at_again(before, after);
    if rank(before.get("ignore")) == ALWAYS || rank(after.get("ignore")) == ALWAYS {
        return found;
    }
    for (path, value) in after {
        if let Some(change) = tightened(path, before, value) {
            found.push((path.clone(), change));
        }
    }
    found
}

/// How far `ignore` keeps rules from being looked at: not at all, for zero, or always.
fn rank(ignore: Option<&Value>) -> usize {
    let ignore = ignore.map(validation::show).unwrap_or_default();
    ["never", "if zero", "always"].iter().position(|level| *level == ignore).unwrap_or(0)
}

const ALWAYS: usize = 2;

/// Rules that were skipped and are not any more.
fn looked_at_again(before: &Rules, after: &Rules) -> Vec<(String, String)> {
    let skipped = before.iter().filter(|(path, _)| path.rsplit('.').next() == Some("ignore"));
    let again = skipped.filter(|(path, was)| rank(after.get(*path)) < rank(Some(was)));
    let shown = |path: &String| after.get(path).map_or("never".to_owned(), validation::show);
    again.map(|(path, was)| (path.clone(), change(validation::show(was), shown(path)))).collect()
}

/// How one rule of the new state is stricter than what was before, if it is.
fn tightened(path: &str, before: &Rules, now: &Value) -> Option<String> {
    let was = before.get(path);
    let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
    let stricter = match name {
        "ignore" => false,
        "gt" | "gte" => bound(before, above, "gt", "gte", 1) < edge(now, name == "gt", 1),
        "lt" | "lte" => bound(before, above, "lt", "lte", -1) < edge(now, name == "lt", -1),
        "min_len" | "min_bytes" | "min_items" | "min_pairs" => {
            validation::nanos(now) > Some(was.and_then(validation::nanos).unwrap_or(0))
        }
        "max_len" | "max_bytes" | "max_items" | "max_pairs" | "within" => {
            let now = validation::nanos(now);
            was.and_then(validation::nanos).is_none_or(|was| now.is_some_and(|now| now < was))
        }
        "in" => was.is_none_or(|was| !lost(was, now).is_empty()),
        "not_in" => was.is_none_or(|was| !lost(now, was).is_empty()),
        "cel" | "cel_expression" | "oneof" => was.is_none_or(|was| !lost(now, was).is_empty()),
        _ => match now {
            Value::Bool(flag) => *flag && was != Some(now),
            // Patterns, constants and exact lengths: another one refuses something that was good.
            _ => was != Some(now),
        },
    };
    let shown = was.or_else(|| other_bound(before, above, name));
    let shown = shown.map_or("none".to_owned(), validation::show);
    stricter.then(|| change(shown, validation::show(now)))
}

/// How far a bound reaches in, on a scale where more is stricter; the second part parts `>` from `>=`.
type Edge = Option<(i128, bool)>;

fn edge(value: &Value, exclusive: bool, sign: i128) -> Edge {
    validation::nanos(value).map(|nanos| (nanos * sign, exclusive))
}

/// The bound that was there, whichever of its two forms it had.
fn bound(rules: &Rules, above: &str, exclusive: &str, inclusive: &str, sign: i128) -> Edge {
    let at = |name: &str| rules.get(&format!("{above}.{name}"));
    let first = at(exclusive).and_then(|value| edge(value, true, sign));
    first.or_else(|| at(inclusive).and_then(|value| edge(value, false, sign)))
}

fn other_bound<'a>(rules: &'a Rules, above: &str, name: &str) -> Option<&'a Value> {
    let other = match name {
        "gt" => "gte",
        "gte" => "gt",
        "lt" => "lte",
        "lte" => "lt",
        _ => return None,
    };
    rules.get(&format!("{above}.{other}"))
}

/// What the first list has and the second has not. An expression is the same whatever its text for people.
fn lost(first: &Value, second: &Value) -> Vec<String> {
    let items = |list: &Value| match list {
        Value::List(items) => items.iter().map(validation::show).collect::<BTreeSet<_>>(),
        single => BTreeSet::from([validation::show(single)]),
    };
    items(first).difference(&items(second)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// The changes from one set of rules for a field to another, case by case.
    fn changes(cases: &[(&str, &str, &str)]) -> Vec<Vec<String>> {
        let field = |kind: &str, said: &str| match said {
            "" => format!("{kind} a = 1;"),
            said => format!("{kind} a = 1 [{}];", said.replace("V.", "(buf.validate.field).")),
        };
        let both = cases.iter().flat_map(|(kind, before, after)| [field(kind, before), field(kind, after)]);
        let tree = testing::messages(&both.collect::<Vec<_>>());
        let rules = |index| validation::of_field(&testing::field(&tree, index));
        let found = (0..cases.len()).map(|case| stricter(&rules(2 * case), &rules(2 * case + 1)));
        found
            .map(|found| found.into_iter().map(|(rule, change)| format!("{rule} {change}")).collect())
            .collect()
    }

    #[test]
    fn stricter_is_told() {
        // Each of these refuses a request that was good.
        let cases = [
            ("string", "V.string.max_len = 9", "V.string.max_len = 8", "string.max_len 9 -> 8"),
            ("string", "", "V.string.max_len = 8", "string.max_len none -> 8"),
            ("string", "V.string.min_len = 1", "V.string.min_len = 2", "string.min_len 1 -> 2"),
            ("string", "V.string.pattern = 'a'", "V.string.pattern = 'b'", "string.pattern a -> b"),
            ("string", "", "V.string.uuid = true", "string.uuid none -> true"),
            ("string", "", "V.required = true", "required none -> true"),
            ("string", "V.string.in = 'a', V.string.in = 'b'", "V.string.in = 'a'", "string.in a, b -> a"),
            ("string", "V.string.not_in = 'a'", "V.string.not_in = 'b'", "string.not_in a -> b"),
            ("string", "V.string.const = 'a'", "V.string.const = 'b'", "string.const a -> b"),
            ("int32", "V.int32.gte = 0", "V.int32.gt = 0", "int32.gt 0 -> 0"),
            ("int32", "V.int32.gt = 0", "V.int32.gte = 1", "int32.gte 0 -> 1"),
            ("int32", "V.int32.lte = 5", "V.int32.lt = 5", "int32.lt 5 -> 5"),
            ("repeated int32", "", "V.repeated.max_items = 5", "repeated.max_items none -> 5"),
            (
                "repeated string",
                "",
                "V.repeated.items.string.uuid = true",
                "repeated.items.string.uuid none -> true",
            ),
            (
                "repeated string",
                "V.repeated.items = {string: {uuid: true} ignore: IGNORE_ALWAYS}",
                "V.repeated.items = {string: {uuid: true} ignore: IGNORE_IF_ZERO_VALUE}",
                "repeated.items.ignore always -> if zero",
            ),
            ("map<string, int32>", "V.map.max_pairs = 5", "V.map.max_pairs = 4", "map.max_pairs 5 -> 4"),
            (
                "string",
                "V.string.uuid = true, V.ignore = IGNORE_IF_ZERO_VALUE",
                "V.string.uuid = true",
                "ignore if zero -> never",
            ),
            (
                "string",
                "",
                "V.cel = {id: 'x' message: 'm' expression: 'this != \"\"'}",
                "cel none -> x: this != \"\"",
            ),
        ];
        let plain: Vec<_> = cases.iter().map(|(kind, before, after, _)| (*kind, *before, *after)).collect();
        for (case, found) in cases.iter().zip(changes(&plain)) {
            assert_eq!(found, [case.3], "{case:?}");
        }
    }

    #[test]
    fn looser_is_not_told() {
        // Otherwise nobody would read what is told.
        let cases = [
            ("string", "V.string.max_len = 8", "V.string.max_len = 9"),
            ("string", "V.string.max_len = 8", ""),
            ("string", "V.string.min_len = 1", "V.string.min_len = 0"),
            ("string", "", "V.string.min_len = 0"),
            ("string", "V.string.uuid = true", "V.string.uuid = true, V.ignore = IGNORE_IF_ZERO_VALUE"),
            ("string", "V.string.in = 'a'", "V.string.in = 'a', V.string.in = 'b'"),
            ("string", "V.string.pattern = 'a'", ""),
            ("string", "V.required = true", "V.required = false"),
            (
                "repeated string",
                "V.repeated.items = {string: {uuid: true}}",
                "V.repeated.items = {string: {uuid: true} ignore: IGNORE_IF_ZERO_VALUE}",
            ),
            ("int32", "V.int32.gt = 0", "V.int32.gte = 0"),
            ("int32", "V.int32.lt = 5", "V.int32.lte = 5"),
            ("string", "V.string.len = 3", "V.ignore = IGNORE_ALWAYS, V.string.len = 4"),
            (
                "string",
                "V.cel = {id: 'x' message: 'm' expression: 'this != \"\"'}",
                "V.cel = {id: 'x' message: 'better' expression: 'this != \"\"'}",
            ),
        ];
        for (case, found) in cases.iter().zip(changes(&cases)) {
            assert_eq!(found, [""; 0], "{case:?}");
        }
    }
}
