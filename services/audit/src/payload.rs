//! What an event says, by its contract: which records it is about, what became of them, and what may be kept of
//! the rest.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use contracts::POOL;
use contracts::v1::RecordChange;
use kit::{Error, Result, Uuid};
use prost_reflect::{
    DeserializeOptions, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MessageDescriptor, Value,
};
use serde_json::{Map, Value as Json};
use store::Envelope;

/// More than an event tells of but in batches; a row of records each is enough.
const RECORDS_MAX: usize = 1_000;
/// A longer payload is not for people to read.
const DATA_MAX: usize = 64 * 1024;

/// A record that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Full name of the entity; empty where the contract leaves it open.
    pub entity_type: String,
    /// The record.
    pub entity_id: Uuid,
}

/// What an event says.
#[derive(Debug, Default, PartialEq)]
pub struct Read {
    /// That which it is told by first.
    pub records: Vec<Reference>,
    /// Of an event that is a change of one record.
    pub changes: Option<Json>,
    /// Of any other.
    pub data: Option<Json>,
}

/// Reads an event. Those that no contract here knows are changes of a record, if they look like one, or else
/// nothing is known of them but that they were.
pub fn read(event: &Envelope) -> Result<Read> {
    if let Some(declared) = DECLARED.get(event.event_type.as_str()) {
        return declared.read(event);
    }
    match event.payload::<RecordChange>() {
        Ok(change) if Uuid::parse_str(&change.entity_id).is_ok() => read_change(event, &change),
        _ => Ok(Read::default()),
    }
}

/// The events that contracts declare, by type.
static DECLARED: LazyLock<HashMap<String, Declared>> = LazyLock::new(|| {
    let Some(option) = POOL.get_extension_by_name("erp.v1.event") else { return HashMap::new() };
    POOL.all_messages().filter_map(|message| Declared::of(message, &option)).collect()
});

/// An event that a contract declares.
struct Declared {
    payload: MessageDescriptor,
    /// The field by whose value the event is told.
    key: String,
}

impl Declared {
    fn of(payload: MessageDescriptor, option: &ExtensionDescriptor) -> Option<(String, Self)> {
        let options = payload.options();
        if !options.has_extension(option) {
            return None;
        }
        let said = options.get_extension(option);
        let text = |name: &str| Some(said.as_message()?.get_field_by_name(name)?.as_str()?.to_owned());
        Some((text("type")?, Self { key: text("key")?, payload: payload.clone() }))
    }

    fn read(&self, event: &Envelope) -> Result<Read> {
        // Fields of newer producers are passed over.
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        let message = DynamicMessage::deserialize_with_options(self.payload.clone(), &event.data, &options);
        let mut message = message.map_err(|error| Error::invalid("event.data", error.to_string()))?;
        let mut found = Found::default();
        if let Some(key) = self.payload.get_field_by_name(&self.key) {
            found.note(&key, &message.get_field(&key));
        }
        found.within(&message);
        mask(&mut message);
        let data = serde_json::to_value(&message).map_err(Error::internal)?;
        let data = Some(data).filter(|data| data.to_string().len() <= DATA_MAX);
        Ok(Read { records: found.records, changes: None, data })
    }
}

/// The record itself, and those that it refers to since, or referred to before.
fn read_change(event: &Envelope, change: &RecordChange) -> Result<Read> {
    let mut found = Found::default();
    found.add(&change.entity_type, &change.entity_id);
    let entity = POOL.get_message_by_name(&change.entity_type);
    let told = event.data.get("changes").and_then(Json::as_object);
    let mut changes = Map::new();
    for (name, pair) in told.into_iter().flatten() {
        let field = entity.as_ref().and_then(|entity| entity.get_field_by_name(name));
        if let Some(field) = &field {
            let target = text(field, "references");
            for id in [pair.get("to"), pair.get("from")].into_iter().flatten().filter_map(Json::as_str) {
                if !target.is_empty() {
                    found.add(&target, id);
                }
            }
        }
        let kept = field.is_none_or(|field| !is_masked(&field));
        changes.insert(name.clone(), if kept { pair.clone() } else { Json::Object(Map::new()) });
    }
    let changes = (!changes.is_empty()).then_some(Json::Object(changes));
    Ok(Read { records: found.records, changes, data: None })
}

/// The records that were found, each once.
#[derive(Default)]
struct Found {
    records: Vec<Reference>,
    known: BTreeSet<Uuid>,
}

impl Found {
    /// Notes the records that a message names, in the order of its fields.
    fn within(&mut self, message: &DynamicMessage) {
        for (field, value) in message.fields() {
            if !text(&field, "references").is_empty() {
                self.note(&field, value);
            } else {
                each_message(value, &mut |inner| self.within(inner));
            }
        }
    }

    /// Notes the value of a field that names a record.
    fn note(&mut self, field: &FieldDescriptor, value: &Value) {
        let entity = text(field, "references");
        match value {
            Value::String(id) => self.add(&entity, id),
            Value::List(ids) => ids.iter().filter_map(Value::as_str).for_each(|id| self.add(&entity, id)),
            _ => {}
        }
    }

    /// What is no UUID names no record of ours.
    fn add(&mut self, entity_type: &str, id: &str) {
        let Ok(entity_id) = Uuid::parse_str(id) else { return };
        if self.records.len() < RECORDS_MAX && self.known.insert(entity_id) {
            self.records.push(Reference { entity_type: entity_type.to_owned(), entity_id });
        }
    }
}

/// Clears what is not kept, however deep it stands.
fn mask(message: &mut DynamicMessage) {
    let set: Vec<FieldDescriptor> = message.fields().map(|(field, _)| field).collect();
    for field in set {
        if is_masked(&field) {
            message.clear_field(&field);
        } else if field.kind().as_message().is_some() {
            each_message_mut(message.get_field_mut(&field), &mut mask);
        }
    }
}

/// Whether a field tells something of a person, is a secret, or is not for everybody's eyes.
fn is_masked(field: &FieldDescriptor) -> bool {
    let is_true = |name: &str| said(field, name).and_then(|value| value.as_bool()).unwrap_or(false);
    is_true("personal") || is_true("secret") || !text(field, "read_permission").is_empty()
}

fn text(field: &FieldDescriptor, name: &str) -> String {
    said(field, name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What `(erp.v1.field)` says of a field under this name.
fn said(field: &FieldDescriptor, name: &str) -> Option<Value> {
    let extension = field.parent_pool().get_extension_by_name("erp.v1.field")?;
    let options = field.options();
    let said = options.get_extension(&extension);
    Some(said.as_message()?.get_field_by_name(name)?.into_owned())
}

fn each_message(value: &Value, act: &mut impl FnMut(&DynamicMessage)) {
    match value {
        Value::Message(message) => act(message),
        Value::List(list) => list.iter().for_each(|one| each_message(one, act)),
        Value::Map(map) => map.values().for_each(|one| each_message(one, act)),
        _ => {}
    }
}

fn each_message_mut(value: &mut Value, act: &mut impl FnMut(&mut DynamicMessage)) {
    match value {
        Value::Message(message) => act(message),
        Value::List(list) => list.iter_mut().for_each(|one| each_message_mut(one, act)),
        Value::Map(map) => map.values_mut().for_each(|one| each_message_mut(one, act)),
        _ => {}
    }
}
