//! Kills the process at a chosen place of a saga, for the tests of what happens then.
//!
//! `TESSERA_CRASH=orders:RESERVE_STOCK:before-commit:7` kills it at the seventh time that a saga is there. Unset,
//! as it is wherever nobody tests, nothing happens.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use contracts::orders::v1::SagaStepName as Name;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Where in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The peer was not asked yet.
    BeforeCall,
    /// The peer has answered; nothing is written.
    AfterCall,
    /// All is settled, and nothing is committed.
    BeforeCommit,
    /// Committed.
    AfterCommit,
}

struct Plan {
    step: Name,
    place: Place,
    left: AtomicU32,
}

fn plan() -> Option<&'static Plan> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    PLAN.get_or_init(|| parse(&std::env::var("TESSERA_CRASH").ok()?)).as_ref()
}

fn parse(text: &str) -> Option<Plan> {
    let mut parts = text.strip_prefix("orders:")?.split(':');
    let step = Name::from_str_name(&format!("SAGA_STEP_NAME_{}", parts.next()?))?;
    let place = match parts.next()? {
        "before-call" => Place::BeforeCall,
        "after-call" => Place::AfterCall,
        "before-commit" => Place::BeforeCommit,
        "after-commit" => Place::AfterCommit,
        _ => return None,
    };
    Some(Plan { step, place, left: AtomicU32::new(parts.next()?.parse().ok()?) })
}

/// Whether a crash is planned.
pub fn is_planned() -> bool {
    plan().is_some()
}

/// Dies here if that is the plan.
pub fn point(step: Name, place: Place) {
    let Some(plan) = plan() else { return };
    if plan.step == step && plan.place == place && plan.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        // As a power cut would: no destructor runs and nothing is flushed.
        let _ = kill(Pid::this(), Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_step_place_and_time() {
        // A misread plan would make the test of crashes a test of nothing.
        let plan = parse("orders:RESERVE_STOCK:before-commit:7").unwrap();
        assert_eq!((plan.step, plan.place), (Name::ReserveStock, Place::BeforeCommit));
        assert_eq!(plan.left.into_inner(), 7);
        for wrong in
            ["", "inventory:RESERVE_STOCK:before-commit:7", "orders:X:before-commit:7", "orders:NOTIFY:x:1"]
        {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
