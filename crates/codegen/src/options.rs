//! The custom options of a contract as plain values.

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor,
    MessageDescriptor, MethodDescriptor, Value,
};

/// One option of a declaration, if it is set.
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

/// `(erp.v1.access)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    Permission(String),
    Public,
    Authenticated,
}

/// Who may call a method; an error is what is wrong with the option.
pub(crate) fn access(method: &MethodDescriptor) -> Result<Access, String> {
    let pool = method.parent_pool();
    let access = message(pool, &method.options(), "erp.v1.access")
        .ok_or("says nobody who may call it: it needs the option (erp.v1.access)")?;
    let permission = text(&access, "permission");
    match (permission.is_empty(), flag(&access, "public"), flag(&access, "authenticated")) {
        (false, false, false) => Ok(Access::Permission(permission)),
        (true, true, false) => Ok(Access::Public),
        (true, false, true) => Ok(Access::Authenticated),
        _ => Err("must set exactly one field of (erp.v1.access)".to_owned()),
    }
}

/// Whether the method is a GET; `None` without `(google.api.http)`.
pub(crate) fn is_get(method: &MethodDescriptor) -> Option<bool> {
    let http = message(method.parent_pool(), &method.options(), "google.api.http")?;
    Some(http.has_field_by_name("get"))
}

/// `(erp.v1.entity)`.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub table: String,
    pub search: Vec<String>,
    pub soft_delete: bool,
    pub topic: String,
    pub aggregate: bool,
}

/// How a message is stored, if it is.
pub(crate) fn entity(descriptor: &MessageDescriptor) -> Option<Entity> {
    let entity = message(descriptor.parent_pool(), &descriptor.options(), "erp.v1.entity")?;
    let search = text(&entity, "search");
    Some(Entity {
        table: text(&entity, "table"),
        search: search
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        soft_delete: flag(&entity, "soft_delete"),
        topic: text(&entity, "topic"),
        aggregate: flag(&entity, "aggregate"),
    })
}

/// `(erp.v1.event)`.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub kind: String,
    pub topic: String,
    pub key: String,
}

/// What a message means as an event, if it is one.
pub(crate) fn event(descriptor: &MessageDescriptor) -> Option<Event> {
    let event = message(descriptor.parent_pool(), &descriptor.options(), "erp.v1.event")?;
    Some(Event { kind: text(&event, "type"), topic: text(&event, "topic"), key: text(&event, "key") })
}

/// `(erp.v1.topics)`.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub name: String,
    pub partitions: i32,
    pub retention_hours: i32,
}

/// The topics that a file declares.
pub(crate) fn topics(file: &FileDescriptor) -> Vec<Topic> {
    let Some(Value::List(list)) = option(file.parent_pool(), &file.options(), "erp.v1.topics") else {
        return Vec::new();
    };
    let topics = list.iter().filter_map(Value::as_message);
    topics
        .map(|topic| Topic {
            name: text(topic, "name"),
            partitions: number(topic, "partitions"),
            retention_hours: number(topic, "retention_hours"),
        })
        .collect()
}

/// `(erp.v1.field)`, `(google.api.field_behavior)` and `debug_redact` of a field.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldOptions {
    pub references: String,
    pub personal: bool,
    pub secret: bool,
    pub read_permission: String,
    pub required: bool,
    pub output_only: bool,
    pub immutable: bool,
    pub redact: bool,
}

/// What is said of a field beyond its type and its rules.
pub(crate) fn field(field: &FieldDescriptor) -> FieldOptions {
    let (pool, options) = (field.parent_pool(), field.options());
    let own = message(pool, &options, "erp.v1.field");
    let own_flag = |name| own.as_ref().is_some_and(|own| flag(own, name));
    // AIP-203: 2 is REQUIRED, 3 OUTPUT_ONLY, 5 IMMUTABLE.
    let behavior = option(pool, &options, "google.api.field_behavior");
    let behaviors: Vec<i32> = match &behavior {
        Some(Value::List(list)) => list.iter().filter_map(Value::as_enum_number).collect(),
        _ => Vec::new(),
    };
    FieldOptions {
        references: own.as_ref().map(|own| text(own, "references")).unwrap_or_default(),
        personal: own_flag("personal"),
        secret: own_flag("secret"),
        read_permission: own.as_ref().map(|own| text(own, "read_permission")).unwrap_or_default(),
        required: behaviors.contains(&2),
        output_only: behaviors.contains(&3),
        immutable: behaviors.contains(&5),
        redact: flag(&options, "debug_redact"),
    }
}

/// The `buf.validate` rules of a field, if it has any.
pub(crate) fn rules(field: &FieldDescriptor) -> Option<DynamicMessage> {
    message(field.parent_pool(), &field.options(), "buf.validate.field")
}

/// Whether a message has rules that span its fields.
pub(crate) fn message_rules(descriptor: &MessageDescriptor) -> Option<DynamicMessage> {
    message(descriptor.parent_pool(), &descriptor.options(), "buf.validate.message")
}

/// Whether one field of a oneof must be set.
pub(crate) fn oneof_required(oneof: &prost_reflect::OneofDescriptor) -> bool {
    let rules = message(oneof.parent_pool(), &oneof.options(), "buf.validate.oneof");
    rules.is_some_and(|rules| flag(&rules, "required"))
}

/// The error domain of an enum of reasons, if it is one.
pub(crate) fn reason_domain(descriptor: &EnumDescriptor) -> Option<String> {
    let set = message(descriptor.parent_pool(), &descriptor.options(), "erp.v1.reason_set")?;
    Some(text(&set, "domain"))
}

/// `(erp.v1.reason)`: the status code's number and the message.
pub(crate) fn reason(value: &EnumValueDescriptor) -> Option<(i32, String)> {
    let reason = message(value.parent_pool(), &value.options(), "erp.v1.reason")?;
    Some((number(&reason, "code"), text(&reason, "message")))
}
