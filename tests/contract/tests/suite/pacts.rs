//! Replays what the services expect of each other against the real ones.

use std::collections::BTreeSet;
use std::path::Path;

use contract_tests::call::{call, call_over, message};
use contract_tests::pact::{self, Failure, Interaction, Names, Pact, Step};
use kit::{Error, IdSource as _, Uuid};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use regex::Regex;
use serde_json::Value;
use store::{Caller, Cx, Envelope, Meta};
use testkit::{Mesh, Party};
use tonic::client::Grpc;

#[tokio::test(flavor = "multi_thread")]
async fn providers_keep_what_consumers_rely_on() {
    // Each call goes the way the consumer's own goes: over its peers, in its name, with its permissions.
    let mesh = crate::mesh().await;
    let mut broken = Vec::new();
    for (number, pact) in pact::all().iter().enumerate() {
        for (place, interaction) in pact.interactions.iter().enumerate() {
            let owner = mesh.sign_up(&format!("pact-{number}-{place}")).await;
            let mut replay = Replay { mesh: &mesh, pact, owner, names: Names::default() };
            if let Err(what) = replay.run(interaction).await {
                broken.push(format!(
                    "{} and {}: {}\n    {what}",
                    pact.consumer, pact.provider, interaction.why
                ));
            }
        }
    }
    assert!(broken.is_empty(), "broken pacts:\n{}", broken.join("\n"));
    mesh.stop().await;
}

#[test]
fn every_call_of_a_peer_has_a_pact() {
    // A call without one could be broken by its provider unseen; a pact without a call would bind for nothing.
    let call = Regex::new(r"peer\((\w+)Client::new\)\s*\.await\?\s*\.(\w+)\(").unwrap();
    let any = Regex::new(r"\bpeer\(\w").unwrap();
    let mut called = BTreeSet::new();
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services");
    for entry in std::fs::read_dir(services).unwrap() {
        let folder = entry.unwrap().path();
        let consumer = folder.file_name().unwrap().to_string_lossy().into_owned();
        for source in sources(&folder.join("src")) {
            let text = std::fs::read_to_string(&source).unwrap();
            let found: Vec<_> = call.captures_iter(&text).collect();
            let count = any.find_iter(&text).count();
            assert_eq!(found.len(), count, "{}: teach this test to read its calls", source.display());
            called.extend(found.iter().map(|one| (consumer.clone(), one[1].to_owned(), one[2].to_owned())));
        }
    }
    let promised = pact::all().into_iter().flat_map(|pact| {
        let Pact { consumer, provider, interactions } = pact;
        interactions.into_iter().map(move |one| {
            let method = method(&one.sends.method);
            assert!(one.sends.method.starts_with(&format!("erp.{provider}.")), "{}", one.sends.method);
            (consumer.clone(), method.parent_service().name().to_owned(), snake(method.name()))
        })
    });
    assert_eq!(promised.collect::<BTreeSet<_>>(), called);
}

struct Replay<'a> {
    mesh: &'a Mesh,
    pact: &'a Pact,
    owner: Party,
    names: Names,
}

