//! The saga under failure: the whole mesh is a process that is killed with SIGKILL, hundreds of times, before
//! and after every step's call and commit; and at the end goods, money and ledger agree to the cent.
//!
//! `TESSERA_SEED` repeats a run's choices, `TESSERA_CHAOS_RUNS` makes it longer or shorter.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod accounts;
mod plan;
mod process;
mod shop;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::plan::Plan;
use crate::process::{Ground, Life};
use crate::shop::Shop;

const RUNS: usize = 220;
/// How long a process may live that its plan does not kill.
const LIFE_MAX: Duration = Duration::from_secs(4);

#[test]
#[ignore = "this is the process that the other test starts and kills"]
fn mesh() {
    process::serve();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_every_order_ends_whole() {
    // Per completed order one capture, one invoice, its goods gone; per other order nothing; the ledger balances.
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("TESSERA_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    let runs = number("TESSERA_CHAOS_RUNS").map_or(RUNS, |runs| usize::try_from(runs).unwrap());
    println!("TESSERA_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let ground = Ground::prepare().await;
    let mut shop = Shop::open(&ground.start(None).await).await;
    let begun = Instant::now();
    let (mut planned, mut outside) = (0, 0);
    let plans = Plan::deck(runs, &mut rng);
    for plan in &plans {
        let mut life = ground.start(Some(plan)).await;
        shop.move_to(&life).await;
        live(&mut shop, &mut life, plan, &mut rng).await;
        match life.was_killed() {
            true => planned += 1,
            false => outside += 1,
        }
        life.kill();
    }
    println!("{planned} processes killed as planned, {outside} from outside, in {:?}", begun.elapsed());
    let life = ground.start(None).await;
    shop.move_to(&life).await;
    shop.settle().await;
    println!("settled after {:?}", begun.elapsed());
    accounts::check(&shop, &ground).await;
    assert!(planned * 3 >= runs * 2, "most plans must come off: {planned} of {runs}, seed {seed}");
}

/// One life of the mesh: a few orders, perhaps a cancellation, until it is killed or nothing is left to do.
async fn live(shop: &mut Shop, life: &mut Life, plan: &Plan, rng: &mut StdRng) {
    shop.order_some(rng).await;
    if plan.is_of_cancellation() {
        shop.cancel_a_complete_one(rng).await;
    } else if rng.random_bool(0.3) {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..80))).await;
        shop.cancel_a_new_one(rng).await;
    }
    let begun = Instant::now();
    while begun.elapsed() < LIFE_MAX && !life.was_killed() {
        if shop.is_quiet().await {
            // What is told by events may still come.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
