//! One HTTP rule as an operation of OpenAPI.

use prost_reflect::{FieldDescriptor, Kind, MethodDescriptor};
use serde_json::{Value, json};

use super::answers::{self, Can, Reason};
use super::example::{Examples, Way};
use super::facts::MethodFacts;
use super::parameters;
use super::paths::ApiPath;
use super::rules::{Schema, put};
use super::schema::{Part, Schemas, add_sentence};
use crate::codec::FieldPath;
use crate::snapshot::{Body, Route, Snapshot};

/// What an operation is made of.
pub(crate) struct Source<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) method: &'a MethodDescriptor,
    pub(crate) route: &'a Route,
    /// The template as the contract writes it.
    pub(crate) template: &'a str,
    /// Which of the method's rules it is, from 1.
    pub(crate) number: usize,
    pub(crate) reasons: &'a [Reason],
}

/// The fields of a path within a message.
fn fields(snapshot: &Snapshot, path: &FieldPath) -> Vec<FieldDescriptor> {
    let field = |(message, index): &(u32, u16)| {
        let plan = snapshot.plans.message(*message);
        plan.descriptor.get_field_by_name(&plan.fields[usize::from(*index)].name)
    };
    path.iter().filter_map(field).collect()
}

/// Whether a caller that has the answer already is told so.
fn keeps(route: &Route) -> bool {
    route.etag_out.is_some() && *route.verb == *"GET"
}

/// The headers by which a caller names the version that it has.
fn preconditions(route: &Route) -> Vec<Value> {
    let mut headers = Vec::new();
    let mut add = |name: &str, description: &str| {
        headers.push(
            json!({"name": name, "in": "header", "description": description, "schema": {"type": "string"}}),
        );
    };
    if keeps(route) {
        add("if-none-match", "The `etag` of an answer that is still at hand: 304 when it is the same.");
    }
    if route.etag_in.is_some() {
        add("if-match", "The `etag` of the version to change: 412 when there is a newer one.");
    }
    headers
}

/// Writes the operation.
pub(crate) fn of(source: &Source<'_>, path: &ApiPath, schemas: &mut Schemas<'_>) -> Value {
    let Source { method, route, .. } = source;
    let facts = MethodFacts::of(method);
    let comment = schemas.comment(&method.parent_file(), method.path()).unwrap_or_default();
    let reasons: Vec<_> = source.reasons.iter().filter(|reason| names(comment, &reason.name)).collect();
    let bound: Vec<_> = route.variables.iter().map(|path| fields(source.snapshot, path)).collect();
    let mut operation = Schema::new();
    put(&mut operation, "operationId", operation_id(method, source.number).into());
    put(&mut operation, "tags", json!([method.parent_service().full_name()]));
    put(&mut operation, "summary", summary(method, comment).into());
    put(&mut operation, "description", description(comment, &facts, method).into());
    put(
        &mut operation,
        "x-grpc-method",
        format!("{}/{}", method.parent_service().full_name(), method.name()).into(),
    );
    let mut parameters: Vec<_> = path
        .variables
        .iter()
        .map(|variable| {
            let field = variable.of.and_then(|of| bound.get(of)?.last());
            parameters::path(schemas, variable, field, source.template)
        })
        .collect();
    let body = request_body(source, &bound, schemas);
    if route.body != Body::Message {
        let mut taken = bound.clone();
        if let Body::Field(path) = &route.body {
            taken.push(fields(source.snapshot, path));
        }
        parameters.extend(parameters::query(schemas, &method.input(), &taken));
    }
    parameters.extend(preconditions(route));
    add_examples(&mut parameters, schemas);
    if !parameters.is_empty() {
        put(&mut operation, "parameters", parameters.into());
    }
    let can = Can { body: body.is_some(), etag: route.etag_in.is_some() };
    if let Some(body) = body {
        put(&mut operation, "requestBody", body);
    }
    let mut responses = Schema::from_iter([("200".to_owned(), answer(source, schemas))]);
    if keeps(route) {
        put(
            &mut responses,
            "304",
            json!({"description": "The record is still the one that `if-none-match` names."}),
        );
    }
    responses.extend(answers::errors(can, &reasons));
    put(&mut operation, "responses", responses.into());
    put(&mut operation, "security", security(&facts));
    if let Some(permission) = facts.permission() {
        put(&mut operation, "x-permission", permission.into());
    }
    if facts.deprecated {
        put(&mut operation, "deprecated", true.into());
    }
    if !reasons.is_empty() {
        put(&mut operation, "x-reasons", reasons.iter().map(|reason| reason.json()).collect());
    }
    operation.into()
}