impl Replay<'_> {
    async fn run(&mut self, interaction: &Interaction) -> Result<(), String> {
        for step in &interaction.given {
            self.happen(step).await?;
        }
        let request = self.names.fill(&interaction.sends.request);
        let answer = self.send(&interaction.sends.method, request).await;
        match (&interaction.relies_on, &interaction.fails_with) {
            (Some(expected), None) => {
                let answer = json(&answer.map_err(|error| format!("it fails: {error}"))?);
                let expected = self.names.fill(expected);
                pact::difference(&expected, Some(&answer), "").map_or(Ok(()), Err)
            }
            (None, Some(failure)) => match answer {
                Ok(answer) => Err(format!("it does not fail: {}", json(&answer))),
                Err(error) => self.compare(failure, &error),
            },
            _ => Err("it has either `relies_on` or `fails_with`".to_owned()),
        }
    }

    fn compare(&mut self, expected: &Failure, error: &Error) -> Result<(), String> {
        let told = (format!("{:?}", error.code()), error.domain(), error.reason());
        if told != (expected.code.clone(), expected.domain.as_str(), expected.reason.as_str()) {
            return Err(format!("it fails otherwise: {error:?}"));
        }
        let metadata = error.metadata().iter().map(|(key, text)| (key.clone(), Value::String(text.clone())));
        let expected = self.names.fill(&Value::Object(expected.metadata.clone()));
        pact::difference(&expected, Some(&Value::Object(metadata.collect())), "metadata").map_or(Ok(()), Err)
    }

    async fn happen(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Event { event, data } => {
                let data = self.names.fill(data);
                tell(self.mesh, &self.pact.consumer, &self.owner, event, data).await;
            }
            Step::Call { method, request, caller, eventually, keep } => {
                let request = self.names.fill(request);
                let answer = if eventually.is_empty() {
                    self.call(caller, method, &request).await.map_err(|error| format!("{method}: {error}"))?
                } else {
                    let look = || async {
                        let answer = self.call(caller, method, &request).await.ok()?;
                        answer.pointer(eventually).is_some().then_some(answer)
                    };
                    testkit::eventually(method, look).await
                };
                for (name, pointer) in keep {
                    let found = answer.pointer(pointer).and_then(Value::as_str);
                    let text = found.ok_or_else(|| format!("{method}: nothing at {pointer} of {answer}"))?;
                    self.names.keep(name, text);
                }
            }
        }
        Ok(())
    }

    async fn call(&self, caller: &str, name: &str, request: &Value) -> Result<Value, Error> {
        let answer = match caller {
            "consumer" => self.send(name, request.clone()).await?,
            _ => {
                let method = method(name);
                call(&self.owner, &method, message(&method.input(), request.clone())).await?
            }
        };
        Ok(json(&answer))
    }

    /// Calls as the consumer does.
    async fn send(&self, name: &str, request: Value) -> Result<DynamicMessage, Error> {
        let tenant = Uuid::parse_str(self.owner.tenant_id()).unwrap();
        let caller = Caller::service(&self.pact.consumer, Some(tenant));
        let mut cx = Cx::new(self.mesh.env(&self.pact.consumer).clone(), caller, Meta::default());
        let method = method(name);
        call_over(cx.peer(Grpc::new).await?, &method, message(&method.input(), request)).await
    }
}

/// Lets a service tell something.
pub async fn tell(mesh: &Mesh, service: &str, party: &Party, event_type: &str, data: Value) {
    tell_as(mesh, service, party, event_type, data, kit::UuidV7.new_id()).await;
}

/// The same under an id, which may have been told before.
pub async fn tell_as(
    mesh: &Mesh,
    service: &str,
    party: &Party,
    event_type: &str,
    data: Value,
    event_id: Uuid,
) {
    let declared = crate::events::declared();
    let (topic, _) = declared.get(event_type).unwrap_or_else(|| panic!("no contract declares {event_type}"));
    let tenant_id = Uuid::parse_str(party.tenant_id()).unwrap();
    let envelope = Envelope {
        event_id,
        event_type: event_type.to_owned(),
        version: "v1".to_owned(),
        timestamp: mesh.env(service).clock().now(),
        tenant_id,
        source: service.to_owned(),
        data,
        metadata: store::Metadata::default(),
    };
    let insert = "insert into tessera.outbox (tenant_id, id, topic, key, event_type, payload)
        values ($1, $2, $3, $4, $5, $6)";
    let query = sqlx::query(insert)
        .bind(tenant_id)
        .bind(envelope.event_id)
        .bind(topic)
        .bind(tenant_id.to_string())
        .bind(event_type)
        .bind(serde_json::to_vec(&envelope).unwrap());
    query.execute(&mut mesh.look_into(service).await).await.unwrap();
    mesh.env(service).outbox_wake().notify_one();
}

fn method(name: &str) -> MethodDescriptor {
    let found =
        contract_tests::methods().into_iter().find(|method| contract_tests::path(method)[1..] == *name);
    found.unwrap_or_else(|| panic!("no contract has the method {name}"))
}

fn json(message: &DynamicMessage) -> Value {
    serde_json::to_value(message).unwrap()
}

/// `ReserveStock` as Rust calls it.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
