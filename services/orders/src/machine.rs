//! How a saga moves: what it does next, and where an outcome takes it. Rules only, no I/O.
//!
//! Forward, a step is `PENDING -> RUNNING -> DONE`, with `WAITING` where another service's event tells the end.
//! Before the money is captured a refusal, an operator or a cancellation turns the saga back: what was done is
//! undone from the last step to the first, `DONE -> COMPENSATING -> COMPENSATED`. A step that was under way at
//! that moment may have been done without us knowing, so it is undone as well. After the capture there is only
//! the way forward.

use contracts::orders::v1::{
    Saga, SagaAttempt, SagaKind as Kind, SagaState as State, SagaStep, SagaStepName as Name,
    SagaStepState as StepState,
};
use kit::{Duration, OffsetDateTime};
use store::column::timestamp;

use crate::fault::Fault;

/// How often a step fails in a row before a person is asked.
pub const TRIES: usize = 8;

/// How many attempts of a step are kept.
pub const ATTEMPTS_KEPT: usize = 20;

/// The pause after the first failure; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::milliseconds(200);
/// The pause between tries of a stuck saga, and the longest one.
const PAUSE_STUCK: Duration = Duration::minutes(5);

/// The way of an order: the money is taken by the fifth step.
const PLACE_ORDER: [Name; 7] = [
    Name::LockPrices,
    Name::ReserveStock,
    Name::AuthorizePayment,
    Name::ConfirmReservation,
    Name::CapturePayment,
    Name::PostInvoice,
    Name::Notify,
];

/// The way back of an order that is paid. Finance credits the invoice when it is told, so telling comes first.
const CANCEL_ORDER: [Name; 4] = [Name::RefundPayment, Name::ReturnStock, Name::Notify, Name::PostCreditNote];

/// What a saga wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Do this step.
    Do(Name),
    /// Undo this step, as far as it was done.
    Undo(Name),
    /// Another service's event will tell.
    Wait,
    /// It is over.
    Nothing,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The step is done, or undone.
    Done,
    /// Asked for; an event will tell.
    Asked,
    /// It may go well later. Whether it was done is not known.
    Retry(Fault),
    /// It will never go well, and was not done.
    Refused(Fault),
    /// Undoing the capture came too late: the money is taken.
    Captured,
}

/// Where an outcome has taken the saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There is something to do now.
    Go,
    /// Until an event.
    Wait,
    /// At this time.
    Later(OffsetDateTime),
    /// At this time, and a person should look: the step has just failed too often.
    Stuck(OffsetDateTime),
    /// It has ended.
    Over,
}

/// A saga at its first step.
pub fn start(order_id: &str, kind: Kind) -> Saga {
    let names: &[Name] = if kind == Kind::CancelOrder { &CANCEL_ORDER } else { &PLACE_ORDER };
    let step = |name: &Name| SagaStep {
        name: (*name).into(),
        state: StepState::Pending.into(),
        ..SagaStep::default()
    };
    let mut steps: Vec<SagaStep> = names.iter().map(step).collect();
    steps[0].set_state(StepState::Running);
    Saga {
        order_id: order_id.to_owned(),
        kind: kind.into(),
        state: State::Running.into(),
        current_step: names[0].into(),
        steps,
        ..Saga::default()
    }
}

/// What the saga wants done.
pub fn action(saga: &Saga) -> Action {
    let Some(step) = current(saga) else { return Action::Nothing };
    match step.state() {
        StepState::Running => Action::Do(step.name()),
        StepState::Compensating => Action::Undo(step.name()),
        StepState::Waiting => Action::Wait,
        _ => Action::Nothing,
    }
}

/// Notes that the current step is being tried. One that is noted and has no end was cut off by a crash.
pub fn begin(saga: &mut Saga, now: OffsetDateTime) {
    let Some(place) = place(saga) else { return };
    let step = &mut saga.steps[place];
    step.attempt_count += 1;
    let attempt = SagaAttempt {
        number: step.attempt_count,
        compensating: step.state() == StepState::Compensating,
        start_time: Some(timestamp(now)),
        ..SagaAttempt::default()
    };
    if step.start_time.is_none() {
        step.start_time = attempt.start_time;
    }
    step.attempts.push(attempt);
    let surplus = step.attempts.len().saturating_sub(ATTEMPTS_KEPT);
    step.attempts.drain(..surplus);
}

