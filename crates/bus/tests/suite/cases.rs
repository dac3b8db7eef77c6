//! The behaviour suite: what must hold on every log. It begins with what breaks others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bus::{BoxError, ConsumerConfig, DeadLetter, DeadLetterSink, HandleError, Position, Retry, Tail};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use crate::dead_letters::dead_letters_and_replay;
use crate::world::{Effects, PATIENCE, Running, World, in_order, records, unique};

// A consumer process killed inside the transaction of an event loses nothing and doubles nothing: another member of
// the group gets its partitions and that event.
pub async fn killed_consumer(world: &World) {
    let (topic, group) = (world.topic(6).await, unique("group"));
    let events = records(&topic, 300, 12);
    let mut victim = world.worker(&["consume", &group, &topic], Some("key-5"));
    world.publish(&events).await;
    world.hangs(&victim).await;
    let heir = world.consumer(&group, &topic);
    victim.kill();
    world.exactly_once(&group, &events).await;
    world.caught_up(&group, &topic).await;
    heir.stop().await;
}

// A relay process killed between publishing and marking publishes again: the log has the events twice, their effects
// happen once and in order.
pub async fn killed_relay(world: &World) {
    let (topic, group) = (world.topic(3).await, unique("group"));
    let events = records(&topic, 120, 7);
    world.outbox(&events).await;
    let mut victim = world.worker(&["relay"], Some("any"));
    world.hangs(&victim).await;
    // While it lives, a second relay must not publish.
    let (stop, relay) = world.relay();
    let consumer = world.consumer(&group, &topic);
    victim.kill();
    world.exactly_once(&group, &events).await;
    let pending = async || {
        let count: i64 = sqlx::query_scalar("select count(*) from tessera.outbox where publish_time is null")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        count == 0
    };
    world.until("the outbox is empty", pending).await;
    world.caught_up(&group, &topic).await;
    let calls = consumer.stop().await.calls.lock().unwrap().len();
    assert!(calls > events.len(), "the killed relay had published before it died: {calls} deliveries");
    stop.cancel();
    relay.await.unwrap();
}

// The log's server killed and started again under load: what was acknowledged is there, consumers and relay come
// back by themselves, nothing is lost or doubled.
pub async fn killed_broker(world: &World) {
    let Some(server) = &world.server else { panic!("this log's server cannot be killed") };
    let (topic, group) = (world.topic(4).await, unique("group"));
    let events = records(&topic, 400, 9);
    let consumer = world.consumer(&group, &topic);
    let (stop, relay) = world.relay();
    let (before, after) = events.split_at(200);
    world.outbox(before).await;
    world.until("it runs", async || world.effects(&group).await.len() > 50).await;
    server.kill().await;
    world.outbox(after).await;
    server.revive().await;
    world.exactly_once(&group, &events).await;
    stop.cancel();
    relay.await.unwrap();
    world.caught_up(&group, &topic).await;
    consumer.stop().await;
}

// Members that join and leave in good order under load hand partitions over without a loss, without disorder, and
// without any event being handled twice.
pub async fn rebalance_under_load(world: &World) {
    let (topic, group) = (world.topic(8).await, unique("group"));
    let events = records(&topic, 1_500, 24);
    let slow = || Effects { pace: Duration::from_millis(1), ..Effects::new(&world.pool, &group) };
    let join = || world.consumer_of(world.log.clone(), &group, &topic, slow());
    let publisher = async {
        for batch in events.chunks(25) {
            world.publish(batch).await;
        }
    };
    let handled = |count: usize| {
        let (world, group) = (world, group.clone());
        async move { world.until("some are handled", async || world.effects(&group).await.len() >= count).await }
    };
    let members = async {
        let first = join();
        handled(100).await;
        let (second, third) = (join(), join());
        handled(400).await;
        let first = first.stop().await;
        handled(700).await;
        let fourth = join();
        handled(900).await;
        ([first, second.stop().await], [third, fourth])
    };
    let ((), (gone, staying)) = tokio::join!(publisher, members);
    world.exactly_once(&group, &events).await;
    world.caught_up(&group, &topic).await;
    let mut calls = 0;
    let mut count = |member: &Effects| {
        let made = member.calls.lock().unwrap();
        if world.commits_in_rebalance {
            in_order(made.iter().map(|(key, n)| (key.as_str(), *n)));
        }
        calls += made.len();
    };
    gone.iter().for_each(|member| count(member));
    for member in staying {
        count(&*member.stop().await);
    }
    assert!(calls == events.len() || !world.commits_in_rebalance, "{calls} events handled, some twice");
}

