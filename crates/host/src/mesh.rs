//! Services assembled into a running process: databases, routes, events, jobs and their drain.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bus::{EventLog, KafkaConfig, LogConfig, PgLogConfig, TopicSpec};
use contracts::ops::v1::EventLogRpc;
use kit::{Clock, Error, Result, SystemClock};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::{Channel, Env, Method, Rpc, Topic};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::{Routes, RoutesBuilder};

use crate::access::Guard;
use crate::config::{Config, Database, Log};
use crate::ops::{EventLogs, Others};
use crate::peers::{ServicePeers, Switch};
use crate::service::{Handle, Reaction, Service};
use crate::token::{Identity, Verifier};
use crate::watch::Hub;
use crate::{consume, gauges, health, housekeeping, jobs, ops};

/// How long background work may go on after the calls have ended.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// A running set of services.
pub struct Mesh {
    channel: Channel,
    environments: Vec<Env>,
    log: Arc<dyn EventLog>,
    health: health::Health,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Mesh {
    /// Migrates, connects and starts everything but the listener.
    pub async fn start(services: Vec<Service>, config: Config) -> Result<Self> {
        Self::start_with(services, config, Arc::new(SystemClock)).await
    }

    /// The same with another clock, for tests.
    pub async fn start_with(services: Vec<Service>, config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let log = open_log(&config.log).await?;
        log.ensure_topics(&topics()).await.map_err(|error| Error::unavailable("the event log", error))?;
        let switch = Switch::default();
        switch.set_remote(&config.peers)?;
        let verifier = Arc::new(Verifier::new(Identity(switch.channel()), clock.clone()));
        let mut assembly = Assembly {
            config,
            clock,
            switch: switch.clone(),
            log: log.clone(),
            routes: Routes::builder(),
            methods: Vec::new(),
            environments: Vec::new(),
            consumers: Vec::new(),
            for_operators: None,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        assembly.prepare_databases(&services).await?;
        let mut names = Vec::with_capacity(services.len());
        for service in services {
            names.push(service.name());
            assembly.add(service)?;
        }
        assembly.add_operations();
        names.push("ops");
        let health =
            health::Health::start(assembly.environments.clone(), assembly.stop.clone(), &assembly.tasks);
        let mut routes = assembly.routes;
        routes.add_service(health.server());
        let guard = Guard::new(prepared(routes), assembly.methods.into_iter(), verifier);
        let channel = Channel::new(guard);
        switch.set_local(names, channel.clone());
        Ok(Self {
            channel,
            environments: assembly.environments,
            log,
            health,
            stop: assembly.stop,
            tasks: assembly.tasks,
        })
    }

    /// Every method of every service that runs here, behind the access layer.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The event log.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// The surroundings of a service that runs here.
    pub fn env(&self, service: &str) -> Option<&Env> {
        self.environments.iter().find(|env| env.service() == service)
    }

    /// Tells load balancers to send no more calls, and ends the streams that are open.
    pub fn stop_serving(&self) {
        self.health.not_serving();
        self.environments.iter().for_each(Env::drain);
    }

    /// Ends background work: events at hand are finished, the outboxes emptied, connections closed.
    pub async fn drain(self) {
        self.stop_serving();
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN_MAX, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                "some background work did not end within the drain; it goes on after the next start"
            );
        }
        self.log.close().await;
        for env in &self.environments {
            env.pool().close().await;
        }
    }
}

fn prepared(routes: RoutesBuilder) -> Routes {
    routes.routes().prepare()
}

