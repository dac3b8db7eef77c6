//! The options of a contract as plain values. `codegen` has readers of its own, which say what the build
//! needs; these say what a reader of the contract needs.

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor,
    MessageDescriptor, MethodDescriptor, OneofDescriptor, Value,
};

/// Who may call a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Whoever holds the permission.
    Permission(String),
    /// Everybody.
    Public,
    /// Whoever is signed in.
    Authenticated,
}

impl Access {
    /// For a sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Permission(name) => format!("permission {name}"),
            Self::Public => "public".to_owned(),
            Self::Authenticated => "authenticated".to_owned(),
        }
    }
}

/// `(erp.v1.access)`; `None` where it is absent or says several things.
pub fn access(method: &MethodDescriptor) -> Option<Access> {
    let access = message(method.parent_pool(), &method.options(), "erp.v1.access")?;
    let permission = text(&access, "permission");
    match (permission.is_empty(), flag(&access, "public"), flag(&access, "authenticated")) {
        (false, false, false) => Some(Access::Permission(permission)),
        (true, true, false) => Some(Access::Public),
        (true, false, true) => Some(Access::Authenticated),
        _ => None,
    }
}

/// How often a method may be called in a window of seconds; 0 is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    pub caller_limit: i32,
    pub tenant_limit: i32,
    pub window_seconds: i32,
}

/// `(erp.v1.rate)`.
pub fn rate(method: &MethodDescriptor) -> Option<Rate> {
    let rate = message(method.parent_pool(), &method.options(), "erp.v1.rate")?;
    Some(Rate {
        caller_limit: number(&rate, "caller_limit"),
        tenant_limit: number(&rate, "tenant_limit"),
        window_seconds: number(&rate, "window_seconds"),
    })
}

/// How long an answer may be kept, in seconds, and whether for everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    pub max_age_seconds: i32,
    pub shared: bool,
}

/// `(erp.v1.cache)`.
pub fn cache(method: &MethodDescriptor) -> Option<Cache> {
    let cache = message(method.parent_pool(), &method.options(), "erp.v1.cache")?;
    Some(Cache { max_age_seconds: number(&cache, "max_age_seconds"), shared: flag(&cache, "shared") })
}

/// One way to a method over REST.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST` and so on.
    pub verb: String,
    /// The path with its variables.
    pub path: String,
    /// The field that travels as the body; `*` for the whole request, empty for none.
    pub body: String,
    /// The field of the answer that is sent; empty for the whole answer.
    pub response_body: String,
}

/// The routes of `(google.api.http)`, the main one first.
pub fn routes(method: &MethodDescriptor) -> Vec<Route> {
    let Some(http) = message(method.parent_pool(), &method.options(), "google.api.http") else {
        return Vec::new();
    };
    let mut rules = vec![http.clone()];
    if let Some(more) = http.get_field_by_name("additional_bindings") {
        rules.extend(
            more.as_list().unwrap_or_default().iter().filter_map(|value| value.as_message().cloned()),
        );
    }
    rules.iter().filter_map(route).collect()
}

fn route(http: &DynamicMessage) -> Option<Route> {
    let (body, response_body) = (text(http, "body"), text(http, "response_body"));
    for verb in ["get", "put", "post", "delete", "patch"] {
        if http.has_field_by_name(verb) {
            return Some(Route { verb: verb.to_uppercase(), path: text(http, verb), body, response_body });
        }
    }
    let custom = http.get_field_by_name("custom")?;
    let custom = custom.as_message()?;
    Some(Route { verb: text(custom, "kind"), path: text(custom, "path"), body, response_body })
}

/// How a message is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    pub table: String,
    pub search: String,
    pub soft_delete: bool,
    pub topic: String,
    pub aggregate: bool,
}

/// `(erp.v1.entity)`.
pub fn entity(descriptor: &MessageDescriptor) -> Option<Entity> {
    let entity = message(descriptor.parent_pool(), &descriptor.options(), "erp.v1.entity")?;
    Some(Entity {
        table: text(&entity, "table"),
        search: text(&entity, "search"),
        soft_delete: flag(&entity, "soft_delete"),
        topic: text(&entity, "topic"),
        aggregate: flag(&entity, "aggregate"),
    })
}

/// What a message means as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: String,
    pub topic: String,
    pub key: String,
}

/// `(erp.v1.event)`.
pub fn event(descriptor: &MessageDescriptor) -> Option<Event> {
    let event = message(descriptor.parent_pool(), &descriptor.options(), "erp.v1.event")?;
    Some(Event { kind: text(&event, "type"), topic: text(&event, "topic"), key: text(&event, "key") })
}

