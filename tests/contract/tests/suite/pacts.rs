//! Replays what the services expect of each other against the real ones.

use contract_tests::call::{call, call_over, message};
use contract_tests::pact::{self, Failure, Interaction, Names, Pact, Sends, Step};
use kit::{Error, IdSource as _, Uuid};
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, MethodDescriptor};
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
            let mut names = Names::default();
            names.keep("secret-of-orders", mesh.secret("orders"));
            let mut replay = Replay { mesh: &mesh, pact, owner, names };
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
        self.compare_numbers(interaction)?;
        let request = self.names.fill(&interaction.sends.request);
        let Sends { method, caller, .. } = &interaction.sends;
        let answer = match caller.as_str() {
            "person" => self.ask(&self.owner, method, &request).await,
            _ => self.send(method, request).await,
        };
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

    /// Fields that are read by their numbers must keep them, in the request or in the answer.
    fn compare_numbers(&self, interaction: &Interaction) -> Result<(), String> {
        let method = method(&interaction.sends.method);
        for (path, number) in &interaction.numbers {
            let found = [method.input(), method.output()].iter().find_map(|message| find(message, path));
            if found.as_ref().map(FieldDescriptor::number) != Some(*number) {
                return Err(format!("{path} is not number {number}: {found:?}"));
            }
        }
        Ok(())
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
            _ => self.ask(&self.owner, name, request).await?,
        };
        Ok(json(&answer))
    }

    async fn ask(&self, party: &Party, name: &str, request: &Value) -> Result<DynamicMessage, Error> {
        let method = method(name);
        call(party, &method, message(&method.input(), request.clone())).await
    }

    /// Calls as the consumer does.
    async fn send(&self, name: &str, request: Value) -> Result<DynamicMessage, Error> {
        if !crate::SERVICES.contains(&self.pact.consumer.as_str()) {
            return self.ask(&self.mesh.stranger(), name, &request).await;
        }
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

/// A field by its path: `keys.kid`.
fn find(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let field = message.get_field_by_name(name)?;
    match rest {
        None => Some(field),
        Some(rest) => find(field.kind().as_message()?, rest),
    }
}

/// The method of this name: `erp.crm.v1.AccountService/GetAccount`.
pub fn method(name: &str) -> MethodDescriptor {
    let found =
        contract_tests::methods().into_iter().find(|method| contract_tests::path(method)[1..] == *name);
    found.unwrap_or_else(|| panic!("no contract has the method {name}"))
}

fn json(message: &DynamicMessage) -> Value {
    serde_json::to_value(message).unwrap()
}
