//! What only the log on PostgreSQL promises, and what its server may do to it.

use std::time::Duration;

use bus::{EventLog, PgLog, PgLogConfig, TopicSpec};
use sqlx::postgres::PgPool;

use crate::postgres;
use crate::world::{PATIENCE, World, records, unique};
use bus::LogConfig;

async fn log() -> (String, PgLog) {
    let url = postgres::shared().await.database("log").await;
    let log = PgLog::connect(PgLogConfig::new(&url)).await.unwrap();
    (url, log)
}

async fn topic(log: &PgLog, partitions: i32, retention: Duration) -> String {
    let name = unique("topic");
    log.ensure_topics(&[TopicSpec { name: name.clone(), partitions, retention }]).await.unwrap();
    name
}

// Many publishers at once leave no gap and no doubled offset, and a reader that has seen an offset has seen all
// below it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_have_no_gaps() {
    let (_, log) = log().await;
    let topic = topic(&log, 3, Duration::from_secs(3600)).await;
    let publishers = futures::future::join_all((0..8).map(async |_| {
        for batch in records(&topic, 200, 10).chunks(7) {
            log.publish(batch).await.unwrap();
        }
    }));
    let reader = async {
        let mut seen = [0; 3];
        while seen.iter().sum::<i64>() < 1_600 {
            for (partition, next) in (0..).zip(&mut seen) {
                for event in log.read(&topic, partition, *next, 1_000).await.unwrap() {
                    assert_eq!(event.offset, *next, "a gap in partition {partition}");
                    *next += 1;
                }
            }
        }
    };
    tokio::join!(publishers, tokio::time::timeout(PATIENCE, reader)).1.unwrap();
    log.close().await;
}

// Events past their retention are deleted, others are not, and a group that was behind goes on with what is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention() {
    let (url, log) = log().await;
    let topic = topic(&log, 1, Duration::from_secs(60)).await;
    log.publish(&records(&topic, 10, 1)).await.unwrap();
    assert_eq!(log.purge().await.unwrap(), 0);
    let pool = PgPool::connect(&url).await.unwrap();
    sqlx::query("update bus.events set create_time = now() - interval '1 hour' where log_offset < 6")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(log.purge().await.unwrap(), 6);
    let topics = [topic.clone()];
    let bounds = log.bounds(&topics).await.unwrap();
    assert_eq!((bounds[0].start, bounds[0].end), (6, 10));
    assert_eq!(log.lag("behind", &topics).await.unwrap()[0].lag, 4);
    let consumer = log.subscribe("behind", &topics).await.unwrap();
    assert_eq!(consumer.poll(100, PATIENCE).await.unwrap()[0].deliveries[0].offset, 6);
    log.close().await;
}

// A consumer in another process (here: another log object) hears of an event by NOTIFY, long before its own look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wakes_across_processes() {
    let (url, publisher) = log().await;
    let topic = topic(&publisher, 1, Duration::from_secs(60)).await;
    // It would look by itself only after an hour.
    let config = PgLogConfig { tick: Duration::from_secs(3600), ..PgLogConfig::new(&url) };
    let reader = PgLog::connect(config).await.unwrap();
    let consumer = reader.subscribe("g", std::slice::from_ref(&topic)).await.unwrap();
    assert!(consumer.poll(10, Duration::from_millis(300)).await.unwrap().is_empty());
    assert_eq!(consumer.assignment().len(), 1);
    let (polled, ()) = tokio::join!(consumer.poll(10, PATIENCE), async {
        publisher.publish(&records(&topic, 1, 1)).await.unwrap();
    });
    assert_eq!(polled.unwrap().len(), 1);
    reader.close().await;
    publisher.close().await;
}

// Sessions cut by the server while events flow: consumers, relay and publishers come back, nothing is lost or
// doubled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_sessions() {
    let url = postgres::shared().await.database("log").await;
    let world = World::new(LogConfig::Postgres(PgLogConfig::new(&url)), url.clone()).await;
    let (topic, group) = (world.topic(4).await, unique("group"));
    let events = records(&topic, 600, 9);
    let (one, two) = (world.consumer(&group, &topic), world.consumer(&group, &topic));
    let (stop, relay) = world.relay();
    let admin = PgPool::connect(&postgres::shared().await.url).await.unwrap();
    for batch in events.chunks(100) {
        world.outbox(batch).await;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where application_name in ('tessera-bus', 'tessera-relay') and datname = any($1)",
        )
        .bind([&url, &world.url].map(|url| url.rsplit_once('/').unwrap().1.to_owned()).to_vec())
        .execute(&admin)
        .await
        .unwrap();
    }
    world.exactly_once(&group, &events).await;
    stop.cancel();
    relay.await.unwrap();
    world.caught_up(&group, &topic).await;
    one.stop().await;
    two.stop().await;
}

// A key that PostgreSQL cannot hold is refused for good, an unknown topic too; neither is worth a retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals() {
    let (_, log) = log().await;
    let topic = topic(&log, 1, Duration::from_secs(60)).await;
    let mut zero = records(&topic, 1, 1);
    zero[0].key = "a\0b".into();
    assert!(matches!(log.publish(&zero).await, Err(bus::LogError::Rejected(_))));
    assert!(matches!(log.publish(&records("nowhere", 1, 1)).await, Err(bus::LogError::Rejected(_))));
    log.close().await;
    assert!(log.publish(&records(&topic, 1, 1)).await.is_err_and(|e| !e.is_retryable()));
}
