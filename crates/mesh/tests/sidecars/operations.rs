//! The event log as operators see it: streams through sidecars, and who may ask whom.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tonic::Code;

use crate::support::{Ask, Ground, HOST, SERVICE};

/// The service that answers operators for all.
const FOR_ALL: &str = "audit";
const HOST_FOR_ALL: &str = "audit.tessera-platform.svc.cluster.local";
const WATCH: &str = "/erp.ops.v1.EventLogService/WatchEvents";
const TAIL: &str = "/erp.ops.v1.EventLogService/TailEvents";
const LETTERS: &str = "/erp.ops.v1.EventLogService/ListDeadLetters";
const REPLAY: &str = "/erp.ops.v1.EventLogService/ReplayDeadLetter";

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_neither_cut_nor_repeated() {
    // The limit of other calls would end it every ten seconds, also for those who try a version first; a second try
    // would tell everything twice.
    let mut ground = Ground::new();
    let instances = [ground.instance_of(FOR_ALL, &[]).await, ground.instance_of(FOR_ALL, &[]).await];
    ground.publish(&[&instances[0], &instances[1]]);
    let caller = ground.caller_of("gateway", HOST_FOR_ALL).await;
    let begun = Instant::now();
    let headers: [&[(&str, &str)]; 3] =
        [&[], &[("x-service-version", "canary")], &[("x-tenant-type", "early")]];
    let streams = join_all(headers.map(|headers| {
        let ask = Ask { headers: headers.to_vec(), ..Ask::wait(12_000) };
        let (ground, caller) = (&ground, &caller);
        async move { futures::join!(ground.call(caller, WATCH, &ask), ground.call(caller, TAIL, &ask)) }
    }));
    for (watched, tailed) in streams.await {
        watched.unwrap();
        // Of the same service, and no stream: it shows that there is a limit to be spared from.
        assert_eq!(tailed.unwrap_err().code(), Code::DeadlineExceeded);
    }
    assert!(begun.elapsed() >= Duration::from_secs(12), "{:?}", begun.elapsed());
    assert_eq!(ground.executed().len(), 6);

    let refused = ground.call(&caller, WATCH, &Ask::fail("*", 14)).await.unwrap_err();
    assert_eq!((refused.code(), ground.executed().len()), (Code::Unavailable, 7), "a stream is begun once");
    ground.call(&caller, TAIL, &Ask::fail("*", 14)).await.unwrap_err();
    assert!(ground.executed().len() > 8, "a read is not");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_go_through_one_service() {
    // It may ask the others for what only they know, and for nothing else; nobody else may, the gateway included.
    let mut ground = Ground::new();
    let for_all = ground.instance_of(FOR_ALL, &[]).await;
    let other = ground.instance_of(SERVICE, &[]).await;
    ground.publish(&[&for_all, &other]);
    let mut allowed = 0;
    for (workload, host, path, may) in [
        ("gateway", HOST_FOR_ALL, WATCH, true),
        ("gateway", HOST_FOR_ALL, REPLAY, true),
        ("gateway", HOST, LETTERS, false),
        ("gateway", HOST, WATCH, false),
        (FOR_ALL, HOST, LETTERS, true),
        (FOR_ALL, HOST, REPLAY, true),
        (FOR_ALL, HOST, WATCH, false),
        (FOR_ALL, HOST, TAIL, false),
        ("crm", HOST, LETTERS, false),
        ("crm", HOST_FOR_ALL, LETTERS, false),
    ] {
        let caller = ground.caller_of(workload, host).await;
        let answer = ground.call(&caller, path, &Ask::default()).await;
        if may {
            answer.unwrap_or_else(|refused| panic!("{workload} calls {path} of {host}: {refused:?}"));
            allowed += 1;
        } else {
            let refused = answer.expect_err("it is refused");
            let told = (refused.code(), refused.message());
            assert_eq!(told, (Code::PermissionDenied, "RBAC: access denied"), "{workload}: {path} of {host}");
        }
    }
    assert_eq!(ground.executed().len(), allowed, "what was refused did not reach an instance");
}