// Members of a group share the partitions evenly, and one that comes later gets its share.
pub async fn fair_share(world: &World) {
    let (topic, group) = (world.topic(6).await, unique("group"));
    let topics = [topic.clone()];
    let first = world.log.subscribe(&group, &topics).await.unwrap();
    let second = world.log.subscribe(&group, &topics).await.unwrap();
    let third = world.log.subscribe(&group, &topics).await.unwrap();
    let members = [&first, &second, &third];
    world
        .until("each member holds two partitions", async || {
            for member in members {
                member.poll(10, Duration::from_millis(20)).await.unwrap();
            }
            members.iter().all(|m| m.assignment().len() == 2)
        })
        .await;
    second.close().await.unwrap();
    let left = [&first, &third];
    world
        .until("the two that are left hold three each", async || {
            for member in left {
                member.poll(10, Duration::from_millis(20)).await.unwrap();
            }
            left.iter().all(|m| m.assignment().len() == 3)
        })
        .await;
    first.close().await.unwrap();
    third.close().await.unwrap();
}

// After a clean stop everything handled is committed, and the next start, with a new connection to the log, goes on
// behind it.
pub async fn restart(world: &World) {
    let (topic, group) = (world.topic(3).await, unique("group"));
    let events = records(&topic, 200, 5);
    let (before, after) = events.split_at(120);
    world.publish(before).await;
    let consumer = world.consumer(&group, &topic);
    world.exactly_once(&group, before).await;
    consumer.stop().await;
    world.publish(after).await;
    let log = bus::connect(world.config.clone()).await.unwrap();
    let again = world.consumer_of(log.clone(), &group, &topic, Effects::new(&world.pool, &group));
    world.exactly_once(&group, &events).await;
    let calls = again.stop().await.calls.lock().unwrap().len();
    assert_eq!(calls, after.len(), "handled again after a clean stop");
    log.close().await;
}

// An event that is in the log several times has its effect once, and groups do not take it from each other.
pub async fn duplicates(world: &World) {
    let topic = world.topic(2).await;
    let events = records(&topic, 50, 5);
    for _ in 0..3 {
        world.publish(&events).await;
    }
    for group in [unique("one"), unique("two")] {
        let consumer = world.consumer(&group, &topic);
        world.caught_up(&group, &topic).await;
        world.exactly_once(&group, &events).await;
        assert_eq!(consumer.stop().await.calls.lock().unwrap().len(), 150);
    }
}

// A key's events lie in the partition that Kafka's own clients would choose, in the order of publishing, with all
// that was given along.
pub async fn partitions_and_order(world: &World) {
    let topic = world.topic(7).await;
    let mut events = records(&topic, 140, 20);
    for event in &mut events {
        event.headers.insert("trace".into(), "a ü 𝄞".into());
    }
    world.publish(&events).await;
    let mut seen = 0;
    for bounds in world.log.bounds(std::slice::from_ref(&topic)).await.unwrap() {
        let read = world.log.read(&topic, bounds.partition, bounds.start, 1_000).await.unwrap();
        assert_eq!(read.len() as i64, bounds.end - bounds.start);
        for (delivery, offset) in read.iter().zip(bounds.start..) {
            let sent = events.iter().find(|e| Some(e.event_id) == delivery.event_id()).unwrap();
            assert_eq!(delivery.partition, bus::partition::partition_of(delivery.key.as_bytes(), 7));
            assert_eq!(delivery.offset, offset, "a gap");
            assert_eq!((&delivery.key, &delivery.payload), (&sent.key, &sent.payload));
            assert_eq!(delivery.headers, sent.wire_headers());
            assert!(delivery.timestamp.year() > 2020);
        }
        in_order(
            read.iter().map(|d| (d.key.as_str(), std::str::from_utf8(&d.payload).unwrap().parse().unwrap())),
        );
        seen += read.len();
    }
    assert_eq!(seen, events.len());
    world.log.publish(&[]).await.unwrap();
}

/// A sink whose database is away for the first few letters.
struct Flaky(std::sync::atomic::AtomicU32);

#[async_trait]
impl DeadLetterSink for Flaky {
    async fn store(&self, _: &DeadLetter) -> Result<(), BoxError> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Err("the database is away".into()),
            _ => Ok(()),
        }
    }
}

// While not even a dead letter can be kept, nothing is set aside or skipped: the event is tried again, and once its
// service works, it is handled.
pub async fn outage_of_the_service(world: &World) {
    let (topic, group) = (world.topic(1).await, unique("group"));
    let events = records(&topic, 10, 2);
    let handler = Arc::new(Effects::new(&world.pool, &group));
    handler.refuse.lock().unwrap().insert("key-0".into(), HandleError::retryable("down"));
    let mut config = ConsumerConfig::new(&group, [&topic]);
    config.retry = Retry { attempts: 2, first: Duration::from_millis(5), ..Retry::default() };
    let stop = CancellationToken::new();
    let sink = Arc::new(Flaky(0.into()));
    let task = tokio::spawn(bus::run_consumer(
        world.log.clone(),
        config,
        handler.clone(),
        sink.clone(),
        stop.clone(),
    ));
    world.publish(&events).await;
    let failed = async || sink.0.load(std::sync::atomic::Ordering::SeqCst) == 1;
    world.until("a letter could not be kept", failed).await;
    handler.refuse.lock().unwrap().clear();
    world.exactly_once(&group, &events).await;
    assert!(failed().await, "nothing more was set aside");
    stop.cancel();
    task.await.unwrap().unwrap();
}

