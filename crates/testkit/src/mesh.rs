//! Services in this process, on fresh databases.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use contracts::identity::v1::auth_service_client::AuthServiceClient;
use contracts::identity::v1::{LoginRequest, SignUpRequest};
use host::{Config, Database, Log, Service, ServiceIdentities};
use kit::UuidV7;
use local::{Provisioned, Secrets};
use store::{Channel, Env};

use crate::clock::TestClock;
use crate::party::Party;
use crate::process::{self, Process};

/// The password of every tenant's first user.
const OWNER_PASSWORD: &str = "correct horse battery";

/// What a test's mesh may have otherwise than usual.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Kafka brokers instead of the embedded log.
    pub kafka: Option<String>,
    /// How long a job stays with a process that may have died, in seconds; 0: the usual.
    pub job_lease_seconds: u32,
    /// Addresses of services that run elsewhere, by name.
    pub peers: HashMap<String, String>,
}

/// A running mesh. Dropping it leaves its tasks to the end of the test's runtime; [`Mesh::stop`] drains it.
pub struct Mesh {
    processes: Vec<Process>,
    clock: Arc<TestClock>,
    provisioned: Provisioned,
    /// The topics that each service reads.
    readers: HashMap<&'static str, Vec<String>>,
    /// What each service proves itself with.
    secrets: HashMap<String, String>,
}

impl Mesh {
    /// Starts services together with identity, which is added.
    pub async fn start(services: Vec<Service>) -> Self {
        Self::start_with(services, Options::default()).await
    }

    /// The same with options.
    pub async fn start_with(services: Vec<Service>, options: Options) -> Self {
        Self::start_apart(vec![services], options).await
    }

    /// Services as in several processes, which reach each other over the network alone. Identity is added to the first;
    /// calls go as the gateway would send them.
    pub async fn start_apart(mut processes: Vec<Vec<Service>>, options: Options) -> Self {
        let identities = ServiceIdentities::for_process(processes.iter().flatten(), &UuidV7);
        let secrets: HashMap<String, String> =
            identities.0.iter().map(|(name, one)| (name.clone(), one.secret.clone())).collect();
        processes.first_mut().expect("there is a process").push(identity::service(identities));
        let names: Vec<&str> = processes.iter().flatten().map(Service::name).collect();
        let provisioned = databases(&names).await;
        let readers = processes.iter().flatten().map(|service| (service.name(), topics(service))).collect();
        let log = match &options.kafka {
            Some(brokers) => Log::Kafka(brokers.clone()),
            None => Log::Postgres(provisioned.log_url.clone()),
        };
        let mut config = config(&provisioned, secrets.clone(), log, options.job_lease_seconds);
        config.peers = options.peers;
        let clock = Arc::new(TestClock::default());
        let processes = process::start(processes, config, clock.clone()).await;
        Self { processes, clock, provisioned, readers, secrets }
    }

    /// A new tenant, as its first user, who may do everything. `name` becomes its slug and company name.
    pub async fn sign_up(&self, name: &str) -> Party {
        let request = SignUpRequest {
            company_name: name.to_owned(),
            slug: name.to_owned(),
            email: format!("owner@{name}.example"),
            password: OWNER_PASSWORD.to_owned(),
            display_name: format!("Owner of {name}"),
            base_currency: "EUR".to_owned(),
        };
        let answer = AuthServiceClient::new(self.channel()).sign_up(request).await.expect("sign-up works");
        let answer = answer.into_inner();
        let tokens = answer.tokens.expect("sign-up gives tokens");
        let tenant = answer.tenant.expect("sign-up gives the tenant");
        Party::new(self.channel(), tokens.access_token, tenant.slug, tenant.id)
    }

