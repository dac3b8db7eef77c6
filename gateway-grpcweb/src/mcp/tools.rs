//! The tools of a snapshot: its unary methods that have an HTTP rule.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use prost_reflect::{Kind, MethodDescriptor};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::Value;

use crate::describe::facts::MethodFacts;
use crate::describe::schema::{Part, Schemas};
use crate::describe::{Contracts, methods};
use crate::snapshot::Snapshot;

/// Names may be this long with every model.
const LONGEST_NAME: usize = 64;
/// A schema of an answer is told up to this length, as models read all of it every time.
const LONGEST_OUTPUT: usize = 2000;

/// What a caller needs to use a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    Token,
    Permission(String),
}

/// A method as a tool.
pub(crate) struct MethodTool {
    pub(crate) tool: Tool,
    /// `/package.Service/Method`
    pub(crate) path: String,
    /// Full name of the service.
    pub(crate) service: String,
    pub(crate) need: Need,
}

/// All tools of a snapshot, in the order of their names.
pub(crate) struct Tools {
    tools: Vec<MethodTool>,
    by_name: HashMap<String, usize>,
}

impl Tools {
    pub(crate) fn of(snapshot: &Snapshot, contracts: &Contracts) -> Self {
        let verbs: HashMap<&str, &str> = snapshot
            .routes()
            .map(|(_, route)| (&*snapshot.method(route).full_name, &*route.verb))
            .collect::<Vec<_>>()
            .into_iter()
            // The first rule of a method tells what it is.
            .rev()
            .collect();
        let unary: Vec<_> = methods(snapshot)
            .filter(|method| !method.is_client_streaming() && !method.is_server_streaming())
            .filter(|method| verbs.contains_key(method.full_name()))
            .filter(is_json)
            .collect();
        let names = names(&unary);
        let mut tools: Vec<_> = unary
            .iter()
            .zip(names)
            .map(|(method, name)| make(method, name, verbs[method.full_name()], contracts))
            .collect();
        tools.sort_by(|one, other| one.tool.name.cmp(&other.tool.name));
        let by_name = tools.iter().enumerate().map(|(at, tool)| (tool.tool.name.to_string(), at)).collect();
        Self { tools, by_name }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &MethodTool> {
        self.tools.iter()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&MethodTool> {
        self.by_name.get(name).map(|at| &self.tools[*at])
    }
}

/// Whether a service is the one that is named: by its full name, its own name, or a package that it
/// is in.
pub(crate) fn is_within(service: &str, named: &str) -> bool {
    let rest = service.strip_prefix(named);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        || service.strip_suffix(named).is_some_and(|before| before.ends_with('.'))
}

/// Whether both sides are JSON: files are no matter of tools.
fn is_json(method: &MethodDescriptor) -> bool {
    [method.input(), method.output()].iter().all(|message| message.full_name() != "google.api.HttpBody")
}

/// `ContactService_GetContact`; of two services with one name, the package stands before it.
fn names(methods: &[MethodDescriptor]) -> Vec<String> {
    let short = |method: &MethodDescriptor| format!("{}_{}", method.parent_service().name(), method.name());
    let mut seen = HashSet::new();
    let mut twice = HashSet::new();
    for method in methods {
        let name = short(method);
        if !seen.insert(name.clone()) {
            twice.insert(name);
        }
    }
    let mut taken = HashSet::new();
    let mut name = |method: &MethodDescriptor| {
        let mut name = short(method);
        if twice.contains(&name) {
            name = format!("{}_{name}", method.parent_service().package_name().replace('.', "_"));
        }
        let mut fit = if name.len() > LONGEST_NAME { cut(&name, 0) } else { name.clone() };
        let mut again = 1;
        while !taken.insert(fit.clone()) {
            fit = cut(&name, again);
            again += 1;
        }
        fit
    };
    methods.iter().map(&mut name).collect()
}

/// The end of a name, which tells more than its beginning.
fn cut(name: &str, again: usize) -> String {
    let number = if again == 0 { String::new() } else { format!("_{again}") };
    let from = name.len().saturating_sub(LONGEST_NAME - number.len());
    format!("{}{number}", &name[from..])
}

fn make(method: &MethodDescriptor, name: String, verb: &str, contracts: &Contracts) -> MethodTool {
    let facts = MethodFacts::of(method);
    let service = method.parent_service();
    let comment = contracts.comments.of_path(&method.parent_file(), method.path()).unwrap_or_default();
    let description = if comment.is_empty() { words(method.name()) } else { comment.to_owned() };
    let mut tool = Tool::new(name, description, Arc::new(input(method, contracts)))
        .with_title(words(method.name()))
        .with_annotations(hints(method, verb));
    let output = schema(method, contracts, false);
    if serde_json::to_string(&output).is_ok_and(|text| text.len() <= LONGEST_OUTPUT) {
        tool = tool.with_raw_output_schema(Arc::new(output));
    }
    let need = match &facts.access {
        Some(access) if access.public => Need::Nothing,
        Some(access) if !access.permission.is_empty() => Need::Permission(access.permission.clone()),
        Some(_) => Need::Token,
        // A contract that says nothing leaves it to the service.
        None => Need::Nothing,
    };
    MethodTool {
        tool,
        path: format!("/{}/{}", service.full_name(), method.name()),
        service: service.full_name().to_owned(),
        need,
    }
}

fn input(method: &MethodDescriptor, contracts: &Contracts) -> JsonObject {
    let mut schema = schema(method, contracts, true);
    // The codec refuses unknown names; a model does better to know that at once.
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

fn schema(method: &MethodDescriptor, contracts: &Contracts, input: bool) -> JsonObject {
    let message = if input { method.input() } else { method.output() };
    let mut schemas = Schemas::new(&contracts.comments, "#/$defs/", &contracts.sent);
    let mut schema = schemas.object(&message, Part::default());
    let made = schemas.into_made();
    if !made.is_empty() {
        schema.insert("$defs".to_owned(), made.into_iter().collect::<serde_json::Map<_, _>>().into());
    }
    let mut whole = Value::Object(schema);
    thin(&mut whole, input);
    drop_unused(&mut whole);
    match whole {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

/// Leaves out what a model has no use for: hints for pages, and what a request may not set.
fn thin(value: &mut Value, input: bool) {
    match value {
        Value::Object(map) => {
            for key in ["x-order", "x-enum-descriptions", "x-references", "examples"] {
                map.remove(key);
            }
            let hidden = if input { "readOnly" } else { "writeOnly" };
            if let Some(Value::Object(properties)) = map.get_mut("properties") {
                properties.retain(|_, property| property.get(hidden).is_none());
            }
            map.values_mut().for_each(|inner| thin(inner, input));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| thin(inner, input)),
        _ => {}
    }
}

/// Leaves out definitions that nothing refers to any more.
fn drop_unused(schema: &mut Value) {
    let mut used = HashSet::new();
    let defs = schema.as_object_mut().and_then(|schema| schema.remove("$defs"));
    let Some(Value::Object(mut defs)) = defs else { return };
    let mut open = references(schema);
    while let Some(name) = open.pop() {
        if let Some(target) = defs.get(&name)
            && used.insert(name)
        {
            open.extend(references(target));
        }
    }
    defs.retain(|name, _| used.contains(name));
    if !defs.is_empty() {
        schema["$defs"] = defs.into();
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
            own.map(str::to_owned).into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// `GetContact` as a person would say it.
fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for one in name.chars() {
        if one.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
            out.push(one.to_ascii_lowercase());
        } else {
            out.push(one);
        }
    }
    out
}

/// What a client should know before it calls.
fn hints(method: &MethodDescriptor, verb: &str) -> ToolAnnotations {
    const READS: [&str; 5] = ["Get", "List", "Search", "BatchGet", "Count"];
    const ENDS: [&str; 10] = [
        "Delete",
        "BatchDelete",
        "Purge",
        "Remove",
        "Revoke",
        "Cancel",
        "Void",
        "Abort",
        "Reverse",
        "Suspend",
    ];
    let begins = |words: &[&str]| {
        words.iter().any(|word| {
            let rest = method.name().strip_prefix(word);
            rest.is_some_and(|rest| rest.chars().next().is_none_or(|next| next.is_ascii_uppercase()))
        })
    };
    let reads = verb == "GET" || begins(&READS);
    let repeatable = method
        .input()
        .get_field_by_name("request_id")
        .is_some_and(|field| matches!(field.kind(), Kind::String) && !field.is_list());
    ToolAnnotations::new()
        .read_only(reads)
        .destructive(!reads && (verb == "DELETE" || begins(&ENDS)))
        .idempotent(reads || repeatable || matches!(verb, "PUT"))
        .open_world(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_are_named_in_three_ways() {
        let service = "erp.crm.v1.ContactService";
        for named in ["erp.crm.v1.ContactService", "ContactService", "erp.crm.v1", "erp.crm", "erp"] {
            assert!(is_within(service, named), "{named}");
        }
        for other in ["actService", "erp.cr", "crm", "erp.crm.v1.Contact", "x"] {
            assert!(!is_within(service, other), "{other}");
        }
    }

    #[test]
    fn long_names_keep_their_end() {
        let name = format!("{}_GetBook", "a".repeat(80));
        assert!(cut(&name, 0).len() == LONGEST_NAME && cut(&name, 12).len() == LONGEST_NAME);
        assert!(cut(&name, 0).ends_with("_GetBook") && cut(&name, 12).ends_with("_GetBook_12"));
    }

    #[test]
    fn unused_definitions_go() {
        let mut schema = json!({
            "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"items": {"$ref": "#/$defs/B"}}, "B": {"$ref": "#/$defs/B"}, "C": {}},
        });
        drop_unused(&mut schema);
        assert_eq!(schema["$defs"].as_object().unwrap().keys().collect::<Vec<_>>(), ["A", "B"]);
    }
}