/// Moves the saga by the outcome of the try that was begun last. Where it goes on at once, the next try is
/// noted as begun.
pub fn settle(saga: &mut Saga, outcome: Outcome, result_id: Option<String>, now: OffsetDateTime) -> Turn {
    let Some(place) = place(saga) else { return Turn::Over };
    let undoing = saga.steps[place].state() == StepState::Compensating;
    if result_id.is_some() {
        saga.steps[place].result_id = result_id;
    }
    let turn = match outcome {
        Outcome::Done if undoing => {
            finish(saga, place, StepState::Compensated, now);
            backward(saga, place, now)
        }
        Outcome::Captured if undoing => {
            finish(saga, place, StepState::Done, now);
            turn_forward(saga);
            forward(saga, place, now)
        }
        Outcome::Done | Outcome::Captured => {
            finish(saga, place, StepState::Done, now);
            forward(saga, place, now)
        }
        Outcome::Asked => {
            saga.steps[place].set_state(StepState::Waiting);
            resume(saga, State::Running);
            Turn::Wait
        }
        Outcome::Refused(fault) if !undoing && !is_past_pivot(saga) => {
            end_attempt(&mut saga.steps[place], Some(&fault), now);
            finish(saga, place, StepState::Failed, now);
            skip_pending(saga);
            set_failure(saga, &fault);
            backward(saga, place, now)
        }
        Outcome::Refused(fault) => fail(saga, place, &fault, true, now),
        Outcome::Retry(fault) => fail(saga, place, &fault, false, now),
    };
    if turn == Turn::Go {
        begin(saga, now);
    }
    turn
}

/// Whether the money is taken, so that only the way forward is left.
pub fn is_past_pivot(saga: &Saga) -> bool {
    saga.kind() == Kind::CancelOrder
        || saga
            .steps
            .iter()
            .any(|step| step.name() == Name::CapturePayment && step.state() == StepState::Done)
}

/// Whether the saga has ended.
pub fn is_over(saga: &Saga) -> bool {
    matches!(saga.state(), State::Succeeded | State::Compensated)
}

/// Whether the saga goes back already, or has come back.
pub fn is_turned(saga: &Saga) -> bool {
    saga.state() == State::Compensated
        || current(saga).is_some_and(|step| step.state() == StepState::Compensating)
}

/// Turns back a saga that goes forward and is not past its pivot. What is under way may be done, so that it is
/// undone first.
pub fn turn_back(saga: &mut Saga, fault: &Fault) {
    let Some(place) = place(saga) else { return };
    saga.steps[place].set_state(StepState::Compensating);
    skip_pending(saga);
    set_failure(saga, fault);
    resume(saga, State::Compensating);
}

/// Has the current step tried at once. A step that waits for an event looks for itself.
pub fn retry(saga: &mut Saga) {
    let Some(place) = place(saga) else { return };
    let step = &mut saga.steps[place];
    if step.state() == StepState::Waiting {
        step.set_state(StepState::Running);
    }
    let undoing = step.state() == StepState::Compensating;
    resume(saga, if undoing { State::Compensating } else { State::Running });
}

/// Whether the saga waits for the end of this step, so that an event may tell it.
pub fn awaits(saga: &Saga, name: Name) -> bool {
    current(saga).is_some_and(|step| {
        step.name() == name && matches!(step.state(), StepState::Waiting | StepState::Running)
    })
}

/// The step at hand.
pub fn current(saga: &Saga) -> Option<&SagaStep> {
    place(saga).map(|place| &saga.steps[place])
}

/// A step by its name.
pub fn step(saga: &Saga, name: Name) -> Option<&SagaStep> {
    saga.steps.iter().find(|step| step.name() == name)
}

fn place(saga: &Saga) -> Option<usize> {
    let name = saga.current_step();
    saga.steps.iter().position(|step| step.name() == name && name != Name::Unspecified)
}

/// Whether a step leaves something with another service.
fn leaves_a_trace(name: Name) -> bool {
    matches!(
        name,
        Name::ReserveStock | Name::AuthorizePayment | Name::ConfirmReservation | Name::CapturePayment
    )
}

fn forward(saga: &mut Saga, place: usize, now: OffsetDateTime) -> Turn {
    let next = (place + 1..saga.steps.len()).find(|next| saga.steps[*next].state() == StepState::Pending);
    match next {
        Some(next) => {
            go_to(saga, next, StepState::Running);
            resume(saga, State::Running);
            Turn::Go
        }
        None => end(saga, State::Succeeded, now),
    }
}

