use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn fault(reason: &str) -> Fault {
    Fault { reason: reason.to_owned(), message: "m".to_owned() }
}

fn place_order() -> Saga {
    let mut saga = start("o", Kind::PlaceOrder);
    saga.id = "0190b6a0-0000-7000-8000-000000000001".to_owned();
    begin(&mut saga, NOW);
    saga
}

/// A saga that has just begun this step, all before it done.
fn at(name: Name) -> Saga {
    let mut saga = place_order();
    while saga.current_step() != name {
        settle(&mut saga, Outcome::Done, Some("id".into()), NOW);
    }
    saga
}

fn states(saga: &Saga) -> Vec<StepState> {
    saga.steps.iter().map(SagaStep::state).collect()
}

#[test]
fn an_order_goes_its_way() {
    // Every step in its order, each tried once, and the saga over after the last.
    let mut saga = place_order();
    let mut done = Vec::new();
    loop {
        let Action::Do(name) = action(&saga) else { panic!("{:?}", action(&saga)) };
        done.push(name);
        if name == Name::PostInvoice {
            assert_eq!(settle(&mut saga, Outcome::Asked, None, NOW), Turn::Wait);
            assert_eq!(action(&saga), Action::Wait);
            assert!(awaits(&saga, Name::PostInvoice));
        }
        if settle(&mut saga, Outcome::Done, None, NOW) == Turn::Over {
            break;
        }
    }
    assert_eq!(done, PLACE_ORDER);
    assert_eq!((saga.state(), action(&saga)), (State::Succeeded, Action::Nothing));
    assert!(saga.end_time.is_some() && saga.next_attempt_time.is_none());
    assert!(saga.steps.iter().all(|step| step.attempt_count == 1 && step.attempts[0].end_time.is_some()));
}

#[test]
fn a_refusal_turns_back_and_undoes_what_was_done() {
    // A declined card must give the goods free; the refused step itself left nothing behind.
    let mut saga = at(Name::AuthorizePayment);
    assert_eq!(settle(&mut saga, Outcome::Refused(fault("PAYMENT_DECLINED")), None, NOW), Turn::Go);
    assert_eq!((saga.state(), action(&saga)), (State::Compensating, Action::Undo(Name::ReserveStock)));
    assert_eq!(settle(&mut saga, Outcome::Done, None, NOW), Turn::Over);
    assert_eq!((saga.state(), saga.failure_reason.as_str()), (State::Compensated, "PAYMENT_DECLINED"));
    use StepState::{Compensated, Done, Failed, Skipped};
    assert_eq!(states(&saga), [Done, Compensated, Failed, Skipped, Skipped, Skipped, Skipped]);
    assert_eq!(saga.steps[2].attempts[0].error_reason, "PAYMENT_DECLINED");
    assert!(saga.steps[1].attempts[1].compensating);
}

#[test]
fn a_refused_capture_turns_back() {
    // A capture that the provider declines took nothing, so that everything before it is undone.
    let mut saga = at(Name::CapturePayment);
    settle(&mut saga, Outcome::Refused(fault("PAYMENT_DECLINED")), None, NOW);
    let mut undone = Vec::new();
    while let Action::Undo(name) = action(&saga) {
        undone.push(name);
        settle(&mut saga, Outcome::Done, None, NOW);
    }
    assert_eq!(undone, [Name::ConfirmReservation, Name::AuthorizePayment, Name::ReserveStock]);
    assert_eq!(saga.state(), State::Compensated);
}

#[test]
fn what_was_under_way_is_undone_as_well() {
    // When a cancellation comes while goods are being reserved, the answer may be lost, but not the goods.
    let mut saga = at(Name::ReserveStock);
    turn_back(&mut saga, &fault("CANCELLED_BY_CALLER"));
    assert_eq!(action(&saga), Action::Undo(Name::ReserveStock));
    assert!(is_turned(&saga) && !is_over(&saga));
    begin(&mut saga, NOW);
    assert_eq!(settle(&mut saga, Outcome::Done, None, NOW), Turn::Over);
    assert_eq!(saga.failure_reason, "CANCELLED_BY_CALLER");
}

#[test]
fn a_capture_that_went_through_turns_forward_again() {
    // Money that is taken is never given back by compensation: the order goes on.
    let mut saga = at(Name::CapturePayment);
    turn_back(&mut saga, &fault("CANCELLED_BY_CALLER"));
    begin(&mut saga, NOW);
    assert_eq!(settle(&mut saga, Outcome::Captured, None, NOW), Turn::Go);
    assert_eq!((saga.state(), action(&saga)), (State::Running, Action::Do(Name::PostInvoice)));
    assert!(is_past_pivot(&saga) && saga.failure_reason.is_empty());
    settle(&mut saga, Outcome::Asked, None, NOW);
    settle(&mut saga, Outcome::Done, None, NOW);
    assert_eq!(settle(&mut saga, Outcome::Done, None, NOW), Turn::Over);
    assert_eq!(saga.state(), State::Succeeded);
}

