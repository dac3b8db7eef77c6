//! Work to be done later or outside a transaction: enqueued with the rows that want it, done at least once.

use std::collections::HashSet;
use std::time::Duration;

use kit::{OffsetDateTime, Result};
use uuid::Uuid;

use crate::caller::Caller;
use crate::cx::{Cx, Meta};
use crate::deferred::Deferred;
use crate::env::Env;
use crate::flush::JobRow;

/// How many jobs are claimed at a time.
const CLAIM_MAX: i64 = 32;

/// The shortest pause between two attempts of a job.
const BACKOFF_MIN: Duration = Duration::from_millis(200);

/// The longest pause between two attempts of a job that fails.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// What a job wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing more.
    Done,
    /// To run again at this time.
    At(OffsetDateTime),
}

/// A job that this process has taken for a while.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The tenant in whose name it runs.
    pub tenant: Uuid,
    /// What is to be done.
    pub kind: String,
    /// To what it is to be done.
    pub key: String,
    /// How often in a row it has failed; what a dead process left undone is no failure of the job's.
    pub attempts: i32,
    /// What set it off.
    pub correlation_id: String,
    /// W3C trace context of what set it off; empty when that was not traced.
    pub traceparent: String,
    generation: i64,
}

impl Cx {
    /// Has a job run at a time, once per kind and key; the earlier time wins when it is there already.
    pub fn enqueue(&mut self, kind: &'static str, key: &str, run_time: OffsetDateTime) {
        let traceparent = self.traceparent();
        self.pending.jobs.push(JobRow { kind, key: key.to_owned(), run_time, traceparent });
    }
}

/// Takes jobs of these kinds that are due, for the length of a lease. A process that dies loses its lease and
/// another one takes the job again.
pub async fn claim(env: &Env, kinds: &[&str], lease: Duration) -> Result<Vec<Claimed>> {
    let mut cx = system_cx(env, "claim jobs");
    let now = cx.now();
    let query = sqlx::query_as::<_, (Uuid, String, String, i32, String, String, i64)>(
        "update tessera.jobs set lease_time = $2
         where (tenant_id, kind, key) in (
             select tenant_id, kind, key from tessera.jobs
             where run_time <= $1 and (lease_time is null or lease_time < $1) and kind = any($3)
             order by run_time limit $4 for update skip locked)
         returning tenant_id, kind, key, attempts, correlation_id, traceparent, generation",
    )
    .bind(now)
    .bind(now + lease)
    .bind(kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>())
    .bind(CLAIM_MAX);
    let rows = cx.rows(query).await?;
    cx.checkpoint().await?;
    let claimed = rows.into_iter().map(|row| {
        let (tenant, kind, key, attempts, correlation_id, traceparent, generation) = row;
        Claimed { tenant, kind, key, attempts, correlation_id, traceparent, generation }
    });
    Ok(claimed.collect())
}

impl Claimed {
    /// The call in which the job runs: the service acting for the job's tenant.
    pub fn cx(&self, env: &Env, timeout: Duration) -> Cx {
        let meta = Meta {
            method: format!("job:{}", self.kind),
            correlation_id: self.correlation_id.clone(),
            traceparent: self.traceparent.clone(),
            ..Meta::default()
        };
        Cx::new(env.clone(), Caller::service(env.service(), Some(self.tenant)), meta).with_timeout(timeout)
    }

    /// Commits what the job did, together with the end of the job or its next time.
    pub async fn finish(&self, cx: &mut Cx, next: Next) -> Result<()> {
        let at = match next {
            Next::Done => None,
            Next::At(at) => Some(at),
        };
        cx.defer(Finished {
            kind: self.kind.clone(),
            key: self.key.clone(),
            generation: self.generation,
            at,
        })
        .await?;
        cx.checkpoint().await
    }

    /// Notes a failure and sets the time of the next attempt: twice as late each time, never given up.
    pub async fn fail(&self, env: &Env, error: &kit::Error) -> Result<()> {
        let pause = BACKOFF_MIN
            .saturating_mul(2_u32.saturating_pow(u32::try_from(self.attempts.clamp(0, 20)).unwrap_or(0)))
            .min(BACKOFF_MAX);
        self.put_off(env, error, pause, 1).await
    }

