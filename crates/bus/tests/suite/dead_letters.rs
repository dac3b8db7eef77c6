use std::collections::BTreeMap;

use bus::{DeadLetter, HandleError, KeptLetter, Letters, PgDeadLetters, Tail};

use crate::world::{World, records, unique};

// Poison goes to the dead letters at once, what keeps failing after its tries; neither stops the events behind. A
// replay reaches only the consumer that gave up, and has its effect; it is told with the headers of the event, so that
// it stays in the trace of what set it off.
pub async fn dead_letters_and_replay(world: &World) {
    let (topic, group, other) = (world.topic(1).await, unique("group"), unique("other"));
    let mut events = records(&topic, 30, 3);
    let traces: Vec<_> = (0..30).map(|n| format!("00-{n:032x}-00000000000000ab-01")).collect();
    for (event, trace) in events.iter_mut().zip(&traces) {
        event.headers =
            BTreeMap::from([("traceparent".to_owned(), trace.clone()), ("x-own".into(), "1".into())]);
    }
    let consumer = world.consumer(&group, &topic);
    let bystander = world.consumer(&other, &topic);
    let refusals = [("key-0", HandleError::poison("gibberish")), ("key-1", HandleError::retryable("busy"))];
    *consumer.handler.refuse.lock().unwrap() = refusals.map(|(k, e)| (k.to_owned(), e)).into();
    world.publish(&events).await;
    world.caught_up(&group, &topic).await;
    assert_eq!(world.effects(&group).await.len(), 10, "the events of the third key");
    let table = PgDeadLetters::new(world.pool.clone(), "");
    let all = Letters { max: 100, ..Letters::default() };
    let letters = table.list(&all).await.unwrap();
    assert_eq!(letters.len(), 20);
    pages_are_whole(&table, &letters).await;
    for KeptLetter { letter, replay_time, .. } in &letters {
        let (attempts, error) = if letter.key == "key-0" { (1, "gibberish") } else { (5, "busy") };
        assert_eq!((letter.attempts, letter.error.as_str(), *replay_time), (attempts, error, None));
    }
    let dead = Tail::start(&*world.log, &[bus::dead_letter_topic(&topic)], 100, |_| true).await.unwrap().0;
    assert_eq!(dead.len(), 20);
    assert!(dead.iter().all(|d| d.headers["dead_consumer"] == group && d.headers["dead_topic"] == topic));
    assert!(
        dead.iter().all(|d| traces.contains(&d.headers["traceparent"])),
        "the letters have the events' traces"
    );

    consumer.handler.refuse.lock().unwrap().clear();
    world.exactly_once(&other, &events).await;
    for kept in letters.iter().rev() {
        table.replay(&*world.log, &kept.letter).await.unwrap();
    }
    world.until("the replayed have their effect", async || world.effects(&group).await.len() == 30).await;
    world.caught_up(&other, &topic).await;
    let all_told = Tail::start(&*world.log, std::slice::from_ref(&topic), 100, |_| true).await.unwrap().0;
    for (event, trace) in events.iter().zip(&traces).filter(|(event, _)| event.key != "key-2") {
        let told: Vec<_> = all_told.iter().filter(|d| d.event_id() == Some(event.event_id)).collect();
        assert_eq!(told.len(), 2, "once by its sender, once again");
        for delivery in told {
            assert_eq!((delivery.traceparent(), &*delivery.headers["x-own"]), (trace.as_str(), "1"));
        }
    }
    assert_eq!(bystander.stop().await.calls.lock().unwrap().len(), 30, "a replay for another consumer");
    assert!(table.list(&all).await.unwrap().iter().all(|kept| kept.replay_time.is_some()));
    consumer.stop().await;
}

/// Pages of seven must give the same letters as one list, and only those of the tenant and consumer asked for.
async fn pages_are_whole(table: &PgDeadLetters, letters: &[KeptLetter]) {
    let DeadLetter { tenant_id, consumer, id, .. } = &letters[0].letter;
    let mut page = Letters { tenant_id: Some(*tenant_id), consumer, behind: None, max: 7 };
    let mut seen = Vec::new();
    loop {
        let found = table.list(&page).await.unwrap();
        let Some(last) = found.last() else { break };
        page.behind = Some((last.create_time, last.letter.id, last.letter.consumer.clone()));
        seen.extend(found);
    }
    let own: Vec<_> = letters.iter().filter(|kept| kept.letter.tenant_id == *tenant_id).cloned().collect();
    assert_eq!(seen, own);
    assert_eq!(table.find(*tenant_id, *id, consumer).await.unwrap().as_ref(), letters.first());
    assert_eq!(table.find(*tenant_id, *id, "nobody").await.unwrap(), None);
    let others = Letters { consumer: "nobody", max: 7, ..Letters::default() };
    assert_eq!(table.list(&others).await.unwrap(), []);
}
