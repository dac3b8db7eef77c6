//! Moves a saga and its order together: the outcome of a step, what follows from it without another service,
//! and what is told to others, in one transaction.

use contracts::orders::v1::{Order, Saga, SagaKind, SagaState, SagaStepName as Name};
use kit::Result;
use store::{Cx, Next};

use crate::machine::{Action, Outcome, Turn};
use crate::progress::{Fields, Finding};
use crate::{event, machine, progress, saga};

/// A saga and its order as they were read.
#[derive(Debug, Clone)]
pub struct Work {
    /// The saga.
    pub saga: Saga,
    /// Its order.
    pub order: Order,
}

/// What a try has come to.
#[derive(Debug)]
pub struct Tried {
    /// The outcome.
    pub outcome: Outcome,
    /// UUID of what the step made.
    pub result_id: Option<String>,
    /// What it has found out.
    pub finding: Finding,
}

impl Tried {
    /// Done, without more.
    pub fn done() -> Self {
        Self::new(Outcome::Done)
    }

    /// Done, and this was made.
    pub fn made(id: String) -> Self {
        Self { result_id: Some(id), ..Self::done() }
    }

    /// This outcome, without more.
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, result_id: None, finding: Finding::Nothing }
    }
}

/// Writes where an outcome takes the saga, or has it written by the commit. Either fails with CONFLICT when somebody
/// else has moved the saga since it was read.
pub async fn settle(cx: &mut Cx, work: &mut Work, tried: Tried) -> Result<Turn> {
    let mut fields = Fields::new();
    let mut turn = settle_one(cx, work, tried, &mut fields)?;
    while turn == Turn::Go
        && let Some(tried) = follow_up(cx, work)?
    {
        turn = settle_one(cx, work, tried, &mut fields)?;
    }
    work.saga = saga::save(cx, std::mem::take(&mut work.saga)).await?;
    if !fields.is_empty() {
        work.order = cx.put_unchanged(std::mem::take(&mut work.order), &fields).await?;
    }
    if turn == Turn::Over {
        tell_end(cx, work).await?;
    }
    Ok(turn)
}

/// When the job of the saga is to run again.
pub fn next(turn: Turn) -> Next {
    match turn {
        Turn::Later(at) | Turn::Stuck(at) => Next::At(at),
        Turn::Go | Turn::Wait | Turn::Over => Next::Done,
    }
}

fn settle_one(cx: &mut Cx, work: &mut Work, tried: Tried, fields: &mut Fields) -> Result<Turn> {
    let step = work.saga.current_step();
    let forward = matches!(machine::action(&work.saga), Action::Do(_) | Action::Wait);
    let turn = machine::settle(&mut work.saga, tried.outcome.clone(), tried.result_id.clone(), cx.now());
    if forward && tried.outcome == Outcome::Done {
        fields.extend(progress::done(&mut work.order, step, tried.result_id.as_ref(), tried.finding));
        if work.saga.kind() == SagaKind::CancelOrder && step == Name::Notify {
            cx.emit(event::cancelled(&work.order, &work.saga))?;
        }
    } else if tried.finding == Finding::Missing {
        ask(cx, work, step)?;
    }
    match turn {
        Turn::Stuck(_) => cx.emit(event::stuck(&work.saga))?,
        Turn::Over => fields.extend(progress::over(&mut work.order, &work.saga, cx.now())),
        Turn::Go | Turn::Wait | Turn::Later(_) => {}
    }
    Ok(turn)
}

/// Steps that need nobody else are done at once: to ask, and to tell.
fn follow_up(cx: &mut Cx, work: &Work) -> Result<Option<Tried>> {
    let Action::Do(step) = machine::action(&work.saga) else { return Ok(None) };
    Ok(match step {
        Name::PostInvoice => {
            ask(cx, work, step)?;
            Some(Tried::new(Outcome::Asked))
        }
        // Finance may have credited the invoice by hand before.
        Name::PostCreditNote if work.order.credit_note_id.is_some() => Some(Tried::done()),
        Name::PostCreditNote => Some(Tried::new(Outcome::Asked)),
        Name::Notify => Some(Tried::done()),
        _ => None,
    })
}

/// Asks finance for what a step waits for.
fn ask(cx: &mut Cx, work: &Work, step: Name) -> Result<()> {
    match step {
        Name::PostInvoice => cx.emit(event::captured(&work.order, cx.now())),
        Name::PostCreditNote => cx.emit(event::cancelled(&work.order, &work.saga)),
        _ => Ok(()),
    }
}

async fn tell_end(cx: &mut Cx, work: &Work) -> Result<()> {
    let (order, saga) = (&work.order, &work.saga);
    match (saga.kind(), saga.state()) {
        (SagaKind::PlaceOrder, SagaState::Succeeded) => {
            cx.emit(event::completed(order))?;
            // Somebody wants it undone since before it was complete.
            if order.state() == contracts::orders::v1::OrderState::Cancelling {
                saga::start(cx, &order.id, SagaKind::CancelOrder).await?;
            }
            Ok(())
        }
        (SagaKind::PlaceOrder, _) if order.cancel_time.is_some() => cx.emit(event::cancelled(order, saga)),
        (SagaKind::PlaceOrder, _) => cx.emit(event::failed(order)),
        _ => Ok(()),
    }
}
