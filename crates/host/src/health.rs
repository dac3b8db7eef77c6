//! gRPC health as Kubernetes asks for it: live while the process runs, ready while its databases answer.

use std::time::Duration;

use store::Env;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthApi, HealthServer};
use tonic_health::server::HealthReporter;

const EVERY: Duration = Duration::from_secs(5);

/// The service name whose status tells whether the databases answer; the empty name only tells of the process.
pub(crate) const READINESS: &str = "readiness";

/// The health of a process.
pub(crate) struct Health {
    reporter: HealthReporter,
    stop: CancellationToken,
}

impl Health {
    /// Begins to watch the databases.
    pub fn start(environments: Vec<Env>, stop: CancellationToken, tasks: &TaskTracker) -> Self {
        let reporter = HealthReporter::new();
        let stop = stop.child_token();
        tasks.spawn(watch(reporter.clone(), environments, stop.clone()));
        Self { reporter, stop }
    }

    /// The service that answers.
    pub fn server(&self) -> HealthServer<impl HealthApi> {
        HealthServer::new(tonic_health::server::HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// From here on not ready.
    pub fn not_serving(&self) {
        self.stop.cancel();
    }
}

async fn watch(reporter: HealthReporter, environments: Vec<Env>, stop: CancellationToken) {
    reporter.set_service_status("", ServingStatus::Serving).await;
    loop {
        let status = match all_answer(&environments).await {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        reporter.set_service_status(READINESS, status).await;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => break,
        }
    }
    reporter.set_service_status(READINESS, ServingStatus::NotServing).await;
}

async fn all_answer(environments: &[Env]) -> bool {
    for env in environments {
        if let Err(error) = sqlx::query("select 1").execute(env.pool()).await {
            tracing::warn!(service = env.service(), %error, "the database does not answer");
            return false;
        }
    }
    true
}
