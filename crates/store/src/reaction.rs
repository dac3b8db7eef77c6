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

/// Runs a reaction to an event unless this consumer has seen it; inbox row and effect commit together.
pub async fn react<E, F>(env: &Env, consumer: &str, envelope: &Envelope, event: E, reaction: &F) -> Result<()>
where
    F: for<'a> React<'a, E>,
{
    let meta = Meta {
        method: format!("event:{}", envelope.event_type),
        correlation_id: envelope.metadata.correlation_id.clone(),
        traceparent: String::new(),
        causation_id: envelope.event_id.to_string(),
    };
    let mut cx = Cx::new(env.clone(), Caller::service(env.service(), Some(envelope.tenant_id)), meta);
    let seen = sqlx::query_as::<_, (bool,)>(
        "select exists (select from tessera.inbox where event_id = $1 and consumer = $2)",
    );
    if cx.look_up(seen.bind(envelope.event_id).bind(consumer)).await? == Some((true,)) {
        cx.rollback().await;
        return Ok(());
    }
    let result = reaction.react(&mut cx, event).await;
    let result = match result {
        Ok(()) => {
            let row = InboxRow { event_id: envelope.event_id, consumer: consumer.to_owned() };
            cx.pending.inbox = Some(row);
            cx.checkpoint().await
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => Ok(()),
        // Another process handled the same event at the same time and committed first.
        Err(error) if is_seen(&error) => {
            cx.rollback().await;
            Ok(())
        }
        Err(error) => {
            cx.rollback().await;
            Err(error)
        }
    }
}

fn is_seen(error: &kit::Error) -> bool {
    error.metadata().get("constraint").is_some_and(|name| name == "inbox_pkey")
}
