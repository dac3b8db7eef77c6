//! Where processes die.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

const PLACES: [&str; 4] = ["before-call", "after-call", "before-commit", "after-commit"];
const FORWARD: [&str; 5] =
    ["LOCK_PRICES", "RESERVE_STOCK", "AUTHORIZE_PAYMENT", "CONFIRM_RESERVATION", "CAPTURE_PAYMENT"];
const BACK: [&str; 2] = ["REFUND_PAYMENT", "RETURN_STOCK"];

/// Where a process dies, and the how manieth time that a saga is there.
#[derive(Debug, Clone)]
pub struct Plan {
    step: &'static str,
    place: &'static str,
    time: u32,
}

impl Plan {
    /// Plans for this many lives, every place as often as every other, in any order.
    pub fn deck(lives: usize, rng: &mut StdRng) -> Vec<Self> {
        let mut places = vec![("POST_INVOICE", "before-commit"), ("POST_CREDIT_NOTE", "before-commit")];
        for place in PLACES {
            places.extend(FORWARD.into_iter().chain(BACK).map(|step| (step, place)));
        }
        let mut deck: Vec<Self> = places
            .into_iter()
            .cycle()
            .take(lives)
            .map(|(step, place)| {
                let once = BACK.contains(&step) || step == "POST_CREDIT_NOTE";
                Self { step, place, time: if once { 1 } else { rng.random_range(1..=3) } }
            })
            .collect();
        deck.shuffle(rng);
        deck
    }

    /// Whether somebody must cancel a complete order for it.
    pub fn is_of_cancellation(&self) -> bool {
        BACK.contains(&self.step) || self.step == "POST_CREDIT_NOTE"
    }

    /// As `TESSERA_CRASH` has it.
    pub fn to_text(&self) -> String {
        format!("orders:{}:{}:{}", self.step, self.place, self.time)
    }
}
