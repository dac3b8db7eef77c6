//! A new version beside the old one: how many calls it gets, and who chooses it.

use futures::future::join_all;
use serde_json::json;

use crate::support::{Ask, Ground, READ, of_service};

/// What Argo Rollouts adds to the labels of a release's pods.
const HASH: &str = "rollouts-pod-template-hash";
const CALLS: usize = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_gets_its_share_and_those_who_ask_for_it() {
    // A share that is off by much would test a release on too many, or on nobody.
    let mut ground = Ground::with(|objects| {
        let subsets = &mut of_service(objects, "DestinationRule")["spec"]["subsets"];
        subsets[0]["labels"][HASH] = json!("old");
        subsets[1]["labels"][HASH] = json!("new");
        let routes = of_service(objects, "VirtualService")["spec"]["http"].as_array_mut().unwrap();
        for route in routes.iter_mut().filter(|route| route["name"] != "canary") {
            route["route"][0]["weight"] = json!(90);
            route["route"][1]["weight"] = json!(10);
        }
    });
    let old = ground.instance(&[(HASH, "old")]).await;
    let new = ground.instance(&[(HASH, "new")]).await;
    ground.publish(&[&old, &new]);
    let caller = ground.caller("gateway").await;

    let mut at_new = 0;
    let ask = Ask::default();
    for _ in 0..CALLS / 20 {
        let answers = join_all((0..20).map(|_| ground.call(&caller, READ, &ask))).await;
        at_new += answers.into_iter().filter(|answer| *answer.as_ref().unwrap() == new.pod.name).count();
    }
    // 300 are expected; five standard deviations to each side are 82.
    assert!((218..=382).contains(&at_new), "{at_new} of {CALLS} calls went to the new version");

    for header in [("x-service-version", "canary"), ("x-tenant-type", "early")] {
        let asked = Ask { headers: vec![header], ..Ask::default() };
        for _ in 0..50 {
            assert_eq!(ground.call(&caller, READ, &asked).await.unwrap(), new.pod.name, "{header:?}");
        }
    }
    let other = Ask { headers: vec![("x-service-version", "stable")], ..Ask::default() };
    let answers = join_all((0..50).map(|_| ground.call(&caller, READ, &other))).await;
    assert!(answers.iter().any(|answer| *answer.as_ref().unwrap() == old.pod.name));
}
