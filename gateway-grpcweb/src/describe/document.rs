//! The OpenAPI document of a snapshot, or of one of its packages.

use std::collections::{BTreeMap, HashMap, HashSet};

use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use serde_json::{Value, json};

use super::answers::{self, Reason};
use super::comments::Comments;
use super::facts;
use super::operation::{self, Source};
use super::paths;
use super::rules::{Schema, put};
use super::schema::Schemas;
use crate::snapshot::Snapshot;

/// What all documents of a snapshot are made with.
pub(crate) struct Contracts {
    pub(crate) comments: Comments,
    /// Full names of the messages that callers are sent.
    pub(crate) sent: HashSet<String>,
    reasons: Vec<Reason>,
}

impl Contracts {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let mut sent = HashSet::new();
        for method in methods(snapshot) {
            reach(&method.output(), &mut sent);
        }
        let mut reasons = Vec::new();
        for one in snapshot.pool.all_enums() {
            let Some(domain) = facts::reason_domain(&one) else { continue };
            for value in one.values() {
                if let Some(reason) = facts::reason(&value) {
                    let (code, message) = (reason.code, reason.message);
                    reasons.push(Reason {
                        name: value.name().to_owned(),
                        domain: domain.clone(),
                        code,
                        message,
                    });
                }
            }
        }
        Self { comments: Comments::of(&snapshot.pool), sent, reasons }
    }
}

pub(crate) fn methods(snapshot: &Snapshot) -> impl Iterator<Item = MethodDescriptor> {
    snapshot.pool.services().flat_map(|service| service.methods().collect::<Vec<_>>())
}

fn reach(message: &MessageDescriptor, found: &mut HashSet<String>) {
    if !found.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            reach(&inner, found);
        }
    }
}

/// Whether a package is the one asked for, or below it.
fn within(package: &str, wanted: &str) -> bool {
    package
        .strip_prefix(wanted)
        .is_some_and(|rest| wanted.is_empty() || rest.is_empty() || rest.starts_with('.'))
}

/// Whether the snapshot has the package, or one below it, with services in it.
pub(crate) fn has_package(snapshot: &Snapshot, wanted: &str) -> bool {
    !wanted.is_empty() && snapshot.pool.services().any(|service| within(service.package_name(), wanted))
}

/// Writes the document; an empty package means all.
pub(crate) fn write(snapshot: &Snapshot, contracts: &Contracts, title: &str, package: &str) -> Value {
    let mut schemas = Schemas::new(&contracts.comments, "#/components/schemas/", &contracts.sent);
    let by_name: HashMap<String, MethodDescriptor> =
        methods(snapshot).map(|method| (method.full_name().to_owned(), method)).collect();
    let mut paths = Paths::default();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut services = BTreeMap::new();
    for (template, route) in snapshot.routes() {
        let name = &*snapshot.method(route).full_name;
        let Some(method) = by_name.get(name) else { continue };
        let service = method.parent_service();
        if !within(service.package_name(), package) {
            continue;
        }
        let number = numbers.entry(name).and_modify(|number| *number += 1).or_insert(1);
        let mut path = paths::of(template);
        paths.join(&mut path, &route.verb);
        let source = Source {
            snapshot,
            method,
            route,
            template: &route.template,
            number: *number,
            reasons: &contracts.reasons,
        };
        let operation = operation::of(&source, &path, &mut schemas);
        paths.put(&path.text, &route.verb, operation);
        services.insert(service.full_name().to_owned(), service);
    }
    let mut made = schemas.into_made();
    made.extend(answers::schemas().map(|(name, schema)| (name.to_owned(), schema)));
    json!({
        "openapi": "3.1.0",
        "info": info(title, package),
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": services.values().map(|service| tag(service, &contracts.comments)).collect::<Vec<_>>(),
        "paths": paths.items,
        "components": {
            "schemas": made,
            "responses": answers::components(),
            "headers": answers::headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "An access token, as signing in gives it.",
                },
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A key of the tenant's."},
            },
        },
    })
}

fn info(title: &str, package: &str) -> Value {
    let title = if package.is_empty() { title.to_owned() } else { format!("{title}: {package}") };
    json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "description": "Every method of the contracts over HTTP, made from the same descriptors that the gateway serves. \
            64-bit numbers are strings, bytes are base64, names are lowerCamel; unknown fields are refused, with their path. \
            Errors are `{\"error\": {...}}`, or RFC 9457 problems for callers that accept `application/problem+json`.",
    })
}

fn tag(service: &ServiceDescriptor, comments: &Comments) -> Value {
    let name = service.name();
    let mut tag = Schema::new();
    put(&mut tag, "name", service.full_name().into());
    put(&mut tag, "x-displayName", name.strip_suffix("Service").unwrap_or(name).into());
    put(&mut tag, "x-package", service.package_name().into());
    if let Some(text) = comments.of_path(&service.parent_file(), service.path()) {
        put(&mut tag, "description", text.into());
    }
    tag.into()
}

/// The path items, of which those that differ by the names of their variables alone are one.
#[derive(Default)]
struct Paths {
    items: BTreeMap<String, Schema>,
    /// Text and names of the first path of every shape.
    shapes: HashMap<String, (String, Vec<String>)>,
}

/// The methods that a path item has room for; others stand in an extension.
const METHODS: [&str; 8] = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];
const OTHERS: &str = "x-additional-operations";

impl Paths {
    /// Gives the path the names of the one that it cannot be told from.
    fn join(&mut self, path: &mut paths::ApiPath, verb: &str) {
        // `**` and `*` are the same to OpenAPI, unless they share a method.
        let shape = path.shape.replace("{**}", "{}");
        let names = || path.variables.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        match self.shapes.get(&shape) {
            None => {
                self.shapes.insert(shape, (path.text.clone(), names()));
            }
            Some((text, names)) if !self.has(text, verb) => path.rename(names, text),
            Some(_) => {}
        }
    }

    fn has(&self, text: &str, verb: &str) -> bool {
        let Some(item) = self.items.get(text) else { return false };
        item.contains_key(&verb.to_ascii_lowercase())
            || item.get(OTHERS).is_some_and(|others| others.get(verb).is_some())
    }

    fn put(&mut self, text: &str, verb: &str, operation: Value) {
        let item = self.items.entry(text.to_owned()).or_default();
        if METHODS.contains(&verb) {
            put(item, &verb.to_ascii_lowercase(), operation);
        } else {
            item.entry(OTHERS).or_insert_with(|| json!({}))[verb] = operation;
        }
    }
}