    /// The tenant's first user with a new token: one does not outlive a clock that was turned by more than a
    /// quarter of an hour.
    pub async fn sign_in(&self, party: &Party) -> Party {
        let slug = party.slug().to_owned();
        let request = LoginRequest {
            email: format!("owner@{slug}.example"),
            password: OWNER_PASSWORD.to_owned(),
            tenant_slug: slug,
        };
        let answer = AuthServiceClient::new(self.channel()).login(request).await.expect("login works");
        let tokens = answer.into_inner().tokens.expect("login gives tokens");
        party.clone().with_token(&tokens.access_token)
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Party {
        Party::new(self.channel(), String::new(), String::new(), String::new())
    }

    /// Every method of every service, behind the access layer.
    pub fn channel(&self) -> Channel {
        process::channel(&self.processes)
    }

    /// The surroundings of a service.
    pub fn env(&self, service: &str) -> &Env {
        let found = self.processes.iter().find_map(|process| process.host.env(service));
        found.expect("the service runs in this mesh")
    }

    /// What a service proves itself with.
    pub fn secret(&self, service: &str) -> &str {
        &self.secrets[service]
    }

    /// The event log.
    pub fn log(&self) -> &Arc<dyn bus::EventLog> {
        self.processes[0].host.log()
    }

    /// The URL of a service's database as the role that owns it.
    pub fn owner_url(&self, service: &str) -> &str {
        &self.provisioned.services[service].owner_url
    }

    /// A connection to a service's database as the administrator, who sees every row: for looking, not for doing.
    pub async fn look_into(&self, service: &str) -> sqlx::PgConnection {
        let cluster = local::shared_cluster().await.expect("the tests' cluster runs");
        let url = cluster.url(&self.provisioned.services[service].database).expect("the database has a URL");
        <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.expect("the administrator can connect")
    }

    /// Waits until every event that was told has been published, and handled by all that listen to it.
    pub async fn at_rest(&self) {
        let before = tokio::sync::Mutex::new(None);
        crate::eventually("rest", || async {
            // Twice the same, since a handler at work may be about to tell something new.
            let now = self.rest().await;
            let before = std::mem::replace(&mut *before.lock().await, now);
            (now.is_some() && now == before).then_some(())
        })
        .await;
    }

    /// How much is in the log when nobody is behind, and nothing else otherwise.
    async fn rest(&self) -> Option<i64> {
        for service in self.provisioned.services.keys() {
            let query = "select exists (select from tessera.outbox where publish_time is null)";
            let mut database = self.look_into(service).await;
            let waits: bool = sqlx::query_scalar(query).fetch_one(&mut database).await.expect("it has one");
            if waits {
                return None;
            }
        }
        let mut total = 0;
        for (group, topics) in &self.readers {
            for lag in self.log().lag(group, topics).await.expect("the log answers") {
                if lag.lag != 0 {
                    return None;
                }
                total += lag.end;
            }
        }
        Some(total)
    }

    /// Turns the clock of all services.
    pub fn advance(&self, by: kit::Duration) {
        self.clock.advance(by);
    }

    /// Drains and stops.
    pub async fn stop(self) {
        for process in self.processes {
            process.stop().await;
        }
    }
}

fn topics(service: &Service) -> Vec<String> {
    let topics: BTreeSet<String> =
        service.listens_to().into_iter().map(|(topic, _)| topic.to_owned()).collect();
    topics.into_iter().collect()
}

/// Fresh databases for these services on the tests' cluster.
async fn databases(names: &[&str]) -> Provisioned {
    let cluster = local::shared_cluster().await.expect("the tests' cluster runs");
    let mut secrets = Secrets::in_memory();
    let prefix = local::test_prefix("mesh");
    local::provision(cluster.admin_url(), &prefix, names, &mut secrets).await.expect("databases can be made")
}

fn config(
    provisioned: &Provisioned,
    secrets: HashMap<String, String>,
    log: Log,
    job_lease_seconds: u32,
) -> Config {
    let database = |urls: &local::DatabaseUrls| Database {
        url: urls.url.clone(),
        owner_url: Some(urls.owner_url.clone()),
    };
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: None,
        databases: provisioned.services.iter().map(|(name, urls)| (name.clone(), database(urls))).collect(),
        log,
        peers: HashMap::new(),
        secrets,
        pool_max: 8,
        job_lease_seconds: if job_lease_seconds == 0 { 60 } else { job_lease_seconds },
    }
}