struct Assembly {
    config: Config,
    clock: Arc<dyn Clock>,
    switch: Switch,
    log: Arc<dyn EventLog>,
    routes: RoutesBuilder,
    methods: Vec<&'static Method>,
    environments: Vec<Env>,
    consumers: Vec<(&'static str, Vec<String>)>,
    /// The service among these that answers operators for all.
    for_operators: Option<&'static str>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Assembly {
    /// Migrates all databases side by side: most of it is waiting.
    async fn prepare_databases(&self, services: &[Service]) -> Result<()> {
        let migrations = services.iter().map(|service| async {
            match self.database(service.name())?.owner_url {
                Some(owner) => store::migrate::run(&owner, &service.migrations).await,
                None => Ok(()),
            }
        });
        futures::future::try_join_all(migrations).await?;
        Ok(())
    }

    fn database(&self, service: &str) -> Result<Database> {
        let found = self.config.databases.get(service).cloned();
        found.ok_or_else(|| Error::internal(format!("no database is configured for {service}")))
    }

    fn add(&mut self, service: Service) -> Result<()> {
        let pool = open_pool(&self.database(service.name())?.url, self.config.pool_max)?;
        let secret = self.config.secrets.get(service.name()).cloned();
        let peers = ServicePeers::new(self.switch.clone(), service.name(), secret, self.clock.clone());
        let env = Env::new(service.name(), pool, Arc::new(peers)).with_clock(self.clock.clone());
        let topics: BTreeSet<String> =
            service.listens_to().into_iter().map(|(topic, _)| topic.to_owned()).collect();
        if service.answers_operators {
            self.for_operators = Some(service.name);
        }
        for rpc in service.rpcs {
            self.offer(rpc, &env);
        }
        if !topics.is_empty() {
            let topics: Vec<String> = topics.into_iter().collect();
            let handlers = Handlers::new(service.reactions, service.every);
            self.consumers.push((service.name, topics.clone()));
            consume::spawn(&self.tasks, &self.stop, &env, self.log.clone(), handlers, topics);
        }
        consume::spawn_relay(&self.tasks, &self.stop, &env, self.log.clone());
        if !service.jobs.is_empty() {
            let lease = Duration::from_secs(self.config.job_lease_seconds.into());
            self.tasks.spawn(jobs::run(env.clone(), service.jobs, lease, self.stop.clone()));
        }
        self.tasks.spawn(housekeeping::run(env.clone(), self.stop.clone()));
        self.tasks.spawn(gauges::run(env.clone(), self.config.pool_max, self.stop.clone()));
        self.environments.push(env);
        Ok(())
    }

    fn offer(&mut self, rpc: Box<dyn Rpc>, env: &Env) {
        self.methods.extend(rpc.methods());
        rpc.mount(env.clone(), &mut self.routes);
    }

    /// Every process shows operators the event log; repeated requests are known by the database of the service that
    /// answers for all, or of the first one.
    fn add_operations(&mut self) {
        let chosen = |env: &&Env| self.for_operators.is_none_or(|name| name == env.service());
        let Some(env) = self.environments.iter().find(chosen).cloned() else { return };
        let logs = EventLogs {
            log: self.log.clone(),
            hub: Hub::new(self.log.clone(), ops::topics()),
            environments: self.environments.clone(),
            consumers: std::mem::take(&mut self.consumers),
            others: self.others(),
        };
        self.offer(Box::new(EventLogRpc(logs)), &env);
    }

    /// The services elsewhere for which this process answers operators.
    fn others(&self) -> Others {
        let runs_here = |name: &str| self.environments.iter().any(|env| env.service() == name);
        let mut names: Vec<String> = match self.for_operators {
            Some(_) => self.config.peers.keys().filter(|name| !runs_here(name)).cloned().collect(),
            None => Vec::new(),
        };
        names.sort();
        Others(names)
    }
}

async fn open_log(log: &Log) -> Result<Arc<dyn EventLog>> {
    let config = match log {
        Log::Kafka(brokers) => LogConfig::Kafka(KafkaConfig::new(brokers)),
        Log::Postgres(url) => LogConfig::Postgres(PgLogConfig::new(url)),
    };
    bus::connect(config).await.map_err(|error| Error::unavailable("the event log", error))
}

fn open_pool(url: &str, pool_max: u32) -> Result<PgPool> {
    let options: PgConnectOptions =
        url.parse().map_err(|error| Error::invalid("a database's URL", format!("is malformed: {error}")))?;
    let options = options.application_name("tessera").statement_cache_capacity(256);
    let pool = PgPoolOptions::new()
        .max_connections(pool_max)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(Duration::from_secs(60))
        // A broken connection shows itself by its first statement; asking it before each call costs a round trip.
        .test_before_acquire(false);
    Ok(pool.connect_lazy_with(options))
}

/// The topics of all contracts with their dead letters: whoever starts first makes them all.
fn topics() -> Vec<TopicSpec> {
    contracts::TOPICS.iter().map(topic_spec).flat_map(|spec| [spec.dead_letters(), spec]).collect()
}

/// A topic as its contract declares it.
pub fn topic_spec(topic: &Topic) -> TopicSpec {
    let hours = u64::try_from(topic.retention_hours).unwrap_or(0);
    TopicSpec {
        name: topic.name.to_owned(),
        partitions: topic.partitions,
        retention: Duration::from_secs(hours * 3_600),
    }
}

/// What a service does with events.
pub(crate) struct Handlers {
    by_type: HashMap<String, Vec<Handle>>,
    every: Vec<Handle>,
}

impl Handlers {
    fn new(reactions: Vec<Reaction>, every: Vec<Handle>) -> Self {
        let mut by_type: HashMap<_, Vec<_>> = HashMap::with_capacity(reactions.len());
        for reaction in reactions {
            by_type.entry(reaction.event_type).or_default().push(reaction.handle);
        }
        Self { by_type, every }
    }

    /// What an event of this type is handed to, in the order in which the service names it.
    pub(crate) fn of(&self, event_type: &str) -> Vec<&Handle> {
        self.by_type.get(event_type).into_iter().flatten().chain(&self.every).collect()
    }
}