    /// Notes that the lease ran out. It was pause enough, and what the job has committed is no failure, so that it
    /// goes on soon.
    pub async fn ran_out(&self, env: &Env, error: &kit::Error) -> Result<()> {
        self.put_off(env, error, BACKOFF_MIN, 0).await
    }

    async fn put_off(&self, env: &Env, error: &kit::Error, pause: Duration, failures: i32) -> Result<()> {
        let mut cx = self.cx(env, Duration::from_secs(10));
        let run_time = cx.now() + pause;
        let query = sqlx::query(
            "update tessera.jobs set lease_time = null, attempts = attempts + $5, run_time = $3, last_error = left($4, 2000)
             where kind = $1 and key = $2",
        );
        let text = error.to_string();
        cx.execute(query.bind(&self.kind).bind(&self.key).bind(run_time).bind(text).bind(failures)).await?;
        cx.checkpoint().await
    }
}

/// The end of a job, or its next time.
struct Finished {
    kind: String,
    key: String,
    generation: i64,
    at: Option<OffsetDateTime>,
}

impl Deferred for Finished {
    async fn write<'a>(cx: &'a mut Cx, jobs: &'a [&'a Self]) -> Result<()> {
        let (mut left, done): (Vec<&Self>, Vec<&Self>) = jobs.iter().partition(|job| job.at.is_some());
        if !done.is_empty() {
            let ended = sqlx::query_as::<_, (String, String)>(
                "delete from tessera.jobs using unnest($1::text[], $2::text[], $3::bigint[]) as done (kind, key, generation)
                 where jobs.kind = done.kind and jobs.key = done.key and jobs.generation = done.generation
                 returning jobs.kind, jobs.key",
            )
            .bind(column(&done, |job| job.kind.as_str()))
            .bind(column(&done, |job| job.key.as_str()))
            .bind(column(&done, |job| job.generation));
            let ended: HashSet<(String, String)> = cx.rows(ended).await?.into_iter().collect();
            // Enqueued again while they ran: they stay, free to be claimed at once.
            left.extend(done.iter().filter(|job| !ended.contains(&(job.kind.clone(), job.key.clone()))));
        }
        if left.is_empty() {
            return Ok(());
        }
        let freed = sqlx::query(
            "update tessera.jobs set lease_time = null, attempts = 0,
                run_time = case when jobs.generation = job.generation then coalesce(at, run_time) else run_time end
             from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) as job (kind, key, generation, at)
             where jobs.kind = job.kind and jobs.key = job.key",
        )
        .bind(column(&left, |job| job.kind.as_str()))
        .bind(column(&left, |job| job.key.as_str()))
        .bind(column(&left, |job| job.generation))
        .bind(column(&left, |job| job.at));
        cx.execute(freed).await?;
        Ok(())
    }
}

fn column<'a, T>(jobs: &[&'a Finished], value: impl Fn(&'a Finished) -> T) -> Vec<T> {
    jobs.iter().map(|job| value(job)).collect()
}

/// A call of the engine itself that sees all tenants.
pub fn system_cx(env: &Env, what: &str) -> Cx {
    let meta = Meta { method: format!("engine:{what}"), ..Meta::default() };
    let mut cx = Cx::new(env.clone(), Caller::service(env.service(), None), meta);
    cx.system(what).expect("a new call has no transaction");
    cx
}

/// An `async fn(cx: &mut Cx, key: String) -> Result<Next>`, or any function like it.
pub trait Work<'a>: Send + Sync + 'static {
    /// What the function returns.
    type Future: Future<Output = Result<Next>> + Send + 'a;
    /// Calls it.
    fn work(&self, cx: &'a mut Cx, key: String) -> Self::Future;
}

impl<'a, F, Fut> Work<'a> for F
where
    F: Fn(&'a mut Cx, String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Next>> + Send + 'a,
{
    type Future = Fut;
    fn work(&self, cx: &'a mut Cx, key: String) -> Fut {
        self(cx, key)
    }
}
