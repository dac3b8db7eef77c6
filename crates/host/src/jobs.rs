//! Runs the jobs of a service: claims what is due, a bounded number at a time, until the drain.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kit::{Error, Result};
use store::Env;
use store::jobs::{Claimed, claim};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::meter;
use crate::service::Job;

/// How many jobs of a service run at a time. They wait for peers most of the time, and what comes together is written
/// together.
const RUNNING_MAX: usize = 48;
/// How often a job runs when its transactions meet others, before it waits.
const RUNS_MAX: u32 = 10;
/// How often to look for jobs that nobody announced: those of other processes, and those of dead ones.
const POLL: Duration = Duration::from_millis(500);

/// Runs jobs until the token is cancelled, then waits for those that run.
pub(crate) async fn run(env: Env, jobs: Vec<Job>, lease: Duration, stop: CancellationToken) {
    let kinds: Vec<&str> = jobs.iter().map(|job| job.kind).collect();
    let table: Arc<HashMap<&'static str, Job>> =
        Arc::new(jobs.iter().map(|job| (job.kind, job.clone())).collect());
    let running = Arc::new(Semaphore::new(RUNNING_MAX));
    let tasks = TaskTracker::new();
    while !stop.is_cancelled() {
        let claimed = match claim(&env, &kinds, lease).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(service = env.service(), %error, "cannot claim jobs");
                Vec::new()
            }
        };
        if claimed.is_empty() {
            tokio::select! {
                () = env.jobs_wake().notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => {}
            }
            continue;
        }
        for job in claimed {
            let permit = running.clone().acquire_owned().await.expect("the semaphore is never closed");
            let (env, table) = (env.clone(), table.clone());
            let span = meter::job_span(env.service(), &job);
            let work = async move {
                run_one(&env, &table, &job, lease).await;
                drop(permit);
            };
            tasks.spawn(work.instrument(span));
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn run_one(env: &Env, table: &HashMap<&'static str, Job>, job: &Claimed, lease: Duration) {
    let begun = Instant::now();
    let result = attempt(env, table, job, lease).await;
    meter::job_ended(env.service(), &job.kind, result.is_ok(), begun.elapsed());
    let Err(error) = result else { return };
    tracing::warn!(service = env.service(), kind = job.kind, key = job.key, attempts = job.attempts, %error, "job failed");
    // Slow is not wrong: a saga that takes its steps in several leases must not wait longer after each of them.
    let noted = match begun.elapsed() < lease {
        true => job.fail(env, &error).await,
        false => job.ran_out(env, &error).await,
    };
    if let Err(error) = noted {
        // The lease ends by itself, and the job is claimed again.
        tracing::warn!(service = env.service(), %error, "cannot note a failed job");
    }
}

async fn attempt(
    env: &Env,
    table: &HashMap<&'static str, Job>,
    job: &Claimed,
    lease: Duration,
) -> Result<()> {
    let known = table.get(job.kind.as_str()).ok_or_else(|| Error::internal("a job of an unknown kind"))?;
    // Work that outlives its lease would be done twice at the same time.
    let until = Instant::now() + lease;
    let mut cx = job.cx(env, lease);
    let mut runs = 0;
    loop {
        runs += 1;
        let done = async {
            let next = (known.run)(&mut cx, job.key.clone()).await?;
            job.finish(&mut cx, next).await
        };
        let done = tokio::time::timeout_at(until, done).await;
        let error = match done {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => Error::internal("the job did not end within its lease"),
        };
        cx.rollback().await;
        if !store::is_conflict(&error) || runs == RUNS_MAX {
            return Err(error);
        }
    }
}
