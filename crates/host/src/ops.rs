//! The event log as operators see it: `erp.ops.v1.EventLogService`, offered by every process for its services, and
//! by one of them for those of all.

mod others;
mod sight;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::{Delivery, EventLog, KeptLetter, Letters, PgDeadLetters, Tail};
use contracts::ops::v1::*;
use contracts::v1::EventEnvelope;
use futures::{StreamExt as _, stream};
use kit::{Code, Error, OffsetDateTime, Result, Uuid};
use store::glue::prost_types::Timestamp;
use store::jobs::system_cx;
use store::{Cx, Env, Envelope, Feed, page};
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use crate::consume::on_begin;
pub use crate::ops::others::ASKED_OF_PEERS;
pub(crate) use crate::ops::others::{Others, permissions};
use crate::ops::sight::Sight;
use crate::watch::{Hub, WATCHERS_MAX, Watcher};

const TAIL_SIZE_DEFAULT: usize = 100;
const TAIL_SIZE_MAX: usize = 1_000;
/// Messages made ahead of a caller who reads slowly.
const WATCH_AHEAD: usize = 64;
/// More waiting events are not counted: it is bad enough.
const WAITING_MAX: i64 = 10_001;
/// How often a waiting tail looks again.
const TAIL_PAUSE: Duration = Duration::from_millis(200);
/// What a waiting tail leaves of its caller's time for the answer.
const TAIL_REST: Duration = Duration::from_millis(500);

/// What the service needs to know of the process.
pub(crate) struct EventLogs {
    pub log: Arc<dyn EventLog>,
    pub hub: Arc<Hub>,
    pub environments: Vec<Env>,
    /// The consumers of this process with the topics they read.
    pub consumers: Vec<(&'static str, Vec<String>)>,
    /// Whom it answers for besides.
    pub others: Others,
}

impl EventLogApi for EventLogs {
    async fn tail_events(&self, cx: &mut Cx, request: TailEventsRequest) -> Result<TailEventsResponse> {
        let wanted = Wanted { tenant: cx.tenant()?, types: request.types, sight: Sight::of(cx.caller()) };
        let size = match usize::try_from(request.page_size).unwrap_or(0) {
            0 => TAIL_SIZE_DEFAULT,
            size => size.min(TAIL_SIZE_MAX),
        };
        let (mut events, mut tail) = self.begin(&request.cursor, request.backlog, &wanted).await?;
        // That nothing happened is an answer, too, and worth nothing to a caller who has gone.
        let wait = Duration::from_millis(u64::try_from(request.wait_ms).unwrap_or(0));
        let until = Instant::now() + wait.min(cx.time_left().saturating_sub(TAIL_REST));
        while events.is_empty() {
            events = wanted.of(&tail.more(&*self.log, size).await.map_err(log_error)?);
            if !events.is_empty() || Instant::now() + TAIL_PAUSE > until {
                break;
            }
            tokio::time::sleep(TAIL_PAUSE).await;
        }
        let events = events.iter().map(to_proto).collect::<Result<_>>()?;
        Ok(TailEventsResponse { events, next_cursor: cursor(&tail)? })
    }

    async fn watch_events(
        &self,
        cx: &mut Cx,
        request: WatchEventsRequest,
    ) -> Result<Feed<WatchEventsResponse>> {
        let wanted = Wanted { tenant: cx.tenant()?, types: request.types, sight: Sight::of(cx.caller()) };
        let (newest, tail) = self.begin(&request.cursor, request.backlog, &wanted).await?;
        let watcher = self.hub.watch(tail).await.map_err(log_error)?.ok_or_else(too_many)?;
        let start = cursor(watcher.handed())?;
        let mut begin = vec![WatchEventsResponse::default()];
        for event in &newest {
            begin.push(WatchEventsResponse { event: Some(to_proto(event)?), cursor: String::new() });
        }
        if let Some(last) = begin.last_mut() {
            last.cursor = start;
        }
        let (messages, later) = mpsc::channel(WATCH_AHEAD);
        tokio::spawn(tell(watcher, wanted, cx.env().clone(), messages));
        Ok(Feed::new(stream::iter(begin.into_iter().map(Ok)).chain(ReceiverStream::new(later))))
    }