#[test]
fn failures_wait_longer_and_longer_and_then_a_person_is_asked_once() {
    // A peer that is down must not be hammered, and its return must find the saga still trying.
    let mut saga = at(Name::CapturePayment);
    let mut pauses = Vec::new();
    for attempt in 1..=TRIES + 2 {
        if attempt > 1 {
            begin(&mut saga, NOW);
        }
        match settle(&mut saga, Outcome::Retry(fault("UNAVAILABLE")), None, NOW) {
            Turn::Later(at) => pauses.push((at - NOW).whole_milliseconds()),
            Turn::Stuck(_) => assert_eq!(attempt, TRIES),
            turn => panic!("{turn:?}"),
        }
    }
    assert_eq!(saga.state(), State::Stuck);
    assert_eq!(saga.failure_reason, "UNAVAILABLE");
    let expected = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 300_000, 300_000];
    for (pause, expected) in pauses.iter().zip(expected) {
        assert!((expected * 3 / 4..=expected * 5 / 4).contains(pause), "{pauses:?}");
    }
    retry(&mut saga);
    assert_eq!((saga.state(), action(&saga)), (State::Running, Action::Do(Name::CapturePayment)));
    begin(&mut saga, NOW);
    assert_eq!(settle(&mut saga, Outcome::Done, None, NOW), Turn::Go);
    assert!(saga.failure_reason.is_empty());
}

#[test]
fn a_refusal_past_the_pivot_needs_a_person_at_once() {
    // The order is paid: what is refused now can only be mended, not undone.
    let mut saga = at(Name::PostInvoice);
    assert!(matches!(settle(&mut saga, Outcome::Refused(fault("X")), None, NOW), Turn::Stuck(_)));
    assert_eq!(action(&saga), Action::Do(Name::PostInvoice));
    let mut saga = start("o", Kind::CancelOrder);
    begin(&mut saga, NOW);
    assert!(matches!(settle(&mut saga, Outcome::Refused(fault("X")), None, NOW), Turn::Stuck(_)));
}

#[test]
fn a_saga_stuck_on_its_way_back_keeps_why_it_turned() {
    // The customer is told why the order failed, not why the release of the goods was slow.
    let mut saga = at(Name::AuthorizePayment);
    settle(&mut saga, Outcome::Refused(fault("PAYMENT_DECLINED")), None, NOW);
    assert!(matches!(settle(&mut saga, Outcome::Refused(fault("X")), None, NOW), Turn::Stuck(_)));
    assert!(is_turned(&saga));
    retry(&mut saga);
    assert_eq!((saga.state(), saga.failure_reason.as_str()), (State::Compensating, "PAYMENT_DECLINED"));
}

#[test]
fn attempts_are_bounded_and_those_cut_off_show() {
    // A row must not grow without end, and a try that a crash cut off must be seen as one.
    let mut saga = at(Name::ReserveStock);
    begin(&mut saga, NOW);
    for _ in 0..ATTEMPTS_KEPT {
        settle(&mut saga, Outcome::Retry(fault("UNAVAILABLE")), None, NOW);
        begin(&mut saga, NOW);
    }
    let step = &saga.steps[1];
    assert_eq!((step.attempts.len(), step.attempt_count), (ATTEMPTS_KEPT, 22));
    assert_eq!(step.attempts.last().map(|attempt| attempt.number), Some(22));
    let mut saga = at(Name::ReserveStock);
    begin(&mut saga, NOW);
    settle(&mut saga, Outcome::Done, None, NOW);
    let ends: Vec<_> = saga.steps[1].attempts.iter().map(|attempt| attempt.end_time.is_some()).collect();
    assert_eq!(ends, [false, true]);
}

/// What the other services hold for an order, and how often it was told.
#[derive(Debug, Default)]
struct World {
    effects: BTreeMap<i32, bool>,
    undone: BTreeMap<i32, u32>,
    captures_told: u32,
}

/// What happens at one moment, drawn at random.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Well,
    /// Done there, but the answer was lost.
    Lost,
    /// Not done, may be later.
    Down,
    Refused,
    /// Somebody calls it off while the step is under way, and the answer counts for nothing.
    CalledOff,
    Retried,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let one = prop_oneof![
        6 => Just(Fate::Well),
        2 => Just(Fate::Lost),
        2 => Just(Fate::Down),
        1 => Just(Fate::Refused),
        1 => Just(Fate::CalledOff),
        1 => Just(Fate::Retried),
    ];
    prop::collection::vec(one, 0..60)
}

