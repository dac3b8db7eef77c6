//! Measures a log: `cargo run --release -p bus --example log-figures -- postgres://... | kafka://host:port`.
//!
//! Appends with several publishers, consumes without doing anything, publishes single events against the clock, and
//! leaves twenty idle groups alone for ten seconds, so that their cost can be read off `top`.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{EventLog, LogConfig, PgLogConfig, Position, Record, TopicSpec};
use uuid::Uuid;

type Failure = Box<dyn Error + Send + Sync>;

const EVENTS: usize = 60_000;
const PUBLISHERS: usize = 6;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let address = std::env::args().nth(1).ok_or("which log?")?;
    let config = match address.strip_prefix("kafka://") {
        #[cfg(feature = "kafka")]
        Some(brokers) => LogConfig::Kafka(bus::KafkaConfig::new(brokers)),
        #[cfg(not(feature = "kafka"))]
        Some(_) => return Err("built without Kafka".into()),
        None => LogConfig::Postgres(PgLogConfig::new(&address)),
    };
    let log = bus::connect(config).await?;
    let topic = format!("figures-{:x}", rand::random::<u64>());
    log.ensure_topics(&[TopicSpec {
        name: topic.clone(),
        partitions: 12,
        retention: Duration::from_secs(3600),
    }])
    .await?;
    append(&log, &topic).await?;
    consume(&log, &topic).await?;
    latency(&log, &topic).await?;
    let quiet = format!("{topic}-quiet");
    log.ensure_topics(&[TopicSpec {
        name: quiet.clone(),
        partitions: 12,
        retention: Duration::from_secs(3600),
    }])
    .await?;
    idle(&log, &quiet).await?;
    log.close().await;
    Ok(())
}

fn record(topic: &str, n: usize) -> Record {
    Record {
        topic: topic.to_owned(),
        key: format!("tenant-{}", n % 100),
        event_id: Uuid::from_u128(rand::random()),
        tenant_id: Uuid::from_u128(1),
        event_type: "figure.made".into(),
        headers: BTreeMap::new(),
        payload: vec![b'x'; 500].into(),
    }
}

async fn append(log: &Arc<dyn EventLog>, topic: &str) -> Result<(), Failure> {
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..PUBLISHERS {
        let (log, topic) = (log.clone(), topic.to_owned());
        tasks.spawn(async move {
            for batch in 0..EVENTS / PUBLISHERS / 200 {
                let records: Vec<Record> = (0..200).map(|n| record(&topic, batch * 200 + n)).collect();
                log.publish(&records).await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    println!(
        "append, batches of 200, {PUBLISHERS} publishers: {:.0}/s",
        EVENTS as f64 / start.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn consume(log: &Arc<dyn EventLog>, topic: &str) -> Result<(), Failure> {
    let start = Instant::now();
    let consumer = log.subscribe("figures", &[topic.to_owned()]).await?;
    let mut seen = 0;
    while seen < EVENTS {
        let mut done = Vec::new();
        for batch in consumer.poll(500, Duration::from_secs(1)).await? {
            seen += batch.deliveries.len();
            let next = batch.deliveries.last().map_or(0, |d| d.offset + 1);
            done.push(Position { topic: batch.topic, partition: batch.partition, next });
        }
        consumer.commit(&done).await?;
    }
    println!("consume, one member: {:.0}/s", EVENTS as f64 / start.elapsed().as_secs_f64());
    consumer.close().await?;
    Ok(())
}

async fn latency(log: &Arc<dyn EventLog>, topic: &str) -> Result<(), Failure> {
    let consumer = log.subscribe("figures", &[topic.to_owned()]).await?;
    while consumer.assignment().len() < 12 {
        consumer.poll(500, Duration::from_millis(100)).await?;
    }
    let (mut acks, mut ends) = (Vec::new(), Vec::new());
    for n in 0..500 {
        let start = Instant::now();
        let published = async {
            log.publish(&[record(topic, n)]).await?;
            Ok::<_, Failure>(start.elapsed())
        };
        let received = async {
            loop {
                if let Some(batch) = consumer.poll(500, Duration::from_secs(5)).await?.pop() {
                    let next = batch.deliveries.last().map_or(0, |d| d.offset + 1);
                    let taken = start.elapsed();
                    let position = Position { topic: batch.topic, partition: batch.partition, next };
                    consumer.commit(&[position]).await?;
                    return Ok::<_, Failure>(taken);
                }
            }
        };
        let (ack, end) = tokio::try_join!(published, received)?;
        acks.push(ack);
        ends.push(end);
    }
    acks.sort_unstable();
    ends.sort_unstable();
    println!(
        "one event: acknowledged p50 {:?} p99 {:?}, received p50 {:?} p99 {:?}",
        acks[250], acks[495], ends[250], ends[495]
    );
    consumer.close().await?;
    Ok(())
}

async fn idle(log: &Arc<dyn EventLog>, topic: &str) -> Result<(), Failure> {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let consumer = log.subscribe(&format!("figures-idle-{n}"), &[topic.to_owned()]).await?;
        tasks.spawn(async move { while consumer.poll(500, Duration::from_millis(250)).await.is_ok() {} });
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("twenty groups have nothing to do for ten seconds from now");
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("over");
    tasks.shutdown().await;
    Ok(())
}
