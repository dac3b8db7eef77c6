//! Samples of events: what producers have once written must be read for ever.

use std::collections::{BTreeMap, BTreeSet};

use contract_tests::pact;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use crate::pacts::tell;

/// What becomes of records.
const CHANGES: [&str; 4] = ["created", "updated", "deleted", "undeleted"];

/// Every event that a contract declares, by itself or because the engine tells what becomes of a record: its type
/// with its topic and its message.
pub fn declared() -> BTreeMap<String, (String, MessageDescriptor)> {
    let own = contracts::POOL.all_messages().filter_map(|message| {
        let (event_type, topic) = contract_tests::options::event(&message)?;
        Some((event_type, (topic, message)))
    });
    let mut declared: BTreeMap<_, _> = own.collect();
    let change =
        contracts::POOL.get_message_by_name("erp.v1.RecordChange").expect("the engine tells of records");
    for event in contracts::events() {
        if let Some(table) = record_of(&event.event_type) {
            let topic = table.topic.expect("a record that is told of has a topic").to_owned();
            declared.insert(event.event_type, (topic, change.clone()));
        }
    }
    declared
}

/// The record of which an event of the engine tells.
fn record_of(event_type: &str) -> Option<&'static store::Table> {
    let (noun, change) = event_type.split_once('.')?;
    let is_told = CHANGES.contains(&change);
    let table = contracts::TABLES.iter().copied().find(|table| table.noun == noun)?;
    (is_told && table.topic.is_some()).then_some(table)
}

/// The samples by the type of their event, oldest first. They are added to, never changed: `make contracts` compares
/// those that were released with their hashes.
fn samples() -> BTreeMap<String, Vec<Value>> {
    let files = pact::read_json(&pact::folder().join("events")).into_iter();
    files
        .map(|(path, value)| {
            let name = path.file_stem().expect("it ends in .json").to_string_lossy().into_owned();
            (name, value.as_array().unwrap_or_else(|| panic!("{} is no list", path.display())).clone())
        })
        .collect()
}

#[test]
fn every_event_has_samples_that_its_contract_reads() {
    // Nothing of a sample may get lost on the way into its message and out again.
    let (declared, samples) = (declared(), samples());
    let (sampled, known): (BTreeSet<_>, BTreeSet<_>) = (samples.keys().collect(), declared.keys().collect());
    assert!(sampled.is_subset(&known), "no contract declares {:?}", sampled.difference(&known));
    // What the engine tells of records is alike for all of them, so that a new one needs none of its own.
    let own: Vec<_> =
        known.difference(&sampled).filter(|event_type| record_of(event_type).is_none()).collect();
    assert!(own.is_empty(), "there is no sample of {own:?}");
    for change in CHANGES {
        let told = sampled
            .iter()
            .any(|event_type| event_type.split_once('.').is_some_and(|(_, kind)| kind == change));
        assert!(told, "there is no sample of a record that was {change}");
    }
    for (event_type, samples) in samples {
        assert!(!samples.is_empty(), "{event_type}");
        let (_, descriptor) = &declared[&event_type];
        for sample in samples {
            let strict = DeserializeOptions::new().deny_unknown_fields(true);
            let read = DynamicMessage::deserialize_with_options(descriptor.clone(), &sample, &strict);
            let message = read.unwrap_or_else(|error| panic!("{event_type}: {error}"));
            assert_eq!(
                settled(serde_json::to_value(&message).unwrap()),
                settled(sample.clone()),
                "{event_type}"
            );
            if let Some(table) = record_of(&event_type) {
                fits(table, &sample);
            }
        }
    }
}

/// A sample in the words of protobuf: no changes at all are left out, and a number inside of a change is a double.
fn settled(mut sample: Value) -> Value {
    let fields = sample.as_object_mut().unwrap();
    let Some(changes) = fields.remove("changes") else { return sample };
    if changes != json!({}) {
        fields.insert("changes".to_owned(), as_doubles(changes));
    }
    sample
}

fn as_doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(as_doubles).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, as_doubles(value))).collect(),
        other => other,
    }
}

/// What is told of a record must name it and fields that it has: those are names in texts, which no message checks.
fn fits(table: &store::Table, sample: &Value) {
    assert_eq!(sample["entityType"], table.entity, "{sample}");
    let entity = contracts::POOL.get_message_by_name(table.entity).unwrap();
    for (name, change) in sample["changes"].as_object().unwrap() {
        assert!(entity.get_field_by_name(name).is_some(), "{} has no {name}", table.entity);
        assert!(change.as_object().unwrap().keys().all(|side| side == "from" || side == "to"), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_read_every_sample() {
    // Each is told to all who listen. They may find that they know nothing of its order; that they cannot read it is
    // what must not be. Audit, which listens to everything, must have written down each, with the record that it names.
    let mesh = crate::mesh().await;
    let acme = mesh.sign_up("acme").await;
    for (event_type, samples) in samples() {
        for sample in samples {
            tell(&mesh, "orders", &acme, &event_type, sample).await;
        }
    }
    mesh.at_rest().await;
    let mut unread = Vec::new();
    let mut handled = 0;
    for service in crate::SERVICES {
        let mut database = mesh.look_into(service).await;
        let letters = "select event_type, error from tessera.dead_letters";
        let letters: Vec<(String, String)> = sqlx::query_as(letters).fetch_all(&mut database).await.unwrap();
        let cannot_read = |error: &str| error.contains("event.data") || error.contains("is no envelope");
        unread.extend(letters.into_iter().filter(|(_, error)| cannot_read(error)));
        let inbox = "select count(*) from tessera.inbox";
        handled += sqlx::query_scalar::<_, i64>(inbox).fetch_one(&mut database).await.unwrap();
    }
    assert!(unread.is_empty(), "{unread:?}");
    assert!(handled > 0, "nobody has listened");
    let mut database = mesh.look_into("audit").await;
    let entries = "select event_type, coalesce(changes, data, records) is not null from audit_entries
        where tenant_id = $1::uuid and source = 'orders'";
    let entries = sqlx::query_as(entries).bind(acme.tenant_id()).fetch_all(&mut database).await.unwrap();
    let written: BTreeMap<String, bool> = entries.into_iter().collect();
    let unwritten: Vec<String> =
        samples().into_keys().filter(|event_type| written.get(event_type) != Some(&true)).collect();
    assert!(unwritten.is_empty(), "audit has nothing of {unwritten:?}");
    mesh.stop().await;
}
