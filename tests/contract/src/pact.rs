//! What one service expects of another, as data: the requests it sends and what it relies on in the answers.
//! Each consumer has a file in `tests/contract/pacts/` for each provider that it calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kit::IdSource as _;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pact {
    /// A service; or `host` for what every service does, `gateway` for the gateway, `all` for the suite of a laptop,
    /// which call without a token.
    pub consumer: String,
    pub provider: String,
    pub interactions: Vec<Interaction>,
}

/// One thing that the consumer relies on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interaction {
    /// Why the consumer wants it so.
    pub why: String,
    /// What has happened before.
    pub given: Vec<Step>,
    /// What the consumer sends.
    pub sends: Sends,
    /// The part of the answer that the consumer looks at: `<uuid>`, `<text>` and `<none>` stand for any id, any
    /// text that is not empty, and a field that is not there.
    pub relies_on: Option<Value>,
    /// The error that the consumer acts on, where it is one.
    pub fails_with: Option<Failure>,
    /// The numbers of the fields for a consumer that knows no names: `api_key` of the request, `keys.kid` of the answer.
    #[serde(default)]
    pub numbers: BTreeMap<String, u32>,
}

/// A call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sends {
    /// `erp.catalog.v1.ProductService/ResolvePrices`.
    pub method: String,
    /// The request as JSON. `${tea}` stands for what was kept under this name, `${new:tea}` for a new UUID that is
    /// kept under it.
    pub request: Value,
    /// `person`: with the token of a caller, whom the consumer passes on; else as the consumer.
    #[serde(default, rename = "as")]
    pub caller: String,
}

/// What has happened before: a call by a person of the tenant or by the consumer, or an event.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Step {
    Call {
        method: String,
        request: Value,
        /// `consumer`; else a person who may do everything.
        #[serde(default, rename = "as")]
        caller: String,
        /// A JSON pointer into the answer: the call is repeated until something stands there.
        #[serde(default)]
        eventually: String,
        /// What to keep of the answer: names and JSON pointers.
        #[serde(default)]
        keep: BTreeMap<String, String>,
    },
    Event {
        event: String,
        data: Value,
    },
}

/// An error as a consumer tells it from others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub code: String,
    pub domain: String,
    pub reason: String,
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// The folder of the pacts.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pacts")
}

/// All pacts, in the order of their names.
pub fn all() -> Vec<Pact> {
    read_json(&folder())
        .into_iter()
        .map(|(path, value)| {
            serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

/// The JSON files of a folder, in the order of their names.
pub fn read_json(folder: &Path) -> Vec<(PathBuf, Value)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a folder can be read to its end").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, value)
    };
    paths.into_iter().map(read).collect()
}

/// The names of one interaction and what is kept under them.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// Keeps something.
    pub fn keep(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    /// A value with everything filled in that it names.
    pub fn fill(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill_text(text)),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (self.fill_text(name), self.fill(value)));
                Value::Object(fields.collect())
            }
            other => other.clone(),
        }
    }

    fn fill_text(&mut self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap_or_else(|| panic!("{text}: a `${{` has no end"));
            filled.push_str(before);
            if let Some(name) = name.strip_prefix("new:") {
                let id = kit::UuidV7.new_id().to_string();
                self.keep(name, &id);
                filled.push_str(&id);
            } else {
                filled.push_str(
                    self.0.get(name).unwrap_or_else(|| panic!("{text}: nothing is kept as {name}")),
                );
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// Where an answer is not what is relied on: the place and what is wrong there.
pub fn difference(expected: &Value, answer: Option<&Value>, place: &str) -> Option<String> {
    let wrong = |what: &str| Some(format!("{place}: {what}, expected {expected}, got {answer:?}"));
    match (expected, answer) {
        (Value::String(mark), None) if mark == "<none>" => None,
        (_, None) => wrong("is missing"),
        (Value::String(mark), Some(Value::String(text))) if mark == "<uuid>" => {
            if kit::Uuid::parse_str(text).is_ok() { None } else { wrong("is no UUID") }
        }
        (Value::String(mark), Some(Value::String(text))) if mark == "<text>" => {
            if text.is_empty() {
                wrong("is empty")
            } else {
                None
            }
        }
        (Value::Object(fields), Some(Value::Object(found))) => fields
            .iter()
            .find_map(|(name, value)| difference(value, found.get(name), &format!("{place}/{name}"))),
        (Value::Array(items), Some(Value::Array(found))) if items.len() == found.len() => {
            let mut pairs = items.iter().zip(found).enumerate();
            pairs.find_map(|(number, (item, found))| {
                difference(item, Some(found), &format!("{place}/{number}"))
            })
        }
        (expected, Some(found)) => {
            if expected == found {
                None
            } else {
                wrong("is another")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_relied_on_must_be_there() {
        // More than that may be, and nothing less.
        let answer =
            json!({"id": "0197f000-0000-7000-8000-000000000000", "state": "HELD", "lines": [{"n": 1}]});
        let same = |expected: Value| difference(&expected, Some(&answer), "").is_none();
        assert!(same(json!({})) && same(json!({"id": "<uuid>", "state": "<text>", "gone": "<none>"})));
        assert!(same(json!({"lines": [{}]})) && same(json!({"lines": [{"n": 1}]})));
        for wrong in [
            json!({"state": "GONE"}),
            json!({"state": "<uuid>"}),
            json!({"state": "<none>"}),
            json!({"lines": []}),
            json!({"lines": [{"n": 2}]}),
            json!({"other": "<text>"}),
            json!([]),
        ] {
            assert!(!same(wrong.clone()), "{wrong}");
        }
    }

    #[test]
    fn names_are_filled_in() {
        // A new name must mean the same wherever it comes up again, also inside of longer texts and in keys.
        let mut names = Names::default();
        let filled = names.fill(&json!({"a": "${new:x}", "b": {"k-${x}": ["x = ${x}!"]}}));
        let x = filled["a"].as_str().expect("a text");
        assert_eq!(filled["b"], json!({format!("k-{x}"): [format!("x = {x}!")]}));
    }
}
