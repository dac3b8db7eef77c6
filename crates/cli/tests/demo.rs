//! The company that ships with the program, loaded twice.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use support::{Suite, figure};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_loaded_once_however_often_it_is_run() {
    // A newcomer sees orders in several states and books that are even; the second run changes nothing.
    let suite = Suite::start().await;
    let first = suite.run(&["demo"]).await;
    assert!(first.stderr.contains("next: "), "{first:#?}");
    let first = first.ok();
    assert_eq!(first["reconciled"], true, "{first:#}");
    assert_eq!(figure(&first, "trial balance difference").1, "0.00");
    let orders = &first["orders"];
    let count = |state: &str| orders[state].as_u64().unwrap_or(0);
    assert!(count("completed") >= 60 && count("failed") >= 4 && count("cancelled") >= 2, "{first:#}");

    let second = suite.run(&["demo"]).await.ok();
    assert_eq!(second["placed"], 0, "{second:#}");
    assert_eq!(second["figures"], first["figures"]);
    let failed = suite.run(&["call", "orders.ListOrders", r#"{"filter": "state = FAILED"}"#]).await.ok();
    let reasons: Vec<&str> = failed["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["failureReason"].as_str().unwrap_or_default())
        .collect();
    assert!(reasons.contains(&"STOCK_SHORT") && reasons.contains(&"PAYMENT_DECLINED"), "{reasons:?}");
    suite.stop().await;
}
