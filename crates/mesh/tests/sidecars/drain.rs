//! A rolling restart under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;

use crate::support::{Ask, Caller, Ground, Instance, READ, STABLE, WRITE, knows};

/// How long a program may take to stop: what the manifests grant, less what its pod has waited.
const STOP_MAX: Duration = Duration::from_secs(55);

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
            let path = if number % 2 == 0 { READ } else { WRITE };
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

/// What Kubernetes does to a pod, in its order: it is taken from its Service, waits, is asked to stop, and its sidecar
/// goes last. Then it comes back.
async fn restart(ground: &Ground, caller: &Caller, instances: &mut [Instance], place: usize) {
    let others: Vec<&Instance> =
        instances.iter().enumerate().filter(|(number, _)| *number != place).map(|(_, one)| one).collect();
    ground.publish(&others);
    let instance = &mut instances[place];
    tokio::time::sleep(Duration::from_secs(instance.pod.workload.wait_seconds)).await;
    let ended = instance.program.stop(STOP_MAX).await.unwrap();
    assert!(ended.success(), "the program was stopped and not killed: {ended}");
    instance.sidecar.drain().await.unwrap();
    instance.sidecar.program().stop(Duration::from_secs(5)).await.unwrap();
    instance.sidecar = ground.mesh.sidecar(&instance.pod).await.unwrap();
    instance.program = ground.program(&instance.pod).await;
    ground.publish(&instances.iter().collect::<Vec<_>>());
    knows(caller, STABLE, instances.len()).await;
}
