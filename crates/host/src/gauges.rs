//! What a service shows of itself without being called: its pool of connections, and counters that begin at zero.

use std::time::Duration;

use store::{Env, tally};
use telemetry::Kind::{Counter, Gauge, Histogram};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(5);

/// What the metrics of services mean.
const TEXTS: &[(telemetry::Kind, &str, &str)] = &[
    (Counter, "tessera_rpc_requests_total", "Calls that have ended, by method and status of gRPC."),
    (Histogram, "tessera_rpc_request_seconds", "How long calls took, streams up to their end."),
    (Counter, "tessera_events_handled_total", "Events handled, by type and outcome; each try counts."),
    (Histogram, "tessera_event_seconds", "How long handling an event took."),
    (Counter, "tessera_jobs_run_total", "Jobs run, by kind and outcome; each try counts."),
    (Histogram, "tessera_job_seconds", "How long a job took."),
    (Gauge, "tessera_pool_connections", "Connections to the service's database, by state: used or idle."),
    (Gauge, "tessera_pool_connections_max", "Connections that the service may hold."),
    (
        Histogram,
        "tessera_transaction_begin_seconds",
        "How long a transaction took to begin, a free connection included.",
    ),
    (Gauge, "tessera_outbox_lag_seconds", "How long the oldest event has waited to be published."),
    (Counter, "tessera_relay_published_total", "Events published from the outbox."),
    (Counter, "tessera_relay_failures_total", "Times that the outbox could not be read or published."),
    (Counter, "tessera_relay_refused_total", "Events that the log refuses."),
    (Gauge, "tessera_consumer_lag", "Events in the log that the consumer has not done with."),
    (Counter, "tessera_consumer_handled_total", "Events that the consumer has done with."),
    (Counter, "tessera_consumer_retried_total", "Further tries of events."),
    (Counter, "tessera_consumer_dead_total", "Events set aside as dead letters."),
];

/// Shows the pool until the token is cancelled.
pub(crate) async fn run(env: Env, pool_max: u32, stop: CancellationToken) {
    telemetry::describe(TEXTS);
    let service = env.service();
    // A rate over a counter that comes into being with its first event would miss that event.
    for event in contracts::events().iter().filter(|event| event.service == service) {
        tally::counter(service, &event.event_type).increment(0);
    }
    for name in
        ["tessera_relay_published_total", "tessera_relay_failures_total", "tessera_relay_refused_total"]
    {
        metrics::counter!(name, "service" => service).increment(0);
    }
    metrics::gauge!("tessera_pool_connections_max", "service" => service).set(pool_max);
    let idle = metrics::gauge!("tessera_pool_connections", "service" => service, "state" => "idle");
    let used = metrics::gauge!("tessera_pool_connections", "service" => service, "state" => "used");
    loop {
        let (all, free) = (env.pool().size(), u32::try_from(env.pool().num_idle()).unwrap_or(u32::MAX));
        idle.set(free);
        used.set(all.saturating_sub(free));
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