// The lag counts what a group has not committed, partition by partition, before, while and after it consumes.
pub async fn lag(world: &World) {
    let (topic, group) = (world.topic(4).await, unique("group"));
    let topics = [topic.clone()];
    world.publish(&records(&topic, 90, 30)).await;
    let total = async || -> i64 {
        let lags = world.log.lag(&group, &topics).await.unwrap();
        assert_eq!(lags.len(), 4);
        assert!(lags.iter().all(|l| l.lag == l.end - l.committed));
        lags.iter().map(|l| l.lag).sum()
    };
    assert_eq!(total().await, 90);
    world.consumer(&group, &topic).stop_when_caught_up(world, &group, &topic).await;
    assert_eq!(total().await, 0);
    world.publish(&records(&topic, 11, 30)).await;
    assert_eq!(total().await, 11);
}

impl Running {
    async fn stop_when_caught_up(self, world: &World, group: &str, topic: &str) {
        world.caught_up(group, topic).await;
        self.stop().await;
    }
}

// A batch given back whole or halfway is delivered again from there; one partition never has two batches out.
pub async fn partial_commit(world: &World) {
    let (topic, group) = (world.topic(1).await, unique("group"));
    world.publish(&records(&topic, 10, 1)).await;
    let consumer = world.log.subscribe(&group, std::slice::from_ref(&topic)).await.unwrap();
    let position = |next| [Position { topic: topic.clone(), partition: 0, next }];
    let mut batch = None;
    let full = async || {
        let polled = consumer.poll(5, Duration::from_millis(50)).await.unwrap().pop();
        let Some(polled) = polled else { return false };
        assert_eq!(polled.deliveries[0].offset, 0, "what was given back comes again");
        if polled.deliveries.len() < 5 {
            // The log had not fetched more yet.
            consumer.commit(&position(0)).await.unwrap();
            return false;
        }
        batch = Some(polled);
        true
    };
    world.until("a full batch comes", full).await;
    assert_eq!(batch.unwrap().deliveries.len(), 5);
    assert!(
        consumer.poll(5, Duration::from_millis(50)).await.unwrap().is_empty(),
        "two batches of one partition"
    );
    consumer.commit(&position(2)).await.unwrap();
    let again = consumer.poll(5, PATIENCE).await.unwrap();
    assert_eq!(again[0].deliveries[0].offset, 2);
    let foreign = Position { topic: "elsewhere".into(), partition: 0, next: 1 };
    assert!(matches!(consumer.commit(&[foreign]).await, Err(bus::LogError::NotOwner { .. })));
    consumer.close().await.unwrap();
}

// A relay that is stopped publishes what is pending first, and an event that the log refuses for good holds up no
// other topic or key.
pub async fn relay_drains_and_isolates(world: &World) {
    let topic = world.topic(2).await;
    let mut events = records(&topic, 130, 4);
    events[3].topic = unique("never-made");
    events[5].payload = vec![b'1'; bus::MAX_PAYLOAD + 1].into();
    let refused = events[5].key.clone();
    world.outbox(&events).await;
    let (stop, relay) = world.relay();
    stop.cancel();
    tokio::time::timeout(PATIENCE, relay).await.expect("the relay stops").unwrap();
    let left: Vec<Uuid> =
        sqlx::query_scalar("select id from tessera.outbox where publish_time is null order by seq")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let held_up = |(n, e): &(usize, &bus::Record)| *n == 3 || (*n >= 5 && e.key == refused);
    let expected: Vec<Uuid> = events.iter().enumerate().filter(held_up).map(|(_, e)| e.event_id).collect();
    assert_eq!(left, expected);
}

// The newest events come oldest first, and a tail goes on with what is published after.
pub async fn tail(world: &World) {
    let topics = [world.topic(3).await];
    let events = records(&topics[0], 40, 6);
    for event in &events {
        world.publish(std::slice::from_ref(event)).await;
    }
    let rare = |d: &bus::Delivery| d.event_id() == Some(events[3].event_id);
    assert_eq!(Tail::start(&*world.log, &topics, 5, rare).await.unwrap().0.len(), 1, "pushed out by others");
    let (newest, mut tail) = Tail::start(&*world.log, &topics, 10, |_| true).await.unwrap();
    let ids = |events: &[bus::Delivery]| -> BTreeSet<Uuid> {
        events.iter().filter_map(bus::Delivery::event_id).collect()
    };
    assert_eq!(ids(&newest), events[30..].iter().map(|e| e.event_id).collect());
    assert!(newest.is_sorted_by_key(|d| d.timestamp));
    assert!(tail.more(&*world.log, 100).await.unwrap().is_empty());
    let more = records(&topics[0], 5, 6);
    world.publish(&more).await;
    let mut followed = Vec::new();
    while followed.len() < 5 {
        followed.extend(tail.wait(&*world.log, 100, Duration::from_millis(20)).await.unwrap());
    }
    assert_eq!(followed.len(), 5);
    assert_eq!(ids(&followed), more.iter().map(|e| e.event_id).collect());
    assert!(world.log.topics().await.unwrap().contains(&topics[0]));
}
