//! The job: carries a saga on, step by step, as far as it goes.

use kit::Result;
use store::{Cx, Next};

use crate::advance;
use crate::crash::{self, Place};
use crate::machine::{self, Action, Turn};
use crate::{saga, step};

/// Runs a saga until it waits, is over, or has to be tried later. Fails with CONFLICT, to be run again at once, when
/// somebody else has moved the saga: an operator, a cancellation, or another process that took this one for dead.
/// What the peer did then is found again by whoever goes on.
pub async fn run(cx: &mut Cx, id: String) -> Result<Next> {
    let Some(mut work) = saga::read(cx, &id).await? else { return Ok(Next::Done) };
    machine::begin(&mut work.saga, cx.now());
    loop {
        let action = machine::action(&work.saga);
        let (Action::Do(name) | Action::Undo(name)) = action else { return Ok(Next::Done) };
        crash::point(name, Place::BeforeCall);
        let tried = step::perform(cx, &work, action).await;
        crash::point(name, Place::AfterCall);
        let turn = advance::settle(cx, &mut work, tried).await?;
        crash::point(name, Place::BeforeCommit);
        if turn != Turn::Go && !crash::is_planned() {
            // The engine commits it together with the end of the job.
            return Ok(advance::next(turn));
        }
        cx.checkpoint().await?;
        crash::point(name, Place::AfterCommit);
        if turn != Turn::Go {
            return Ok(advance::next(turn));
        }
    }
}
