//! What happens when every instance fails: no more than was asked for, and a little.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tonic::Code;

use crate::support::{Ask, Ground, READ};

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_do_not_multiply_the_load_of_a_service_that_fails() {
    // A service that is overloaded gets up again only when it is not asked three times for each call.
    let mut ground = Ground::new();
    let instances = ground.instances(3).await;
    ground.publish(&instances.iter().collect::<Vec<_>>());
    let caller = ground.caller("gateway").await;
    let ask = Ask { wait: Duration::from_millis(20), ..Ask::fail("*", 14) };
    let end = Instant::now() + Duration::from_secs(5);
    let worker = || async {
        let mut calls = 0;
        while Instant::now() < end {
            let status = ground.call(&caller, READ, &ask).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            calls += 1;
        }
        calls
    };
    let calls: u32 = join_all((0..64).map(|_| worker())).await.into_iter().sum();
    let executed = u32::try_from(ground.executed().len()).unwrap();
    let factor = f64::from(executed) / f64::from(calls);
    assert!(calls > 500, "{calls} calls are too few to tell");
    assert!((1.0..1.2).contains(&factor), "{calls} calls were executed {executed} times: {factor:.2}");
}
