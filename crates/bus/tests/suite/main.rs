//! One behaviour suite on three logs: PostgreSQL, rdkafka's mock cluster, and, when `TESSERA_TEST_KAFKA` names a
//! broker, real Kafka (`kafka/run.sh -- cargo test -p bus`).

#![expect(clippy::unwrap_used, reason = "a test may panic, also outside of its own function")]

mod cases;
mod dead_letters;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kafka")]
mod mock_cluster;
#[cfg(feature = "kafka")]
mod only_kafka;
mod only_pg;
mod postgres;
mod world;

use async_trait::async_trait;
use bus::{LogConfig, PgLogConfig};
use world::{Server, World};

/// One test per case and log; a log that is not there is skipped with a word.
macro_rules! suite {
    ($log:ident: $($case:ident)*) => {
        mod $log {
            $(
                // See the case of the same name in `cases`.
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(world) = super::worlds::$log(stringify!($case)).await {
                        crate::cases::$case(&world).await;
                        world.log.close().await;
                    }
                }
            )*
        }
    };
}

suite!(pg: killed_consumer killed_relay killed_broker rebalance_under_load fair_share restart duplicates
    partitions_and_order dead_letters_and_replay outage_of_the_service lag partial_commit
    relay_drains_and_isolates tail);

// Left out on the mock: what needs another process is in, as it listens on a real port; that unknown topics are refused
// is not, because it makes them.
#[cfg(feature = "kafka")]
suite!(mock: killed_consumer killed_relay killed_broker rebalance_under_load fair_share restart duplicates
    partitions_and_order dead_letters_and_replay outage_of_the_service lag partial_commit tail);

#[cfg(feature = "kafka")]
suite!(real_kafka: killed_consumer killed_relay killed_broker rebalance_under_load fair_share restart duplicates
    partitions_and_order dead_letters_and_replay outage_of_the_service lag partial_commit
    relay_drains_and_isolates tail);

#[async_trait]
impl Server for postgres::Cluster {
    async fn kill(&self) {
        postgres::Cluster::kill(self);
    }

    async fn revive(&self) {
        self.run().await;
    }
}

mod worlds {
    use super::*;

    pub async fn pg(case: &str) -> Option<World> {
        // The server of the others is not killed.
        if case == "killed_broker" {
            let cluster = postgres::Cluster::start().await;
            let url = cluster.database("log").await;
            let mut world = World::new(LogConfig::Postgres(PgLogConfig::new(&url)), url).await;
            world.server = Some(Box::new(cluster));
            return Some(world);
        }
        let url = postgres::shared().await.database("log").await;
        Some(World::new(LogConfig::Postgres(PgLogConfig::new(&url)), url).await)
    }

    #[cfg(feature = "kafka")]
    fn kafka_config(brokers: &str) -> LogConfig {
        let mut config = bus::KafkaConfig::new(brokers);
        config.session_timeout = std::time::Duration::from_secs(6);
        LogConfig::Kafka(config)
    }

    #[cfg(feature = "kafka")]
    pub async fn mock(_case: &str) -> Option<World> {
        let (mock, brokers) = mock_cluster::Mock::start();
        let mut world = World::new(kafka_config(&brokers), format!("kafka://{brokers}")).await;
        world.server = Some(Box::new(mock.clone()));
        world.commits_in_rebalance = false;
        // The mock cannot make topics on request.
        world.make_topic = Box::new(move |spec| mock.make_topic(spec));
        Some(world)
    }

    #[cfg(feature = "kafka")]
    pub async fn real_kafka(case: &str) -> Option<World> {
        let Ok(brokers) = std::env::var("TESSERA_TEST_KAFKA") else {
            skip::skipped("TESSERA_TEST_KAFKA names no broker; run kafka/run.sh -- cargo test -p bus");
            return None;
        };
        if case == "killed_broker" {
            let broker = tokio::task::spawn_blocking(kafka::Broker::start).await.unwrap();
            let brokers = broker.address();
            let mut world = World::new(kafka_config(&brokers), format!("kafka://{brokers}")).await;
            world.server = Some(Box::new(broker));
            return Some(world);
        }
        Some(World::new(kafka_config(&brokers), format!("kafka://{brokers}")).await)
    }
}
