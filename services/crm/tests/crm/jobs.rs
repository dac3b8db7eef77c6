//! The engine's jobs, by a kind that nobody runs.

use std::time::Duration;

use kit::Error;
use store::jobs::claim;
use store::{Caller, Cx, Meta};
use testkit::Mesh;

const KIND: &str = "nobody's";

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
        let mut claimed = claim(env, &[KIND], Duration::ZERO).await.unwrap();
        while claimed.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            claimed = claim(env, &[KIND], Duration::ZERO).await.unwrap();
        }
        paused.push(claimed[0].attempts);
        claimed[0].fail(env, &Error::unavailable("the post office", "closed")).await.unwrap();
    }
    assert_eq!(paused, [0, 1, 2], "failures are counted, and nothing else");
}