    async fn list_dead_letters(
        &self,
        cx: &mut Cx,
        request: ListDeadLettersRequest,
    ) -> Result<ListDeadLettersResponse> {
        let tenant = cx.tenant()?;
        let max = page::size(request.page_size)?;
        let scope = page::Scope {
            method: "erp.ops.v1.EventLogService.ListDeadLetters",
            tenant_id: &tenant.to_string(),
            filter: &request.consumer,
            ..page::Scope::default()
        };
        let cursor = scope.cursor(&request.page_token, cx.now())?;
        let behind = cursor.as_deref().map(letter_place).transpose()?;
        // One more than the page, which tells whether another one follows.
        let wanted = Letters { tenant_id: Some(tenant), consumer: &request.consumer, behind, max: max + 1 };
        let mut letters = Vec::new();
        for env in &self.environments {
            let kept = sink(env).list(&wanted).await.map_err(Error::internal)?;
            letters.extend(kept.iter().map(letter_to_proto).collect::<Result<Vec<_>>>()?);
        }
        // A token holds a place in time, so that one is good for all services.
        let pages = self.others.ask(cx, &request.consumer, |mut peer| {
            let request = request.clone();
            async move { peer.list_dead_letters(request).await }
        });
        let mut follows = false;
        for page in pages.await? {
            follows |= !page.next_page_token.is_empty();
            letters.extend(page.dead_letters);
        }
        letters.sort_by(|one, other| letter_key(other).cmp(&letter_key(one)));
        let size = usize::try_from(max).expect("a page has at most 1,000 rows");
        follows |= letters.len() > size;
        letters.truncate(size);
        let next_page_token = match letters.last().filter(|_| follows) {
            Some(last) => scope.token(&letter_cursor(last)?, cx.now()),
            None => String::new(),
        };
        Ok(ListDeadLettersResponse { dead_letters: letters, next_page_token })
    }

    async fn replay_dead_letter(
        &self,
        cx: &mut Cx,
        request: ReplayDeadLetterRequest,
    ) -> Result<ReplayDeadLetterResponse> {
        let tenant = cx.tenant()?;
        let id =
            Uuid::parse_str(&request.event_id).map_err(|_| Error::invalid("event_id", "must be a UUID"))?;
        // Handing out is not undone with the call: a request that was answered before must stop here. What is asked of
        // peers then is asked without a transaction.
        cx.sql().await?;
        cx.checkpoint().await?;
        for env in &self.environments {
            let found = sink(env).find(tenant, id, &request.consumer).await.map_err(Error::internal)?;
            if let Some(kept) = found {
                sink(env).replay(&*self.log, &kept.letter).await.map_err(Error::internal)?;
                return Ok(ReplayDeadLetterResponse { replay_time: Some(timestamp(cx.now())) });
            }
        }
        // A consumer is called like its service, which keeps its letters.
        let replayed = self.others.ask(cx, &request.consumer, |mut peer| {
            let request = request.clone();
            async move { peer.replay_dead_letter(request).await }
        });
        replayed.await?.pop().ok_or_else(|| Error::not_found("dead letter", &request.event_id))
    }

    async fn get_consumer_lag(
        &self,
        cx: &mut Cx,
        request: GetConsumerLagRequest,
    ) -> Result<GetConsumerLagResponse> {
        let mut lags: BTreeMap<(String, String), i64> = BTreeMap::new();
        for (consumer, topics) in &self.consumers {
            if !request.consumer.is_empty() && request.consumer != *consumer {
                continue;
            }
            for row in self.log.lag(consumer, topics).await.map_err(log_error)? {
                *lags.entry(((*consumer).to_owned(), row.topic.clone())).or_default() += row.lag;
            }
        }
        let lags = lags.into_iter().map(|((consumer, topic), lag)| ConsumerLag { consumer, topic, lag });
        let mut lags: Vec<ConsumerLag> = lags.collect();
        let theirs = self.others.ask(cx, &request.consumer, |mut peer| {
            let request = request.clone();
            async move { peer.get_consumer_lag(request).await }
        });
        lags.extend(theirs.await?.into_iter().flat_map(|answer| answer.lags));
        lags.sort_by(|one, other| (&one.consumer, &one.topic).cmp(&(&other.consumer, &other.topic)));
        Ok(GetConsumerLagResponse { lags })
    }