impl World {
    fn has(&self, name: Name) -> bool {
        self.effects.get(&i32::from(name)).copied().unwrap_or(false)
    }

    fn set(&mut self, name: Name, there: bool) {
        self.effects.insert(name.into(), there);
    }

    /// What the other services do and answer. Every request is idempotent, as they promise.
    fn answer(&mut self, saga: &Saga, fate: Fate) -> Option<Outcome> {
        match (action(saga), fate) {
            (_, Fate::Down) => Some(Outcome::Retry(fault("UNAVAILABLE"))),
            (_, Fate::Retried) => None,
            (Action::Do(name), Fate::Refused) if !self.has(name) => Some(Outcome::Refused(fault("NO"))),
            (Action::Do(name), fate) => {
                let first_ask = name == Name::PostInvoice && !self.has(name);
                self.set(name, true);
                match fate {
                    Fate::Lost => Some(Outcome::Retry(fault("UNAVAILABLE"))),
                    Fate::CalledOff => None,
                    _ if first_ask => Some(Outcome::Asked),
                    _ => Some(Outcome::Done),
                }
            }
            (Action::Undo(Name::CapturePayment), _) if self.has(Name::CapturePayment) => {
                Some(Outcome::Captured)
            }
            (Action::Undo(name), fate) => {
                self.set(name, false);
                if name == Name::ConfirmReservation {
                    self.set(Name::ReserveStock, false);
                }
                let lost = matches!(fate, Fate::Lost | Fate::CalledOff);
                Some(if lost { Outcome::Retry(fault("UNAVAILABLE")) } else { Outcome::Done })
            }
            (Action::Wait, _) => Some(Outcome::Done),
            (Action::Nothing, _) => None,
        }
    }

    /// One moment of a saga. True when it is over.
    fn step(&mut self, saga: &mut Saga, fate: Fate) -> bool {
        let before = action(saga);
        assert!(
            !(is_past_pivot(saga) && matches!(before, Action::Undo(_))),
            "undoes {before:?} although the money is taken"
        );
        let answer = self.answer(saga, fate);
        match fate {
            Fate::CalledOff if !is_turned(saga) && !is_past_pivot(saga) => {
                turn_back(saga, &fault("CALLED_OFF"))
            }
            Fate::Retried => retry(saga),
            _ => {}
        }
        let Some(outcome) = answer else {
            begin(saga, NOW);
            return false;
        };
        let told = matches!(outcome, Outcome::Done | Outcome::Captured);
        let captured = matches!(
            (before, &outcome),
            (Action::Do(Name::CapturePayment), Outcome::Done) | (_, Outcome::Captured)
        );
        self.captures_told += u32::from(captured);
        if let (Action::Undo(name), true, false) = (before, told, captured) {
            *self.undone.entry(name.into()).or_default() += 1;
        }
        match settle(saga, outcome, None, NOW) {
            Turn::Over => true,
            Turn::Go => false,
            _ => {
                if action(saga) != Action::Wait {
                    begin(saga, NOW);
                }
                false
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_an_order_ends_whole(fates in fates()) {
        // Lost answers, outages, refusals, people who call it off: in the end everything is done or nothing is.
        let (mut saga, mut world) = (place_order(), World::default());
        let luck = std::iter::repeat_n(Fate::Well, 40);
        let over = fates.into_iter().chain(luck).any(|fate| world.step(&mut saga, fate));
        prop_assert!(over && is_over(&saga), "does not end: {:?}", saga);
        prop_assert!(world.captures_told <= 1);
        let is_done = |name| step(&saga, name).is_some_and(|step| step.state() == StepState::Done);
        if saga.state() == State::Succeeded {
            prop_assert!(saga.steps.iter().all(|step| step.state() == StepState::Done && world.has(step.name())));
            prop_assert_eq!(world.captures_told, 1);
            prop_assert!(world.undone.is_empty(), "undid and went on: {:?}", world);
        } else {
            for name in [Name::ReserveStock, Name::AuthorizePayment, Name::CapturePayment] {
                prop_assert!(!world.has(name), "{name:?} is left behind: {:?}", world);
                prop_assert!(!is_done(name));
            }
            prop_assert!(world.undone.values().all(|times| *times == 1), "{:?}", world);
            prop_assert!(!saga.failure_reason.is_empty());
        }
        prop_assert!(saga.steps.iter().all(|step| step.attempts.len() <= ATTEMPTS_KEPT));
    }
}
