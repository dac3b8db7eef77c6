//! What calls of a tenant ask of the database by itself, in a transaction that ends with the answer. Those that ask the
//! same kind of thing at the same time ask together.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use kit::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::{Cx, Meta, deadline_exceeded};
use crate::caller::Caller;
use crate::env::Env;
use crate::record::Record;
use crate::turns::{Entered, Turns, Waits};

/// Something short that is asked of the database by itself, see [`Cx::batched`].
pub trait Batched: Send + Sync + Sized + 'static {
    /// What it comes to.
    type Answer: Send + 'static;

    /// Answers all of these, in their order. The `cx` is the service's own: it has the tenant of those who ask, and
    /// nothing else of theirs.
    fn answer<'a>(
        cx: &'a mut Cx,
        asked: &'a [&'a Self],
    ) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send + 'a;
}

impl Cx {
    /// Asks the database in a transaction of its own, which those share who ask the same kind of thing meanwhile. What is
    /// read may have changed when the call writes, so that it has to be written by [`Cx::put_unchanged`] or the like.
    /// Refused while a transaction is open, whose locks would be held for longer.
    pub async fn batched<B: Batched>(&mut self, asked: B) -> Result<B::Answer> {
        self.refuse_transaction("ask together with others")?;
        self.used = true;
        let (env, tenant, deadline) = (self.env.clone(), self.tenant()?, self.deadline);
        let (mut asked, mut waits) = (Some(asked), Span::none());
        let entered = env.batches().turns::<B>().enter(&env, tenant, || {
            let (answer, told) = oneshot::channel();
            waits = tracing::debug_span!(target: telemetry::trace::TARGET, "ask with others");
            let asked = asked.take().expect("it is made once");
            (Asks { asked, deadline, span: waits.clone(), answer }, told)
        });
        let (_turn, asked) = match entered {
            Entered::Now(turn) => (turn, asked.take().expect("only who waits has handed it over")),
            Entered::Waits(told) => match tokio::time::timeout_at(deadline, told).instrument(waits).await {
                Ok(Ok(Told::Answer(answer))) => return Ok(answer),
                Ok(Ok(Told::Alone(asked))) => (None, asked),
                Ok(Err(_)) => return Err(Error::unavailable("the database", "nobody has asked")),
                Err(_) => return Err(deadline_exceeded()),
            },
        };
        ask(&env, tenant, deadline, &[&asked]).await?.pop().ok_or_else(answers_missing)
    }

    /// Gets a record, also a softly deleted one, without a transaction that stays open, see [`Cx::batched`]. NOT_FOUND when
    /// there is none for this tenant.
    pub async fn glance<R: Record>(&mut self, id: &str) -> Result<R> {
        let found = match Uuid::parse_str(id) {
            Ok(id) => self.batched(ById { id, record: PhantomData }).await?,
            Err(_) => None,
        };
        found.ok_or_else(|| Error::not_found(R::table().noun, id))
    }
}

/// The record of an id.
struct ById<R> {
    id: Uuid,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Batched for ById<R> {
    type Answer = Option<R>;

    async fn answer<'a>(cx: &'a mut Cx, asked: &'a [&'a Self]) -> Result<Vec<Option<R>>> {
        let ids: Vec<Uuid> = asked.iter().map(|one| one.id).collect();
        let found = cx.get_all::<R>(&ids).await?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }
}

/// Those who wait to ask, for each kind of thing that is asked.
#[derive(Default)]
pub(crate) struct Batches(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Batches {
    fn turns<B: Batched>(&self) -> Arc<Turns<Asks<B>>> {
        let mut kinds = self.0.lock().expect("nothing panics while holding it");
        let turns = kinds.entry(TypeId::of::<B>()).or_insert_with(|| Arc::new(Turns::<Asks<B>>::default()));
        turns.clone().downcast().expect("it was made for this type")
    }
}

/// Somebody who waits to ask.
struct Asks<B: Batched> {
    asked: B,
    deadline: Instant,
    /// In which its call waits.
    span: Span,
    answer: oneshot::Sender<Told<B>>,
}

enum Told<B: Batched> {
    Answer(B::Answer),
    /// It is to ask by itself.
    Alone(B),
}

impl<B: Batched> Waits for Asks<B> {
    fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    fn fits(&self, _: &[Self]) -> bool {
        true
    }

    async fn serve(env: &Env, tenant: Uuid, together: Vec<Self>) {
        let span = tracing::debug_span!(
            target: telemetry::trace::TARGET,
            parent: &together[0].span,
            "batch",
            service = env.service(),
            members = together.len(),
        );
        for one in &together[1..] {
            telemetry::trace::link(&one.span, &span);
        }
        let deadline = together.iter().map(|one| one.deadline).max().unwrap_or_else(Instant::now);
        let asked: Vec<&B> = together.iter().map(|one| &one.asked).collect();
        let answers = ask(env, tenant, deadline, &asked).instrument(span).await;
        match answers {
            Ok(answers) => {
                for (one, answer) in together.into_iter().zip(answers) {
                    // Whoever has gone has gone.
                    drop(one.answer.send(Told::Answer(answer)));
                }
            }
            // The fault may be that of one of them.
            Err(error) => {
                tracing::debug!(service = env.service(), %error, members = together.len(), "a batch asks one by one");
                for one in together {
                    drop(one.answer.send(Told::Alone(one.asked)));
                }
            }
        }
    }
}

async fn ask<B: Batched>(env: &Env, tenant: Uuid, deadline: Instant, asked: &[&B]) -> Result<Vec<B::Answer>> {
    let meta = Meta { method: "engine:batch".to_owned(), ..Meta::default() };
    let mut cx = Cx::new(env.clone(), Caller::service(env.service(), Some(tenant)), meta)
        .with_timeout(deadline.saturating_duration_since(Instant::now()));
    if asked.len() > 1 {
        cx.share();
    }
    let answers = B::answer(&mut cx, asked).await;
    match answers {
        Ok(answers) if answers.len() == asked.len() => cx.checkpoint().await.map(|()| answers),
        Ok(_) => Err(answers_missing()),
        Err(error) => {
            cx.rollback().await;
            Err(error)
        }
    }
}

fn answers_missing() -> Error {
    Error::internal("what was asked together has not as many answers")
}
