//! Joins a service to the event log: its outbox to the relay, its reactions to the consumer loop.

use std::sync::Arc;

use bus::{ConsumerConfig, Delivery, EventLog, HandleError, Handler, PgDeadLetters, Relay, RelayConfig};
use store::{Env, Envelope};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::mesh::Handlers;
use crate::meter;

/// SQL that opens the second door inside a transaction of the engine.
pub(crate) fn on_begin(env: &Env) -> String {
    format!("set local role \"{}\"", env.system_role())
}

/// Starts to publish what the service leaves in its outbox.
pub(crate) fn spawn_relay(tasks: &TaskTracker, stop: &CancellationToken, env: &Env, log: Arc<dyn EventLog>) {
    let config = RelayConfig::new(env.service(), on_begin(env));
    let relay = Relay::new(env.pool(), log, config, env.outbox_wake().clone());
    tasks.spawn(relay.run(stop.clone()));
}

/// Starts to hand events to the service's reactions.
pub(crate) fn spawn(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    env: &Env,
    log: Arc<dyn EventLog>,
    handlers: Handlers,
    topics: Vec<String>,
) {
    let sink = Arc::new(PgDeadLetters::new(env.pool().clone(), on_begin(env)));
    let handler = Arc::new(Reactions { env: env.clone(), handlers });
    let config = ConsumerConfig::new(env.service(), topics);
    meter::expect_events(env.service(), &config.topics);
    let (service, stop) = (env.service(), stop.clone());
    tasks.spawn(async move {
        if let Err(error) = bus::run_consumer(log, config, handler, sink, stop).await {
            tracing::error!(service, %error, "the consumer has ended; events wait in the log");
        }
    });
}

struct Reactions {
    env: Env,
    handlers: Handlers,
}

#[async_trait::async_trait]
impl Handler for Reactions {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandleError> {
        // A topic carries several types; those that nobody here asked for pass by undecoded.
        let handlers = self.handlers.of(delivery.event_type());
        if handlers.is_empty() {
            return Ok(());
        }
        let envelope = Envelope::parse(&delivery.payload).map_err(HandleError::poison)?;
        let envelope = Arc::new(envelope);
        let span = meter::event_span(self.env.service(), delivery);
        let started = Instant::now();
        let done = self.hand_out(&handlers, &envelope).instrument(span).await;
        meter::event_ended(self.env.service(), delivery.event_type(), done.is_ok(), started.elapsed());
        done
    }
}

impl Reactions {
    async fn hand_out(
        &self,
        handlers: &[&crate::service::Handle],
        envelope: &Arc<Envelope>,
    ) -> Result<(), HandleError> {
        for (place, handle) in handlers.iter().enumerate() {
            let consumer: Arc<str> = match place {
                0 => self.env.service().into(),
                _ => format!("{}#{place}", self.env.service()).into(),
            };
            let done = handle(self.env.clone(), consumer, envelope.clone()).await;
            done.map_err(|error| HandleError {
                retryable: is_worth_retrying(&error),
                message: error.to_string(),
            })?;
        }
        Ok(())
    }
}

/// A payload that cannot be read never will be; anything else may be an outage or an order of arrival that
/// rights itself, so it is tried again before it is set aside.
fn is_worth_retrying(error: &kit::Error) -> bool {
    !error.violations().iter().any(|violation| violation.field.starts_with("event"))
}
