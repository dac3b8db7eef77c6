//! Reactions: handlers of events, each of whose effects happens once per event.

use std::future::Future;

use kit::Result;

use crate::cx::{Cx, Meta};
use crate::event::Envelope;
use crate::flush::InboxRow;
use crate::{Caller, Env};

/// An `async fn(cx: &mut Cx, event: E) -> Result<()>`, or any function like it.
pub trait React<'a, E>: Send + Sync + 'static {
    /// What the function returns.
    type Future: Future<Output = Result<()>> + Send + 'a;
    /// Calls it.
    fn react(&self, cx: &'a mut Cx, event: E) -> Self::Future;
}

impl<'a, E, F, Fut> React<'a, E> for F
where
    F: Fn(&'a mut Cx, E) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'a,
{
    type Future = Fut;
    fn react(&self, cx: &'a mut Cx, event: E) -> Fut {
        self(cx, event)
    }
}

/// Runs a reaction to an event; inbox row and effect commit together, so that a second time is undone by the
/// inbox. It is rare enough not to be looked for first.
pub async fn react<E, F>(env: &Env, consumer: &str, envelope: &Envelope, event: E, reaction: &F) -> Result<()>
where
    F: for<'a> React<'a, E>,
{
    let meta = Meta {
        method: format!("event:{}", envelope.event_type),
        correlation_id: envelope.metadata.correlation_id.clone(),
        traceparent: telemetry::trace::current().unwrap_or_default(),
        causation_id: envelope.event_id.to_string(),
        ..Meta::default()
    };
    let mut cx = Cx::new(env.clone(), Caller::service(env.service(), Some(envelope.tenant_id)), meta);
    let Err(error) = attempt(&mut cx, consumer, envelope, event, reaction).await else { return Ok(()) };
    cx.rollback().await;
    // What had its effect may well fail the second time, and is no failure then.
    let seen = sqlx::query_as::<_, (bool,)>(
        "select exists (select from tessera.inbox where event_id = $1 and consumer = $2)",
    );
    let seen = cx.row(seen.bind(envelope.event_id).bind(consumer)).await;
    cx.rollback().await;
    if matches!(seen, Ok(Some((true,)))) { Ok(()) } else { Err(error) }
}

async fn attempt<E, F>(cx: &mut Cx, consumer: &str, envelope: &Envelope, event: E, reaction: &F) -> Result<()>
where
    F: for<'a> React<'a, E>,
{
    reaction.react(cx, event).await?;
    if cx.is_idle() {
        // Nothing was done that could be done twice.
        return Ok(());
    }
    cx.pending.inbox = Some(InboxRow { event_id: envelope.event_id, consumer: consumer.to_owned() });
    cx.checkpoint().await
}
