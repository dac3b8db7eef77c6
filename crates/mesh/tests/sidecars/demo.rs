//! The whole suite in the mesh, and the demo company through it.

use contracts::orders::v1::ListOrdersRequest;
use contracts::orders::v1::order_service_client::OrderServiceClient;
use serde_json::Value;
use tonic::transport::Endpoint;

use crate::suite::{Desk, tessera};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_company_is_loaded_through_the_mesh() {
    // Orders travel from service to service: what a policy forgets to open shows itself as an order that fails.
    let Desk { folder, suite } = Desk::start().await;
    let ran = tessera(folder.path(), &[&"demo"]).await;
    let summary: Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(summary["reconciled"], true, "{summary:#}");
    assert!(summary["orders"]["completed"].as_u64().unwrap_or(0) >= 60, "{summary:#}");

    // Every service of an order's way was called by its sidecar, and by nothing that lacks a certificate.
    let taken = suite.stats("http.inbound_").await.unwrap();
    for (pod, stats) in &taken {
        let calls: u64 =
            stats.iter().filter(|(name, _)| name.ends_with("rq_completed")).map(|(_, count)| count).sum();
        assert!(calls > 0 || pod.starts_with("notification"), "{pod} was not called: {stats:?}");
    }
    let pod = suite.pods().find(|pod| pod.workload.name == "orders").unwrap().clone();
    let outside = pod.addresses.sidecar(pod.workload.port);
    let plain = Endpoint::from_shared(format!("http://{outside}")).unwrap().connect_lazy();
    let refused = OrderServiceClient::new(plain).list_orders(ListOrdersRequest::default()).await;
    assert!(refused.is_err(), "{refused:?}");
    suite.stop().await.unwrap();
}