/// A log of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub partitions: i32,
    pub retention_hours: i32,
}

/// `(erp.v1.topics)` of a file.
pub fn topics(file: &FileDescriptor) -> Vec<Topic> {
    let list = option(file.parent_pool(), &file.options(), "erp.v1.topics");
    let list = list.as_ref().and_then(Value::as_list).unwrap_or_default();
    let topics = list.iter().filter_map(Value::as_message).map(|topic| Topic {
        name: text(topic, "name"),
        partitions: number(topic, "partitions"),
        retention_hours: number(topic, "retention_hours"),
    });
    topics.collect()
}

/// What is said of a field beyond its type and its validation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldOptions {
    pub references: String,
    pub personal: bool,
    pub secret: bool,
    pub read_permission: String,
    pub redact: bool,
    pub required: bool,
    pub output_only: bool,
    pub immutable: bool,
}

/// `(erp.v1.field)`, `(google.api.field_behavior)` and `debug_redact`.
pub fn field(field: &FieldDescriptor) -> FieldOptions {
    let (pool, options) = (field.parent_pool(), field.options());
    let own = message(pool, &options, "erp.v1.field");
    let own_flag = |name| own.as_ref().is_some_and(|own| flag(own, name));
    let behavior = option(pool, &options, "google.api.field_behavior");
    let behavior = behavior.as_ref().and_then(Value::as_list).unwrap_or_default();
    // The numbers of google.api.FieldBehavior.
    let says = |number: i32| behavior.iter().any(|value| value.as_enum_number() == Some(number));
    FieldOptions {
        references: own.as_ref().map(|own| text(own, "references")).unwrap_or_default(),
        personal: own_flag("personal"),
        secret: own_flag("secret"),
        read_permission: own.as_ref().map(|own| text(own, "read_permission")).unwrap_or_default(),
        redact: flag(&options, "debug_redact"),
        required: says(2),
        output_only: says(3),
        immutable: says(5),
    }
}

/// `(buf.validate.field)`.
pub fn field_rules(field: &FieldDescriptor) -> Option<DynamicMessage> {
    message(field.parent_pool(), &field.options(), "buf.validate.field")
}

/// `(buf.validate.message)`.
pub fn message_rules(descriptor: &MessageDescriptor) -> Option<DynamicMessage> {
    message(descriptor.parent_pool(), &descriptor.options(), "buf.validate.message")
}

/// `(buf.validate.oneof)`.
pub fn oneof_rules(oneof: &OneofDescriptor) -> Option<DynamicMessage> {
    message(oneof.parent_pool(), &oneof.options(), "buf.validate.oneof")
}

/// The error domain of an enum of reasons, if it is one.
pub fn reason_domain(descriptor: &EnumDescriptor) -> Option<String> {
    message(descriptor.parent_pool(), &descriptor.options(), "erp.v1.reason_set")
        .map(|set| text(&set, "domain"))
}

/// What a reason means for callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The status code's name; `OK` where none is given.
    pub code: String,
    pub message: String,
}

/// `(erp.v1.reason)`.
pub fn reason(value: &EnumValueDescriptor) -> Option<Reason> {
    let reason = message(value.parent_pool(), &value.options(), "erp.v1.reason")?;
    let codes = value.parent_pool().get_enum_by_name("google.rpc.Code")?;
    let code = codes.get_value(number(&reason, "code")).map(|code| code.name().to_owned());
    Some(Reason { code: code.unwrap_or_default(), message: text(&reason, "message") })
}

/// `idempotency_level` by its name; `IDEMPOTENCY_UNKNOWN` where nothing is said.
pub fn idempotency(method: &MethodDescriptor) -> &'static str {
    let options = method.options();
    let level = options.get_field_by_name("idempotency_level").and_then(|level| level.as_enum_number());
    match level {
        Some(1) => "NO_SIDE_EFFECTS",
        Some(2) => "IDEMPOTENT",
        _ => "IDEMPOTENCY_UNKNOWN",
    }
}

fn option(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn message(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    option(pool, options, name)?.as_message().cloned()
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn flag(message: &DynamicMessage, field: &str) -> bool {
    message.get_field_by_name(field).and_then(|value| value.as_bool()).unwrap_or_default()
}

fn number(message: &DynamicMessage, field: &str) -> i32 {
    let value = message.get_field_by_name(field);
    value.and_then(|value| value.as_i32().or_else(|| value.as_enum_number())).unwrap_or_default()
}
