//! Many at the same time: nothing is sold twice, nothing is lost.

use contracts::inventory::v1::{InventoryReason, Reservation, ReservationState as State};
use futures::future::join_all;
use kit::Decimal;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use testkit::Party;

use crate::world::{Act, act, adjust, check_books, new_id, receive, reserve, start, stock};

const TASKS: u64 = 50;

/// A seed that is printed when the test fails; set TESSERA_SEED to run it again.
fn seed() -> u64 {
    std::env::var("TESSERA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_gets_what_another_has() {
    // Fifty ask at once for more than there is, some for one product in two lines: the sum never exceeds the stock,
    // and who was refused was refused with reason.
    let seed = seed();
    let (mesh, acme) = start().await;
    let products: Vec<String> = (0..3).map(|_| new_id()).collect();
    for product in &products {
        receive(&acme, product, "20", Some(199)).await.unwrap();
    }
    let asked = (0..TASKS).map(|task| {
        let (acme, products) = (acme.clone(), products.clone());
        tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed.wrapping_add(task));
            let one = rng.random_range(0..products.len());
            let other = rng.random_range(0..products.len());
            let (some, more) = (rng.random_range(1..4).to_string(), rng.random_range(1..4).to_string());
            // Line order differs on purpose: locks must not.
            reserve(
                &acme,
                &new_id(),
                &[(&products[one], &some), (&products[other], &more), (&products[one], "1")],
            )
            .await
        })
    });
    let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    let mut promised = vec![Decimal::ZERO; products.len()];
    for reservation in answers.iter().flatten() {
        for line in &reservation.lines {
            let place = products.iter().position(|product| *product == line.product_id).unwrap();
            promised[place] += line.quantity.as_ref().unwrap().to_decimal("q").unwrap();
        }
    }
    for (product, promised) in products.iter().zip(promised) {
        assert!(promised <= 20.into(), "seed {seed}: {promised} of 20 promised");
        assert_eq!(stock(&acme, product).await.1, promised, "seed {seed}");
    }
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(error.is(InventoryReason::StockShort), "seed {seed}: {error}");
    }
    assert!(answers.iter().any(Result::is_ok) && answers.iter().any(Result::is_err), "seed {seed}");
    check_books(&mesh, &format!("seed {seed}")).await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_order_that_asks_ten_times_at_once_holds_its_goods_once() {
    // Retries overlap when a caller is impatient; all must get the same reservation.
    let (mesh, acme) = start().await;
    let (product, source) = (new_id(), new_id());
    receive(&acme, &product, "100", None).await.unwrap();
    let demand = [(product.as_str(), "30")];
    let asked = (0..10).map(|_| reserve(&acme, &source, &demand));
    let ids: Vec<String> = join_all(asked).await.into_iter().map(|answer| answer.unwrap().id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(stock(&acme, &product).await.1, 30.into());
    check_books(&mesh, "after ten at once").await;
    mesh.stop().await;
}

/// One customer: takes something on a random way, with others pulling at the same stock and the same reservations.
async fn wander(acme: Party, products: Vec<String>, seed: u64) -> Vec<Reservation> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut mine = Vec::new();
    for _ in 0..6 {
        let product = &products[rng.random_range(0..products.len())];
        let quantity = format!("{}.{}", rng.random_range(0..3), rng.random_range(1..10));
        match rng.random_range(0..4) {
            0 => {
                let _ = receive(&acme, product, &quantity, Some(rng.random_range(0..500))).await;
            }
            1 => {
                let _ = adjust(&acme, &[(product, &format!("-{quantity}"))]).await;
            }
            _ => {
                let Ok(held) = reserve(&acme, &new_id(), &[(product, &quantity)]).await else { continue };
                let steps = [Act::Confirm, Act::Consume, Act::Return, Act::Release];
                let count = rng.random_range(0..6);
                let picks: Vec<Act> = (0..count).map(|_| steps[rng.random_range(0..4)]).collect();
                // Two of them at once: only one may have its way, and the books must not mind which.
                for pair in picks.chunks(2) {
                    join_all(pair.iter().map(|step| act(&acme, *step, &held.id))).await;
                }
                mine.push(act(&acme, Act::Get, &held.id).await.unwrap());
            }
        }
    }
    mine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_books_are_right_after_any_muddle() {
    // Receipts, counts, promises, deliveries and returns all at once: every level is the sum of its moves and open
    // promises, and all value that came in is there or has left by a move.
    let seed = seed();
    let (mesh, acme) = start().await;
    let products: Vec<String> = (0..4).map(|_| new_id()).collect();
    for product in &products {
        receive(&acme, product, "25", Some(333)).await.unwrap();
    }
    let tasks =
        (0..20).map(|task| tokio::spawn(wander(acme.clone(), products.clone(), seed.wrapping_add(task))));
    let seen: usize = join_all(tasks).await.into_iter().map(|task| task.unwrap().len()).sum();
    assert!(seen > 0, "seed {seed}");
    check_books(&mesh, &format!("seed {seed}")).await;
    let mut database = mesh.look_into("inventory").await;
    let open: i64 = sqlx::query_scalar("select count(*) from reservations where state = $1")
        .bind(i32::from(State::Unspecified))
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(open, 0, "seed {seed}");
    mesh.stop().await;
}
