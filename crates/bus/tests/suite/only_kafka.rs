//! What only the log on Kafka can meet.

use std::time::Duration;

use bus::{KafkaConfig, Letters, LogConfig, PgDeadLetters, Position};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::mock_cluster::Mock;
use crate::world::{PATIENCE, Server, World, records, unique};

async fn world() -> (World, Mock, String) {
    let (mock, brokers) = Mock::start();
    let config = LogConfig::Kafka(KafkaConfig::new(&brokers));
    let mut world = World::new(config, format!("kafka://{brokers}")).await;
    let maker = mock.clone();
    world.make_topic = Box::new(move |spec| maker.make_topic(spec));
    (world, mock, brokers)
}

// What a stranger writes into a topic, without headers and with a key that is no text, becomes a dead letter; the
// events behind it are handled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers() {
    let (world, _mock, brokers) = world().await;
    let (topic, group) = (world.topic(1).await, unique("group"));
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
    let stray = FutureRecord::to(&topic).key(b"\xff\0".as_slice()).payload(b"?".as_slice());
    producer.send(stray, PATIENCE).await.unwrap();
    let events = records(&topic, 10, 2);
    world.publish(&events).await;
    let consumer = world.consumer(&group, &topic);
    world.exactly_once(&group, &events).await;
    let letters = PgDeadLetters::new(world.pool.clone(), "");
    let letters = letters.list(&Letters { max: 10, ..Letters::default() }).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0].letter;
    assert_eq!((letter.attempts, &letter.payload[..], letter.tenant_id.is_nil()), (0, b"?".as_slice(), true));
    assert_eq!(letter.key, "\u{fffd}\u{fffd}");
    consumer.stop().await;
    world.log.close().await;
}

// A consumer that is slower than the broker holds a bounded number of events: it pauses and resumes its partitions and
// loses nothing by that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backpressure() {
    let (world, _mock, _) = world().await;
    let (topic, group) = (world.topic(1).await, unique("group"));
    let events = records(&topic, 4_000, 10);
    world.publish(&events).await;
    let consumer = world.consumer(&group, &topic);
    world.exactly_once(&group, &events).await;
    consumer.stop().await;
    world.log.close().await;
}

// A commit that the broker does not answer holds nobody up: the next events of the partition are given out, and what was
// done is committed once the broker is itself again. librdkafka forgets the answer of a commit whose broker it gives up, so
// that whoever waited for it stood still for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_wait_for_no_answer() {
    let (world, mock, _) = world().await;
    let (topic, group) = (world.topic(1).await, unique("group"));
    world.publish(&records(&topic, 10, 1)).await;
    let consumer = world.log.subscribe(&group, std::slice::from_ref(&topic)).await.unwrap();
    let mut next = 0;
    for slow in [true, false] {
        let batch = loop {
            let batches = consumer.poll(5, Duration::from_secs(1)).await.unwrap();
            if let Some(batch) = batches.into_iter().next() {
                break batch;
            }
        };
        assert_eq!(batch.deliveries[0].offset, next);
        next += i64::try_from(batch.deliveries.len()).unwrap();
        if slow {
            mock.answer_after(Duration::from_secs(30));
        }
        let done = [Position { topic: topic.clone(), partition: 0, next }];
        tokio::time::timeout(Duration::from_secs(5), consumer.commit(&done)).await.expect("in time").unwrap();
    }
    mock.answer_after(Duration::ZERO);
    consumer.close().await.unwrap();
    let (topics, begun) = ([topic], std::time::Instant::now());
    while world.log.lag(&group, &topics).await.unwrap().iter().any(|lag| lag.committed < next) {
        assert!(begun.elapsed() < PATIENCE, "never committed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.log.close().await;
}

// Consumer and relay stop in time also while the broker is away, and go on where they were when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_during_an_outage() {
    let (world, mock, _) = world().await;
    let (topic, group) = (world.topic(2).await, unique("group"));
    let events = records(&topic, 60, 4);
    let consumer = world.consumer(&group, &topic);
    world.outbox(&events[..30]).await;
    let (stop, relay) = world.relay();
    world.exactly_once(&group, &events[..30]).await;
    mock.kill().await;
    world.outbox(&events[30..]).await;
    consumer.stop().await;
    stop.cancel();
    tokio::time::timeout(PATIENCE, relay).await.expect("the relay stops").unwrap();
    mock.revive().await;
    let consumer = world.consumer(&group, &topic);
    let (stop, relay) = world.relay();
    world.exactly_once(&group, &events).await;
    stop.cancel();
    relay.await.unwrap();
    consumer.stop().await;
    tokio::time::timeout(Duration::from_secs(30), world.log.close()).await.unwrap();
}
