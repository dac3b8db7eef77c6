//! How much is under way at a time, and for how long.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tonic::Code;

use crate::support::{Ask, Ground, READ, WRITE, of_service};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_at_once() {
    // A caller that must wait in a queue it cannot see holds its own callers up; a refusal can be acted upon.
    let mut ground = Ground::with(|objects| {
        let rule = of_service(objects, "DestinationRule");
        rule["spec"]["trafficPolicy"]["connectionPool"]["http"]["http2MaxRequests"] = json!(5);
    });
    let instances = ground.instances(1).await;
    ground.publish(&[&instances[0]]);
    let caller = ground.caller("gateway").await;
    ground.call(&caller, READ, &Ask::default()).await.unwrap();
    let ask = Ask::wait(3_000);
    let calls = (0..20).map(|_| async {
        let begun = Instant::now();
        (ground.call(&caller, READ, &ask).await.map_err(|status| status.code()), begun.elapsed())
    });
    let answers = join_all(calls).await;
    let (passed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(answer, _)| answer.is_ok());
    assert_eq!((passed.len(), refused.len()), (5, 15));
    for (answer, took) in refused {
        assert_eq!(answer, Err(Code::Unavailable));
        assert!(took < Duration::from_secs(1), "refused after {took:?}");
    }
    assert_eq!(ground.executed().len(), 6, "what was refused did not reach the instance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_ends_with_deadline_exceeded() {
    // UNAVAILABLE would ask callers to send it again. The ten seconds are those of the manifests.
    let mut ground = Ground::new();
    let instances = ground.instances(2).await;
    ground.publish(&[&instances[0], &instances[1]]);
    let caller = ground.caller("gateway").await;
    let ask = Ask::wait(14_000);
    let begun = Instant::now();
    let (read, write) = futures::join!(ground.call(&caller, READ, &ask), ground.call(&caller, WRITE, &ask));
    let took = begun.elapsed();
    for (answer, kind) in [(read, "a read"), (write, "a write")] {
        let status = answer.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{kind}: {status:?}");
    }
    assert!((Duration::from_secs(9)..Duration::from_secs(13)).contains(&took), "{took:?}");
    assert_eq!(ground.executed().len(), 2, "neither was sent again");
}