/// Whether the text has the name as a word.
fn names(text: &str, name: &str) -> bool {
    let inside = |one: char| one.is_ascii_alphanumeric() || one == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(inside) && !text[at + name.len()..].starts_with(inside))
}

/// Stays the same as long as the method is called the same.
fn operation_id(method: &MethodDescriptor, number: usize) -> String {
    let service = method.parent_service().full_name().replace('.', "_");
    let name = format!("{service}_{}", method.name());
    if number == 1 { name } else { format!("{name}_{number}") }
}

/// The first sentence of the comment, or the method's name in words.
fn summary(method: &MethodDescriptor, comment: &str) -> String {
    let end = comment.find(". ").or_else(|| comment.find(".\n")).unwrap_or(comment.len());
    let first = comment[..end].trim_end_matches('.');
    let first = first.split(['\n', ';', ':']).next().unwrap_or_default().trim();
    if first.is_empty() {
        let mut words = String::new();
        for one in method.name().chars() {
            if one.is_ascii_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.push(if words.is_empty() { one } else { one.to_ascii_lowercase() });
        }
        return words;
    }
    if first.chars().count() <= 120 {
        return first.to_owned();
    }
    let cut: String = first.chars().take(119).collect();
    format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before))
}

fn description(comment: &str, facts: &MethodFacts, method: &MethodDescriptor) -> String {
    let mut text = comment.to_owned();
    let mut more = String::new();
    match &facts.access {
        Some(access) if access.public => add_sentence(&mut more, "Takes calls without a token."),
        Some(access) if access.authenticated => {
            add_sentence(&mut more, "Takes calls of everybody who is signed in.")
        }
        Some(access) if !access.permission.is_empty() => {
            add_sentence(&mut more, &format!("Needs the permission `{}`.", access.permission));
        }
        _ => {}
    }
    if let Some(rate) = &facts.rate {
        let mut limit = |count: i32, of: &str| {
            if count > 0 {
                add_sentence(
                    &mut more,
                    &format!("At most {count} calls of {of} in {} s.", rate.window_seconds),
                );
            }
        };
        limit(rate.caller_limit, "one caller");
        limit(rate.tenant_limit, "one tenant");
    }
    if method.is_client_streaming() && method.is_server_streaming() {
        add_sentence(&mut more, "Both sides stream.");
    }
    if !more.is_empty() {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&more);
    }
    text
}

fn security(facts: &MethodFacts) -> Value {
    let signed_in = json!([{"bearer": []}, {"apiKey": []}]);
    match &facts.access {
        Some(access) if access.public => json!([]),
        Some(_) => signed_in,
        // A contract that says nothing leaves it to the service.
        None => json!([{}, {"bearer": []}, {"apiKey": []}]),
    }
}

