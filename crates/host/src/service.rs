//! What a service is made of, as its `service()` says it.

use std::sync::Arc;

use contracts::v1::RecordChange;
use kit::Result;
use sqlx::migrate::Migrator;
use store::jobs::{Next, Work};
use store::{BoxFuture, Cx, Env, Envelope, Event, React, Record, Rpc};

use crate::ops;

/// A service: its contracts joined to its decisions, its migrations, its reactions and its jobs.
pub struct Service {
    pub(crate) name: &'static str,
    pub(crate) migrations: Migrator,
    pub(crate) rpcs: Vec<Box<dyn Rpc>>,
    pub(crate) reactions: Vec<Reaction>,
    /// What hears of every event, whatever its type.
    pub(crate) every: Vec<Handle>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) calls: &'static [&'static str],
    pub(crate) answers_operators: bool,
}

pub(crate) type Handle =
    Arc<dyn Fn(Env, Arc<str>, Arc<Envelope>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

pub(crate) struct Reaction {
    pub event_type: String,
    pub topic: &'static str,
    pub handle: Handle,
}

pub(crate) type Run = Arc<dyn for<'a> Fn(&'a mut Cx, String) -> BoxFuture<'a, Result<Next>> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Job {
    pub kind: &'static str,
    pub run: Run,
}

impl Service {
    /// A service with its migrations. The name is that of its domain: `crm`.
    pub fn new(name: &'static str, migrations: Migrator) -> Self {
        Self {
            name,
            migrations,
            rpcs: Vec::new(),
            reactions: Vec::new(),
            every: Vec::new(),
            jobs: Vec::new(),
            calls: &[],
            answers_operators: false,
        }
    }

    /// Offers a gRPC service.
    #[must_use]
    pub fn rpc(mut self, rpc: impl Rpc) -> Self {
        self.rpcs.push(Box::new(rpc));
        self
    }

    /// Reacts to an event: `async fn(cx: &mut Cx, event: OrderCompleted) -> Result<()>`. Its effect happens
    /// once per event, however often the event arrives.
    #[must_use]
    pub fn on<E: Event, F>(self, reaction: F) -> Self
    where
        F: for<'a> React<'a, E>,
    {
        self.listen::<E, F>(E::TYPE.to_owned(), E::TOPIC, reaction)
    }

    /// Reacts to what the engine tells of a record: `created`, `updated`, `deleted` or `undeleted`.
    #[must_use]
    pub fn on_change<R: Record, F>(self, change: &str, reaction: F) -> Self
    where
        F: for<'a> React<'a, RecordChange>,
    {
        let table = R::table();
        let topic = table.topic.expect("only records with a topic tell of their changes");
        self.listen::<RecordChange, F>(format!("{}.{change}", table.noun), topic, reaction)
    }

    /// Hears of every event of every service, also of those that these contracts do not know yet:
    /// `async fn(cx: &mut Cx, event: Arc<Envelope>) -> Result<()>`. Its effect happens once per event.
    #[must_use]
    pub fn on_every<F>(mut self, reaction: F) -> Self
    where
        F: for<'a> React<'a, Arc<Envelope>>,
    {
        let reaction = Arc::new(reaction);
        let handle: Handle = Arc::new(move |env: Env, consumer: Arc<str>, envelope: Arc<Envelope>| {
            let reaction = reaction.clone();
            Box::pin(
                async move { store::react(&env, &consumer, &envelope, envelope.clone(), &*reaction).await },
            )
        });
        self.every.push(handle);
        self
    }

    fn listen<E, F>(mut self, event_type: String, topic: &'static str, reaction: F) -> Self
    where
        E: store::glue::prost_reflect::ReflectMessage + Default + Send + 'static,
        F: for<'a> React<'a, E>,
    {
        let reaction = Arc::new(reaction);
        let handle: Handle = Arc::new(move |env: Env, consumer: Arc<str>, envelope: Arc<Envelope>| {
            let reaction = reaction.clone();
            Box::pin(async move {
                let event: E = envelope.payload()?;
                store::react(&env, &consumer, &envelope, event, &*reaction).await
            })
        });
        self.reactions.push(Reaction { event_type, topic, handle });
        self
    }

    /// Does the jobs of a kind: `async fn(cx: &mut Cx, key: String) -> Result<Next>`, at least once each,
    /// again after a failure, and again after a crash.
    #[must_use]
    pub fn job<F>(mut self, kind: &'static str, work: F) -> Self
    where
        F: for<'a> Work<'a>,
    {
        let run: Run = Arc::new(move |cx, key| Box::pin(work.work(cx, key)));
        self.jobs.push(Job { kind, run });
        self
    }

    /// The permissions that its own identity needs, to call its peers.
    #[must_use]
    pub fn calls(mut self, permissions: &'static [&'static str]) -> Self {
        self.calls = permissions;
        self
    }

    /// Its process answers operators for all services: what the others know of dead letters, outboxes and lag, it
    /// asks their processes. One service of a suite does, to which the gateway sends calls of `erp.ops`.
    #[must_use]
    pub fn answers_operators(mut self) -> Self {
        self.answers_operators = true;
        self
    }

    /// Whether its process does.
    pub fn is_for_operators(&self) -> bool {
        self.answers_operators
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it reacts to: topics with the types of events in them, `*` for all.
    pub fn listens_to(&self) -> Vec<(&'static str, String)> {
        let all = contracts::TOPICS.iter().filter(|_| !self.every.is_empty());
        let all = all.map(|topic| (topic.name, "*".to_owned()));
        self.reactions
            .iter()
            .map(|reaction| (reaction.topic, reaction.event_type.clone()))
            .chain(all)
            .collect()
    }

    /// The permissions that its own identity needs.
    pub fn permissions(&self) -> Vec<&'static str> {
        let mut permissions = self.calls.to_vec();
        if self.answers_operators {
            permissions.extend(ops::permissions());
        }
        permissions
    }
}