    async fn get_outbox_status(
        &self,
        cx: &mut Cx,
        request: GetOutboxStatusRequest,
    ) -> Result<GetOutboxStatusResponse> {
        let asked = |env: &&Env| request.service.is_empty() || request.service == env.service();
        let mut outboxes = Vec::new();
        for env in self.environments.iter().filter(asked) {
            outboxes.push(outbox_status(env).await?);
        }
        let theirs = self.others.ask(cx, &request.service, |mut peer| {
            let request = request.clone();
            async move { peer.get_outbox_status(request).await }
        });
        outboxes.extend(theirs.await?.into_iter().flat_map(|answer| answer.outboxes));
        outboxes.sort_by(|one, other| one.service.cmp(&other.service));
        Ok(GetOutboxStatusResponse { outboxes })
    }
}

impl EventLogs {
    /// The newest events and where to go on behind them; with a cursor only where to go on.
    async fn begin(&self, cursor: &str, backlog: i32, wanted: &Wanted) -> Result<(Vec<Envelope>, Tail)> {
        let topics = topics();
        if !cursor.is_empty() {
            return Ok((Vec::new(), Tail::resume(&topics, parse_cursor(cursor)?)));
        }
        let backlog = usize::try_from(backlog).unwrap_or(0);
        let start = Tail::start(&*self.log, &topics, backlog, |delivery| wanted.has(delivery));
        let (newest, tail) = start.await.map_err(log_error)?;
        Ok((wanted.of(&newest), tail))
    }
}

/// What waits in a service's outbox.
async fn outbox_status(env: &Env) -> Result<OutboxStatus> {
    let mut cx = system_cx(env, "outbox status");
    let query = sqlx::query_as::<_, (i64, Option<OffsetDateTime>)>(
        "select count(*), min(create_time) from (
             select create_time from tessera.outbox where publish_time is null order by seq limit $1
         ) as waiting",
    );
    let found = cx.row(query.bind(WAITING_MAX)).await;
    cx.rollback().await;
    let (event_count, oldest) = found?.unwrap_or((0, None));
    let service = env.service().to_owned();
    Ok(OutboxStatus { service, event_count, oldest_time: oldest.map(timestamp) })
}

/// Every topic of the contracts.
pub(crate) fn topics() -> Vec<String> {
    contracts::TOPICS.iter().map(|topic| topic.name.to_owned()).collect()
}

/// Sends what is wanted until nobody listens any more or the process stops. A task of its own: a caller who does
/// not read must not hold a connection of the log.
async fn tell(
    mut watcher: Watcher,
    wanted: Wanted,
    env: Env,
    messages: mpsc::Sender<Result<WatchEventsResponse>>,
) {
    loop {
        let heard = tokio::select! {
            () = env.draining() => return,
            () = messages.closed() => return,
            heard = watcher.next() => heard,
        };
        let message = match heard {
            Ok(delivery) => match wanted.of(std::slice::from_ref(&*delivery)).pop() {
                Some(event) => behind(&watcher, &event),
                None => continue,
            },
            Err(error) => Err(log_error(error)),
        };
        let failed = message.is_err();
        if messages.send(message).await.is_err() || failed {
            return;
        }
    }
}

fn behind(watcher: &Watcher, event: &Envelope) -> Result<WatchEventsResponse> {
    Ok(WatchEventsResponse { event: Some(to_proto(event)?), cursor: cursor(watcher.handed())? })
}

/// What a caller wants to hear of.
struct Wanted {
    tenant: Uuid,
    /// By name, or by `order.*`; none means all.
    types: Vec<String>,
    sight: Sight,
}

impl Wanted {
    fn has(&self, delivery: &Delivery) -> bool {
        let event_type = delivery.event_type();
        let fits = |pattern: &String| store::covers(pattern, event_type);
        delivery.tenant_id() == Some(self.tenant)
            && (self.types.is_empty() || self.types.iter().any(fits))
            && self.sight.hears(event_type)
    }

    /// The wanted ones in the order in which they happened: those of one batch are in the log at the same time.
    fn of(&self, deliveries: &[Delivery]) -> Vec<Envelope> {
        let wanted = deliveries.iter().filter(|delivery| self.has(delivery));
        let parsed = wanted.filter_map(|delivery| Envelope::parse(&delivery.payload).ok());
        let mut events: Vec<Envelope> = parsed.map(|event| self.sight.narrow(event)).collect();
        events.sort_by_key(|event| (event.timestamp, event.event_id));
        events
    }
}

