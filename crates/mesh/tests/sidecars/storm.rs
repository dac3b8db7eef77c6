//! What happens when every instance fails: no more than was asked for, and a little.

use crate::support::calls_while_all_fail;

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_do_not_multiply_the_load_of_a_service_that_fails() {
    // A service that is overloaded gets up again only when it is not asked three times for each call.
    let (calls, executed) = calls_while_all_fail().await;
    let factor = f64::from(executed) / f64::from(calls);
    assert!(calls > 500, "{calls} calls are too few to tell");
    assert!((1.0..1.2).contains(&factor), "{calls} calls were executed {executed} times: {factor:.2}");
}
