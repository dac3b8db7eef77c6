//! The job: carries a saga on, step by step, as far as it goes.

use kit::Result;
use store::{Cx, Next};

use crate::advance::{self, Work};
use crate::crash::{self, Place};
use crate::machine::{self, Action, Turn};
use crate::{saga, step};

/// How often one run begins anew because somebody else has moved the saga.
const READS_MAX: u32 = 10;

/// Runs a saga until it waits, is over, or has to be tried later.
pub async fn run(cx: &mut Cx, id: String) -> Result<Next> {
    for _ in 0..READS_MAX {
        let Some(mut work) = saga::read(cx, &id).await? else { return Ok(Next::Done) };
        // Peers are called without a transaction, so that a slow one locks nothing here.
        cx.checkpoint().await?;
        if let Some(next) = Box::pin(drive(cx, &mut work)).await? {
            return Ok(next);
        }
        cx.rollback().await;
    }
    Ok(Next::At(cx.now()))
}

/// Does step after step. None when somebody else has moved the saga: an operator, a cancellation, or another
/// process that took this one for dead. What the peer did then is found again by whoever goes on.
async fn drive(cx: &mut Cx, work: &mut Work) -> Result<Option<Next>> {
    machine::begin(&mut work.saga, cx.now());
    loop {
        let action = machine::action(&work.saga);
        let (Action::Do(name) | Action::Undo(name)) = action else { return Ok(Some(Next::Done)) };
        crash::point(name, Place::BeforeCall);
        let tried = step::perform(cx, work, action).await;
        crash::point(name, Place::AfterCall);
        let Some(turn) = advance::settle(cx, work, tried).await? else { return Ok(None) };
        crash::point(name, Place::BeforeCommit);
        if turn != Turn::Go && !crash::is_planned() {
            // The engine commits it together with the end of the job.
            return Ok(Some(advance::next(turn)));
        }
        cx.checkpoint().await?;
        crash::point(name, Place::AfterCommit);
        if turn != Turn::Go {
            return Ok(Some(advance::next(turn)));
        }
    }
}
