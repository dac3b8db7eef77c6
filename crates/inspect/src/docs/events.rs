//! The catalogue of events: those of the domains, and those that the engine writes for a record.

use heck::ToSnakeCase;

use super::markdown::{code, head, line, message_link, row};
use crate::mesh::Mesh;
use crate::{Tree, options, tree};

/// One event.
struct Listed {
    kind: String,
    topic: String,
    key: String,
    /// The domain that emits it.
    source: String,
    /// A link to the payload, from a page.
    payload: fn(&Tree, &Listed, &str) -> String,
    /// Full name of the message that declares it.
    declared: String,
    meaning: String,
}

/// The page with all events.
pub fn page(tree: &Tree, mesh: &Mesh) -> String {
    let mut page = "# Events\n\nEvery event travels as an [EventEnvelope](common.md#eventenvelope). Events \
        of one key keep their order; the tenant is always a part of the key.\n\n"
        .to_owned();
    page.push_str(&head(["type", "topic", "key", "payload", "emitted by", "heard by", "meaning"]));
    for event in listed(tree) {
        let heard = mesh.service.iter().filter(|service| service.hears(&event.kind));
        let heard = heard.map(|service| service.name.clone()).collect::<Vec<_>>().join(", ");
        let payload = (event.payload)(tree, &event, "the catalogue");
        let Listed { kind, topic, key, source, meaning, .. } = event;
        page.push_str(&row([code(&kind), code(&topic), code(&key), payload, source, heard, meaning]));
    }
    page.push_str("\n## Topics\n\n");
    page.push_str(&head(["topic", "partitions", "kept for hours", "declared in"]));
    let mut topics: Vec<_> = tree
        .files()
        .flat_map(|file| options::topics(&file).into_iter().map(move |topic| (topic, file.name().to_owned())))
        .collect();
    topics.sort_by(|one, other| one.0.name.cmp(&other.0.name));
    for (topic, file) in topics {
        page.push_str(&row([
            code(&topic.name),
            topic.partitions.to_string(),
            topic.retention_hours.to_string(),
            code(&file),
        ]));
    }
    page
}

/// The part of a domain's page: one table, or nothing.
pub fn of_domain(tree: &Tree, domain: &str) -> impl Iterator<Item = String> + use<> {
    let events: Vec<Listed> = listed(tree).into_iter().filter(|event| event.source == domain).collect();
    let rows: String = events
        .iter()
        .map(|event| {
            let payload = (event.payload)(tree, event, domain);
            row([code(&event.kind), code(&event.topic), code(&event.key), payload, event.meaning.clone()])
        })
        .collect();
    let table = (!rows.is_empty()).then(|| head(["type", "topic", "key", "payload", "meaning"]) + &rows);
    table.into_iter()
}

/// All events by type.
fn listed(tree: &Tree) -> Vec<Listed> {
    let mut all = Vec::new();
    for message in tree.messages() {
        let source = tree::domain(message.package_name()).to_owned();
        let declared = message.full_name().to_owned();
        if let Some(event) = options::event(&message) {
            let meaning = line(tree.comment(&message));
            let payload = own_payload;
            all.push(Listed {
                kind: event.kind,
                topic: event.topic,
                key: event.key,
                source,
                payload,
                declared,
                meaning,
            });
        } else if let Some(entity) = options::entity(&message).filter(|entity| !entity.topic.is_empty()) {
            let noun = message.name().to_snake_case();
            let undeleted = entity.soft_delete.then_some("undeleted");
            for change in ["created", "updated", "deleted"].into_iter().chain(undeleted) {
                all.push(Listed {
                    kind: format!("{noun}.{change}"),
                    topic: entity.topic.clone(),
                    key: "id".to_owned(),
                    source: source.clone(),
                    payload: record_change,
                    declared: declared.clone(),
                    meaning: format!("The engine tells that a record was {change}."),
                });
            }
        }
    }
    all.sort_by(|one, other| one.kind.cmp(&other.kind));
    all
}

fn own_payload(tree: &Tree, event: &Listed, page: &str) -> String {
    tree.message(&event.declared).map(|message| message_link(&message, page)).unwrap_or_default()
}

fn record_change(tree: &Tree, event: &Listed, page: &str) -> String {
    let link =
        |name: &str| tree.message(name).map(|message| message_link(&message, page)).unwrap_or_default();
    format!("{} of {}", link("erp.v1.RecordChange"), link(&event.declared))
}
