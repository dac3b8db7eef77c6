//! The engine's jobs, by a kind that nobody runs.

use std::time::Duration;

use kit::Error;
use store::jobs::{Claimed, claim};
use store::{Caller, Cx, Env, Meta};
use testkit::Mesh;

const KIND: &str = "nobody's";

/// Waits until the job is due, and takes it.
async fn due(env: &Env) -> Claimed {
    loop {
        if let Some(job) = claim(env, &[KIND], Duration::ZERO).await.expect("jobs can be claimed").pop() {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_dead_processes_left_undone_does_not_put_a_job_off() {
    // A pause grows with each failure of the job itself. Leases that ran out are those of processes that died, and
    // a job that many of them held must still be tried again at once.
    let mesh = Mesh::start(vec![crm::service()]).await;
    let shop = mesh.sign_up("shop").await;
    let env = mesh.env("crm");
    let caller = Caller::service("crm", Some(kit::Uuid::parse_str(shop.tenant_id()).unwrap()));
    let mut cx = Cx::new(env.clone(), caller, Meta::default());
    cx.enqueue(KIND, "", cx.now());
    cx.checkpoint().await.unwrap();

    for _ in 0..20 {
        assert_eq!(claim(env, &[KIND], Duration::ZERO).await.unwrap().len(), 1);
    }
    let mut paused = Vec::new();
    for _ in 0..3 {
        let job = due(env).await;
        paused.push(job.attempts);
        job.fail(env, &Error::unavailable("the post office", "closed")).await.unwrap();
    }
    assert_eq!(paused, [0, 1, 2], "failures are counted, and nothing else");
    for _ in 0..3 {
        let job = due(env).await;
        assert_eq!(job.attempts, 3, "a lease that ran out is no failure");
        job.ran_out(env, &Error::unavailable("the post office", "slow")).await.unwrap();
    }
}