fn too_many() -> Error {
    let text = format!("{WATCHERS_MAX} callers watch already; ask again later, or page with TailEvents");
    Error::new(Code::ResourceExhausted, "TOO_MANY_WATCHERS", "erp", text).with("retry_after_seconds", 30)
}

fn sink(env: &Env) -> PgDeadLetters {
    PgDeadLetters::new(env.pool().clone(), on_begin(env))
}

fn log_error(error: bus::LogError) -> Error {
    Error::unavailable("the event log", error)
}

fn to_proto(envelope: &Envelope) -> Result<EventEnvelope> {
    let value = serde_json::to_value(envelope).map_err(Error::internal)?;
    let descriptor = store::glue::prost_reflect::ReflectMessage::descriptor(&EventEnvelope::default());
    let message = store::glue::prost_reflect::DynamicMessage::deserialize(descriptor, value)
        .map_err(Error::internal)?;
    message.transcode_to().map_err(Error::internal)
}

fn letter_to_proto(kept: &KeptLetter) -> Result<DeadLetter> {
    let letter = &kept.letter;
    Ok(DeadLetter {
        // A poison event may be no envelope at all; it is listed all the same.
        event: Envelope::parse(&letter.payload).ok().as_ref().map(to_proto).transpose()?,
        consumer: letter.consumer.clone(),
        topic: letter.topic.clone(),
        error: letter.error.clone(),
        attempts: i32::try_from(letter.attempts).unwrap_or(i32::MAX),
        create_time: Some(timestamp(kept.create_time)),
        replay_time: kept.replay_time.map(timestamp),
        event_id: letter.id.to_string(),
    })
}

/// What letters are in the order of. Ids are written in one way, so that their texts are in the order of the ids.
fn letter_key(letter: &DeadLetter) -> (i64, i32, &str, &str) {
    let time = letter.create_time.unwrap_or_default();
    (time.seconds, time.nanos, &letter.event_id, &letter.consumer)
}

/// A letter's place as the columns of a page token.
fn letter_cursor(letter: &DeadLetter) -> Result<[Option<String>; 3]> {
    let (seconds, nanos, id, consumer) = letter_key(letter);
    let time = OffsetDateTime::from_unix_timestamp(seconds).map_err(Error::internal)?;
    let time = time + kit::Duration::nanoseconds(nanos.into());
    let time = time.format(&Rfc3339).map_err(Error::internal)?;
    Ok([Some(time), Some(id.to_owned()), Some(consumer.to_owned())])
}

fn letter_place(cursor: &[Option<String>]) -> Result<(OffsetDateTime, Uuid, String)> {
    let [Some(time), Some(id), Some(consumer)] = cursor else {
        return Err(Error::invalid("page_token", "is none that this method gave"));
    };
    let time = OffsetDateTime::parse(time, &Rfc3339).map_err(Error::internal)?;
    Ok((time, Uuid::parse_str(id).map_err(Error::internal)?, consumer.clone()))
}

fn timestamp(instant: OffsetDateTime) -> Timestamp {
    let nanos = i32::try_from(instant.nanosecond()).expect("a second has fewer than 2^31 nanoseconds");
    Timestamp { seconds: instant.unix_timestamp(), nanos }
}

/// The next offset of every partition, by topic.
type Places = BTreeMap<String, Vec<i64>>;

fn cursor(tail: &Tail) -> Result<String> {
    let mut places = Places::new();
    for (topic, _, next) in tail.positions() {
        places.entry(topic).or_default().push(next);
    }
    let text = serde_json::to_vec(&places).map_err(Error::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(text))
}

fn parse_cursor(text: &str) -> Result<Vec<(String, i32, i64)>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let places: Option<Places> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let places = places.ok_or_else(|| Error::invalid("cursor", "is none that this method gave"))?;
    let by_partition = places
        .into_iter()
        .flat_map(|(topic, next)| (0..).zip(next).map(move |(at, next)| (topic.clone(), at, next)));
    Ok(by_partition.collect())
}