fn backward(saga: &mut Saga, place: usize, now: OffsetDateTime) -> Turn {
    let is_left = |step: &SagaStep| step.state() == StepState::Done && leaves_a_trace(step.name());
    match (0..place).rev().find(|last| is_left(&saga.steps[*last])) {
        Some(last) => {
            go_to(saga, last, StepState::Compensating);
            resume(saga, State::Compensating);
            Turn::Go
        }
        None => end(saga, State::Compensated, now),
    }
}

fn go_to(saga: &mut Saga, place: usize, state: StepState) {
    let step = &mut saga.steps[place];
    step.set_state(state);
    step.end_time = None;
    let name = step.name();
    saga.set_current_step(name);
}

fn end(saga: &mut Saga, state: State, now: OffsetDateTime) -> Turn {
    saga.set_current_step(Name::Unspecified);
    resume(saga, state);
    saga.end_time = Some(timestamp(now));
    Turn::Over
}

/// Nothing waits for time any more, and what had made the saga stuck is mended.
fn resume(saga: &mut Saga, state: State) {
    saga.set_state(state);
    saga.next_attempt_time = None;
    if matches!(state, State::Running | State::Succeeded) {
        saga.failure_reason.clear();
        saga.failure_message.clear();
    }
}

fn fail(saga: &mut Saga, place: usize, fault: &Fault, is_final: bool, now: OffsetDateTime) -> Turn {
    let step = &mut saga.steps[place];
    end_attempt(step, Some(fault), now);
    let undoing = step.state() == StepState::Compensating;
    let failures = failures_in_a_row(step);
    let was_stuck = saga.state() == State::Stuck;
    let gives_up = is_final || failures >= TRIES;
    let pause = if gives_up || was_stuck { PAUSE_STUCK } else { doubled(failures) };
    let at = now + jitter(pause, &saga.id, saga.steps[place].attempt_count);
    saga.next_attempt_time = Some(timestamp(at));
    if !gives_up || was_stuck {
        return Turn::Later(at);
    }
    saga.set_state(State::Stuck);
    // A saga on its way back keeps the reason that turned it; what goes wrong now is in the attempts.
    if !undoing {
        set_failure(saga, fault);
    }
    Turn::Stuck(at)
}

fn turn_forward(saga: &mut Saga) {
    for step in &mut saga.steps {
        if step.state() == StepState::Skipped {
            step.set_state(StepState::Pending);
        }
    }
}

fn skip_pending(saga: &mut Saga) {
    for step in &mut saga.steps {
        if step.state() == StepState::Pending {
            step.set_state(StepState::Skipped);
        }
    }
}

fn set_failure(saga: &mut Saga, fault: &Fault) {
    saga.failure_reason.clone_from(&fault.reason);
    saga.failure_message.clone_from(&fault.message);
}

fn finish(saga: &mut Saga, place: usize, state: StepState, now: OffsetDateTime) {
    let step = &mut saga.steps[place];
    end_attempt(step, None, now);
    step.set_state(state);
    step.end_time = Some(timestamp(now));
}

/// Ends the try that was begun last, unless it has ended.
fn end_attempt(step: &mut SagaStep, fault: Option<&Fault>, now: OffsetDateTime) {
    let Some(attempt) = step.attempts.last_mut().filter(|attempt| attempt.end_time.is_none()) else { return };
    attempt.end_time = Some(timestamp(now));
    if let Some(fault) = fault {
        attempt.error_reason.clone_from(&fault.reason);
        attempt.error_message.clone_from(&fault.message);
    }
}

/// How often the step has failed lately in the direction it goes. Tries that a crash cut off don't count.
fn failures_in_a_row(step: &SagaStep) -> usize {
    let undoing = step.state() == StepState::Compensating;
    let lately = step.attempts.iter().rev().filter(|attempt| attempt.end_time.is_some());
    lately.take_while(|attempt| attempt.compensating == undoing && !attempt.error_reason.is_empty()).count()
}

fn doubled(failures: usize) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1).min(16)).unwrap_or(16);
    (PAUSE_FIRST * 2_i32.pow(doublings)).min(PAUSE_STUCK)
}

/// From three to five quarters of a pause, so that sagas that failed together don't come back together.
fn jitter(pause: Duration, id: &str, attempt: i32) -> Duration {
    let mut hash = u32::try_from(attempt).unwrap_or(0).wrapping_add(0x811c_9dc5);
    for byte in id.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let per_mille = i32::try_from((hash >> 8) % 501).unwrap_or(0);
    pause * (750 + per_mille) / 1_000
}

#[cfg(test)]
mod tests;