fn request_body(
    source: &Source<'_>,
    bound: &[Vec<FieldDescriptor>],
    schemas: &mut Schemas<'_>,
) -> Option<Value> {
    let input = source.method.input();
    let (schema, required) = match &source.route.body {
        Body::None => return None,
        _ if source.route.raw_in.is_some() => return Some(binary()),
        Body::Message => {
            let omit: Vec<_> =
                bound.iter().filter(|path| path.len() == 1).map(|path| path[0].number()).collect();
            let schema = if omit.is_empty() {
                schemas.message(&input)
            } else {
                schemas.object(&input, Part { omit: &omit, partial: false }).into()
            };
            (schema, false)
        }
        Body::Field(path) => {
            let path = fields(source.snapshot, path);
            let field = path.last()?;
            match field.kind() {
                Kind::Message(message) if source.route.mask.is_some() => {
                    let within =
                        |one: &&Vec<FieldDescriptor>| one.len() == path.len() + 1 && one.starts_with(&path);
                    let omit: Vec<_> = bound
                        .iter()
                        .filter(within)
                        .filter_map(|one| one.last())
                        .map(FieldDescriptor::number)
                        .collect();
                    (schemas.object(&message, Part { omit: &omit, partial: true }).into(), true)
                }
                _ => {
                    let (mut schema, required) = schemas.field(field);
                    schema.remove("x-order");
                    (schema.into(), required)
                }
            }
        }
    };
    let example = example(&schema, Way::Request, schemas);
    let mut content = Schema::new();
    if source.method.is_client_streaming() {
        put(
            &mut content,
            "application/json",
            json!({"schema": {"type": "array", "items": schema}, "example": [example]}),
        );
        put(&mut content, "application/x-ndjson", json!({"schema": schema}));
    } else {
        put(&mut content, "application/json", json!({"schema": schema, "example": example}));
    }
    let mut body = Schema::from_iter([("content".to_owned(), content.into())]);
    let needed = required || schema.get("required").is_some() || needs_fields(&schema, schemas);
    put(&mut body, "required", needed.into());
    Some(body.into())
}

/// Whether the schema that is referred to has required properties.
fn needs_fields(schema: &Value, schemas: &Schemas<'_>) -> bool {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    name.and_then(|name| schemas.made().get(name)).is_some_and(|target| target.get("required").is_some())
}

fn binary() -> Value {
    json!({"content": {"*/*": {"schema": {}}}, "required": true, "description": "Any bytes, with their own type."})
}

fn answer(source: &Source<'_>, schemas: &mut Schemas<'_>) -> Value {
    let output = source.method.output();
    let mut response = Schema::new();
    let (mut schema, mut text) = (Value::Null, String::new());
    if source.route.raw_out.is_some() {
        "Bytes with a type of their own.".clone_into(&mut text);
    } else if let Some(index) = source.route.response_body {
        let id = source.snapshot.method(source.route).output;
        let plan = source.snapshot.plans.message(id);
        if let Some(field) = plan.descriptor.get_field_by_name(&plan.fields[usize::from(index)].name) {
            let (own, _) = schemas.field(&field);
            text = own.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
            schema = own.into();
        }
    } else {
        text = schemas.comment(&output.parent_file(), output.path()).unwrap_or_default().to_owned();
        schema = schemas.message(&output);
    }
    if text.is_empty() {
        "Done.".clone_into(&mut text);
    }
    put(&mut response, "description", text.into());
    put(&mut response, "headers", answers::success_headers(source.route.etag_out.is_some()));
    let mut content = Schema::new();
    if schema.is_null() {
        put(&mut content, "*/*", json!({"schema": {}}));
    } else {
        let example = example(&schema, Way::Response, schemas);
        if source.method.is_server_streaming() {
            put(
                &mut content,
                "application/json",
                json!({"schema": {"type": "array", "items": schema}, "example": [example]}),
            );
            put(&mut content, "application/x-ndjson", json!({"schema": schema}));
            put(&mut content, "text/event-stream", json!({"schema": schema}));
        } else {
            put(&mut content, "application/json", json!({"schema": schema, "example": example}));
        }
    }
    put(&mut response, "content", content.into());
    response.into()
}

fn example(schema: &Value, way: Way, schemas: &Schemas<'_>) -> Value {
    Examples { made: schemas.made(), way }.of(schema, "value")
}

/// Path variables and required parameters get an example; of the others none is needed.
fn add_examples(parameters: &mut [Value], schemas: &Schemas<'_>) {
    for parameter in parameters {
        let Some(schema) = parameter.get("schema").filter(|_| parameter.get("required").is_some()) else {
            continue;
        };
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let example = Examples { made: schemas.made(), way: Way::Request }.of(schema, &name);
        parameter["example"] = example;
    }
}
