//! Samples of events: what producers have once written must be read for ever.

use std::collections::{BTreeMap, BTreeSet};

use contract_tests::pact;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::Value;

use crate::pacts::tell;

/// Every event that a contract declares: its type with its topic and its message.
pub fn declared() -> BTreeMap<String, (String, MessageDescriptor)> {
    contracts::POOL
        .all_messages()
        .filter_map(|message| {
            let (event_type, topic) = contract_tests::options::event(&message)?;
            Some((event_type, (topic, message)))
        })
        .collect()
}

/// The samples by the type of their event, oldest first. They are added to, never changed.
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
    assert_eq!(samples.keys().collect::<BTreeSet<_>>(), declared.keys().collect::<BTreeSet<_>>());
    for (event_type, samples) in samples {
        assert!(!samples.is_empty(), "{event_type}");
        let (_, descriptor) = &declared[&event_type];
        for sample in samples {
            let strict = DeserializeOptions::new().deny_unknown_fields(true);
            let read = DynamicMessage::deserialize_with_options(descriptor.clone(), &sample, &strict);
            let message = read.unwrap_or_else(|error| panic!("{event_type}: {error}"));
            assert_eq!(serde_json::to_value(&message).unwrap(), sample, "{event_type}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_read_every_sample() {
    // Each is told to all who listen. They may find that they know nothing of its order; that they cannot read it is
    // what must not be.
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
    for service in
        ["audit", "finance", "inventory", "notification", "orders", "crm", "catalog", "payments", "identity"]
    {
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
    mesh.stop().await;
}
