//! Instances that die or fail: what callers see of it, and what is executed.

use std::time::Duration;

use futures::future::join_all;
use tonic::Code;

use crate::support::{Ask, Caller, Ground, READ, STABLE, WRITE, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_instance_is_hidden_from_callers() {
    // A pod that is lost, and a program that is lost in its pod, cost no call: each is sent again to another instance.
    let mut ground = Ground::new();
    let mut instances = ground.instances(3).await;
    ground.publish(&instances.iter().collect::<Vec<_>>());
    let caller = ground.caller("gateway").await;
    instances[0].program.kill().await.unwrap();
    for _ in 0..60 {
        ground.call(&caller, READ, &Ask::default()).await.unwrap();
    }
    instances[0].sidecar.program().kill().await.unwrap();
    let fresh = ground.caller("gateway").await;
    for _ in 0..60 {
        ground.call(&fresh, READ, &Ask::default()).await.unwrap();
        ground.call(&fresh, WRITE, &Ask::default()).await.unwrap();
    }
    assert_eq!(ground.executed().len(), 180, "each call was executed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_left_out_after_exactly_five_errors_of_the_way() {
    // Fewer would leave out pods for an accident, more would cost more calls; errors of the service itself do not count.
    let mut ground = Ground::new();
    let instances = ground.instances(2).await;
    ground.publish(&[&instances[0], &instances[1]]);
    let caller = ground.caller("gateway").await;
    let bad = &instances[0].pod.name;
    let on_bad = |ground: &Ground| ground.executed().iter().filter(|one| one.instance == *bad).count();

    let internal = Ask::fail(bad, 13);
    for _ in 0..40 {
        let _ = ground.call(&caller, WRITE, &internal).await;
    }
    let before = on_bad(&ground);
    assert!(before > 5, "a healthy instance is not left out: {before} calls of 40");

    // The last of those may have been good, or not: the count begins anew with an answer that is good.
    eventually("a good answer of the instance", async || {
        (ground.call(&caller, WRITE, &Ask::default()).await.unwrap() == *bad).then_some(())
    })
    .await;
    let before = on_bad(&ground);
    let unavailable = Ask::fail(bad, 14);
    let mut failed = 0;
    while failed < 5 {
        assert_eq!(count(&caller, "ejections_active").await, 0, "left out after {failed} errors");
        if let Err(status) = ground.call(&caller, WRITE, &unavailable).await {
            assert_eq!(status.code(), Code::Unavailable);
            failed += 1;
        }
    }
    // Envoy counts in one thread and leaves out in another.
    eventually("it is left out", async || (count(&caller, "ejections_active").await == 1).then_some(()))
        .await;
    for _ in 0..40 {
        ground.call(&caller, WRITE, &unavailable).await.unwrap();
    }
    assert_eq!(on_bad(&ground) - before, 5);
    assert_eq!(count(&caller, "ejections_enforced_consecutive_gateway_failure").await, 1);
    assert_eq!(count(&caller, "ejections_enforced_consecutive_5xx").await, 0);

    // The other half stays, whatever it answers: an instance that fails is better than none.
    let before = ground.executed().len();
    let all = Ask::fail("*", 14);
    for _ in 0..20 {
        assert_eq!(ground.call(&caller, WRITE, &all).await.unwrap_err().code(), Code::Unavailable);
    }
    assert_eq!(ground.executed().len() - before, 20, "the last instance is still called");
    assert_eq!(count(&caller, "ejections_active").await, 1);
    assert!(count(&caller, "ejections_overflow").await > 0);
}

async fn count(caller: &Caller, name: &str) -> u64 {
    let stats = caller.sidecar.stats("outlier_detection").await.unwrap();
    let named = stats.iter().filter(|(one, _)| one.contains(STABLE) && one.ends_with(name));
    named.map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_executed_twice_when_an_instance_is_killed() {
    // A write that was taken up may have been done: its caller must ask, and nobody else may repeat it.
    let mut ground = Ground::new();
    for round in 0..5 {
        let mut instances = ground.instances(2).await;
        ground.publish(&[&instances[0], &instances[1]]);
        let caller = ground.caller("gateway").await;
        let before = ground.executed().len();
        let asks: Vec<Ask> = (0..20)
            .map(|number| Ask { call: format!("write-{round}-{number}"), ..Ask::wait(1_500) })
            .collect();
        let calls = asks.iter().map(|ask| ground.call(&caller, WRITE, ask));
        let kill = async {
            eventually("all writes are under way", async || {
                (ground.executed().len() >= before + 20).then_some(())
            })
            .await;
            instances[0].program.kill().await.unwrap();
        };
        let (answers, ()) = futures::join!(join_all(calls), kill);
        let executed = ground.executed();
        let mut lost = 0;
        for (ask, answer) in asks.iter().zip(&answers) {
            let times = executed.iter().filter(|one| one.call == ask.call).count();
            assert_eq!(times, 1, "{} was executed {times} times: {answer:?}", ask.call);
            lost += usize::from(answer.is_err());
        }
        assert!(lost > 0 && lost < 20, "{lost} of 20 met the kill");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_sent_again_when_its_instance_is_killed() {
    // The other side of it: what may be repeated is, and its caller notices nothing.
    let mut ground = Ground::new();
    let mut instances = ground.instances(2).await;
    ground.publish(&[&instances[0], &instances[1]]);
    let caller = ground.caller("gateway").await;
    let ask = Ask { call: "read".to_owned(), ..Ask::wait(1_500) };
    let kill = async {
        let at = eventually("the read is under way", async || ground.executed().first().cloned()).await;
        let found = instances.iter_mut().find(|one| one.pod.name == at.instance);
        found.expect("it is one of the two").program.kill().await.unwrap();
        at.instance
    };
    let (answer, killed) = futures::join!(ground.call(&caller, READ, &ask), kill);
    let answered = answer.unwrap();
    assert_ne!(answered, killed);
    assert_eq!(ground.executed().len(), 2);
    tokio::time::sleep(Duration::from_millis(100)).await;
}
