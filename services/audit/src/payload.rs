//! What an event says, by its contract: which records it is about, what became of them, and what may be kept of
//! the rest.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use contracts::v1::RecordChange;
use contracts::{POOL, Payload, references, said};
use kit::{Error, Result, Uuid};
use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Value};
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
    contracts::payloads().map(|payload| (payload.event_type.clone(), Declared(payload))).collect()
});

/// An event that a contract declares.
struct Declared(Payload);

impl Declared {
    fn read(&self, event: &Envelope) -> Result<Read> {
        // Fields of newer producers are passed over.
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        let message = DynamicMessage::deserialize_with_options(self.0.message.clone(), &event.data, &options);
        let mut message = message.map_err(|error| Error::invalid("event.data", error.to_string()))?;
        let mut found = Found::default();
        if let Some(key) = self.0.message.get_field_by_name(&self.0.key) {
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
            let target = references(field);
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
            if !references(&field).is_empty() {
                self.note(&field, value);
            } else {
                each_message(value, &mut |inner| self.within(inner));
            }
        }
    }

    /// Notes the value of a field that names a record.
    fn note(&mut self, field: &FieldDescriptor, value: &Value) {
        let entity = references(field);
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
    let is_told = |name: &str| said(field, name).is_some_and(|value| value.as_str() != Some(""));
    is_true("personal") || is_true("secret") || is_told("read_permission")
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
