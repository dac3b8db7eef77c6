//! Messages to people: queued once for each thing they are about, sent by a job, tried again for a day.

use std::sync::Arc;

use contracts::notification::v1::{
    Delivery, DeliveryApi, DeliveryChannel, DeliveryState as State, NotificationFailed, NotificationReason,
    NotificationSent, RetryDeliveryRequest, SendNotificationRequest,
};
use kit::{Code, Error, Result, Uuid, ensure};
use store::column::timestamp;
use store::jobs::Work;
use store::{BoxFuture, Cx, Next};

use crate::outlet::{Outcome, Outlet};
use crate::render::{self, Text};
use crate::template::choose;
use crate::{company, retry};

/// The job that sends a delivery.
pub const SEND: &str = "send_delivery";

/// How much of a server's answer is kept.
const ERROR_MAX: usize = 2_000;

/// Deliveries.
#[derive(Debug)]
pub struct Deliveries {
    outlet: Arc<Outlet>,
}

impl Deliveries {
    pub fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet }
    }
}

impl DeliveryApi for Deliveries {
    async fn send_notification(&self, cx: &mut Cx, request: SendNotificationRequest) -> Result<Delivery> {
        if let Some(first) = of_dedupe_key(cx, &request.dedupe_key).await? {
            return Ok(first);
        }
        let chosen = choose(cx, &request.template_key, &request.locale).await?;
        let text = chosen.text.fill(&render::data(request.data))?;
        let letter = Letter {
            recipient: request.recipient,
            template_key: request.template_key,
            locale: chosen.locale,
            dedupe_key: request.dedupe_key.clone(),
            text,
        };
        match queue(cx, &self.outlet, letter).await {
            // Another call with the same key came first: its delivery is the answer.
            Err(error) if is_doubled(&error) => {
                cx.rollback().await;
                of_dedupe_key(cx, &request.dedupe_key).await?.ok_or(error)
            }
            queued => queued,
        }
    }

    async fn retry_delivery(&self, cx: &mut Cx, request: RetryDeliveryRequest) -> Result<Delivery> {
        let mut delivery: Delivery = cx.lock(&request.id).await?;
        ensure!(delivery.state() == State::Failed, NotificationReason::NotFailed);
        delivery.set_state(State::Queued);
        delivery.attempts = 0;
        cx.enqueue(SEND, &delivery.id, cx.now());
        cx.put(delivery, &["state", "attempts"]).await
    }
}

/// A message to be queued.
#[derive(Debug)]
pub struct Letter {
    pub recipient: String,
    pub template_key: String,
    pub locale: String,
    pub dedupe_key: String,
    pub text: Text,
}

/// Queues a message; ALREADY_EXISTS when there is one about the same thing.
pub async fn queue(cx: &mut Cx, outlet: &Outlet, letter: Letter) -> Result<Delivery> {
    let id = cx.new_id();
    let mut delivery = Delivery {
        message_id: outlet.message_id(&id),
        id,
        recipient: letter.recipient,
        template_key: letter.template_key,
        locale: letter.locale,
        subject: letter.text.subject,
        body_text: letter.text.body_text,
        body_html: letter.text.body_html,
        dedupe_key: letter.dedupe_key,
        ..Delivery::default()
    };
    delivery.set_channel(DeliveryChannel::Email);
    delivery.set_state(State::Queued);
    let delivery = cx.insert(delivery).await?;
    cx.enqueue(SEND, &delivery.id, cx.now());
    Ok(delivery)
}

/// Whether a message about the same thing is there already.
pub fn is_doubled(error: &Error) -> bool {
    let constraint = error.metadata().get("constraint");
    error.code() == Code::AlreadyExists && constraint.is_some_and(|name| name == "deliveries_dedupe_key_key")
}

async fn of_dedupe_key(cx: &mut Cx, dedupe_key: &str) -> Result<Option<Delivery>> {
    let query = sqlx::query_as::<_, (Uuid,)>("select id from deliveries where dedupe_key = $1");
    match cx.row(query.bind(dedupe_key)).await? {
        Some((id,)) => cx.get(&id.to_string()).await.map(Some),
        None => Ok(None),
    }
}

/// The job that sends deliveries.
#[derive(Debug)]
pub struct Sending {
    outlet: Arc<Outlet>,
}

impl Sending {
    pub fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet }
    }
}

impl<'a> Work<'a> for Sending {
    type Future = BoxFuture<'a, Result<Next>>;

    fn work(&self, cx: &'a mut Cx, id: String) -> Self::Future {
        let outlet = self.outlet.clone();
        Box::pin(async move { send(cx, &outlet, id).await })
    }
}

async fn send(cx: &mut Cx, outlet: &Outlet, id: String) -> Result<Next> {
    let delivery: Delivery = cx.get(&id).await?;
    if delivery.state() != State::Queued {
        return Ok(Next::Done);
    }
    let company = company::current(cx).await?;
    // A slow mail server must not keep a transaction open.
    cx.checkpoint().await?;
    let outcome = outlet.send(&delivery, Some(&company.name)).await;
    let delivery: Delivery = cx.lock(&id).await?;
    note(cx, delivery, outcome).await
}

/// Writes down what became of an attempt, and says when there is another one.
async fn note(cx: &mut Cx, mut delivery: Delivery, outcome: Outcome) -> Result<Next> {
    delivery.attempts += 1;
    let next = match &outcome {
        Outcome::Later(_) => retry::pause(delivery.attempts).map(|pause| cx.now() + pause),
        Outcome::Sent | Outcome::Refused(_) => None,
    };
    match outcome {
        Outcome::Sent => {
            delivery.set_state(State::Sent);
            delivery.last_error = String::new();
            delivery.sent_time = Some(timestamp(cx.now()));
        }
        Outcome::Later(said) | Outcome::Refused(said) => {
            if next.is_none() {
                delivery.set_state(State::Failed);
            }
            delivery.last_error = said.replace('\0', " ").chars().take(ERROR_MAX).collect();
        }
    }
    let delivery = cx.put(delivery, &["state", "attempts", "last_error", "sent_time"]).await?;
    announce(cx, delivery)?;
    Ok(next.map_or(Next::Done, Next::At))
}

fn announce(cx: &mut Cx, delivery: Delivery) -> Result<()> {
    match delivery.state() {
        State::Sent => cx.emit(NotificationSent {
            delivery_id: delivery.id,
            template_key: delivery.template_key,
            dedupe_key: delivery.dedupe_key,
        }),
        State::Failed => cx.emit(NotificationFailed {
            delivery_id: delivery.id,
            template_key: delivery.template_key,
            dedupe_key: delivery.dedupe_key,
            error: delivery.last_error,
        }),
        _ => Ok(()),
    }
}
