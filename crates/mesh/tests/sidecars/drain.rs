//! A rolling restart under load.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;

use crate::support::{Ask, Ground, READ, WRITE, restart};

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_loses_no_call_and_repeats_none() {
    // A release in the middle of the day must not be noticed.
    let mut ground = Ground::new();
    let mut instances = ground.instances(3).await;
    ground.publish(&instances.iter().collect::<Vec<_>>());
    let caller = ground.caller("gateway").await;
    let over = AtomicBool::new(false);
    let worker = |number: u64| {
        let (ground, caller, over) = (&ground, &caller, &over);
        async move {
            let path = if number.is_multiple_of(2) { READ } else { WRITE };
            let mut calls = 0;
            while !over.load(Ordering::Relaxed) {
                let answer = ground.call(caller, path, &Ask::wait(number * 10)).await;
                answer.unwrap_or_else(|status| panic!("call {calls} of worker {number}: {status:?}"));
                calls += 1;
            }
            calls
        }
    };
    let restart = async {
        for place in 0..instances.len() {
            restart(&ground, &caller, &mut instances, place).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let (calls, ()) = futures::join!(join_all((0..8).map(worker)), restart);
    let calls: usize = calls.into_iter().sum();
    assert!(calls > 300, "{calls} calls are too few to tell");
    assert_eq!(ground.executed().len(), calls);
}
