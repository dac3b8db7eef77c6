//! `tessera events`: what happened, and what could not be handled.

use serde_json::{Value, json};

use crate::Result;
use crate::cli::{DeadLetters, Replay, Tail};
use crate::client::{Client, new_id};
use crate::failure::Failure;
use crate::output::{Output, cell};

const LOG: &str = "erp.ops.v1.EventLogService";
/// How long the suite holds an answer back while nothing happens.
const WAIT_MS: u64 = 20_000;

/// Prints events as they happened.
pub async fn tail(client: &Client, options: &Tail, output: Output) -> Result<()> {
    let mut cursor = String::new();
    loop {
        let wait_ms = if options.follow && !cursor.is_empty() { WAIT_MS } else { 0 };
        let request = json!({
            "cursor": cursor,
            "types": options.types,
            "backlog": if cursor.is_empty() { options.since } else { 0 },
            "pageSize": 1000,
            "waitMs": wait_ms,
        });
        let answer = client.call_json(&format!("{LOG}/TailEvents"), request).await?;
        let events = answer.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for event in events {
            output.line(event, &event_line(event, output))?;
        }
        cursor = text(&answer, "nextCursor").to_owned();
        if !options.follow {
            if events.is_empty() {
                eprintln!("no events; --since 100 looks further back, --follow waits for new ones");
            }
            return Ok(());
        }
    }
}

/// `10:02:11.345  order.completed  orders  orderNumber=SO-2026-000042 …`
fn event_line(event: &Value, output: Output) -> String {
    let time = text(event, "timestamp").get(11..23).unwrap_or_default();
    let data = event.get("data").and_then(Value::as_object);
    let data = data.into_iter().flatten().filter(|(_, value)| !value.is_array());
    let pairs: Vec<String> = data.take(6).map(|(name, value)| format!("{name}={}", cell(value))).collect();
    format!(
        "{}  {}  {:12} {}",
        output.faint(time),
        output.bold(&format!("{:28}", text(event, "eventType"))),
        text(event, "source"),
        output.faint(&pairs.join(" "))
    )
}

/// Lists what could not be handled.
pub async fn dead_letters(client: &Client, options: &DeadLetters, output: Output) -> Result<()> {
    let request =
        json!({"pageSize": options.limit, "consumer": options.consumer.clone().unwrap_or_default()});
    let answer = client.call_json(&format!("{LOG}/ListDeadLetters"), request).await?;
    let letters = letters(&answer);
    let rows = letters.iter().map(|letter| {
        let event = letter.get("event").unwrap_or(&Value::Null);
        vec![
            text(letter, "eventId").to_owned(),
            text(event, "eventType").to_owned(),
            text(letter, "consumer").to_owned(),
            letter.get("attempts").map(cell).unwrap_or_default(),
            cell(&json!(text(letter, "error"))),
            text(letter, "replayTime").to_owned(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        eprintln!("no dead letters: every event was handled");
    }
    output.table(&json!(letters), &["event", "type", "consumer", "attempts", "error", "replayed"], rows)?;
    if !letters.is_empty() {
        eprintln!("next: tessera events replay EVENT    (once the cause is mended)");
    }
    Ok(())
}

/// Gives an event once more to those who could not handle it.
pub async fn replay(client: &Client, options: &Replay, output: Output) -> Result<()> {
    let consumers = match &options.consumer {
        Some(consumer) => vec![consumer.clone()],
        None => consumers_of(client, &options.event_id).await?,
    };
    if consumers.is_empty() {
        return Err(Failure::new(format!("the event {} is no dead letter", options.event_id))
            .next("tessera events dead-letters"));
    }
    for consumer in consumers {
        let request = json!({"eventId": options.event_id, "consumer": consumer, "requestId": new_id()});
        let answer = client.call_json(&format!("{LOG}/ReplayDeadLetter"), request).await?;
        let told = json!({
            "event": options.event_id,
            "consumer": consumer,
            "replayTime": text(&answer, "replayTime"),
        });
        output.line(&told, &format!("{consumer} gets {} once more", options.event_id))?;
    }
    eprintln!("next: tessera events dead-letters    (does it come back?)");
    Ok(())
}

/// Who could not handle an event.
async fn consumers_of(client: &Client, event_id: &str) -> Result<Vec<String>> {
    let mut consumers = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = json!({"pageSize": 1000, "pageToken": page_token});
        let answer = client.call_json(&format!("{LOG}/ListDeadLetters"), request).await?;
        let of_event = letters(&answer).iter().filter(|letter| text(letter, "eventId") == event_id);
        consumers.extend(of_event.map(|letter| text(letter, "consumer").to_owned()));
        text(&answer, "nextPageToken").clone_into(&mut page_token);
        if page_token.is_empty() {
            return Ok(consumers);
        }
    }
}

fn letters(answer: &Value) -> &[Value] {
    answer.get("deadLetters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
