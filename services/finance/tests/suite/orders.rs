//! What becomes of orders in the books, in whatever order their events arrive.

use crate::world::{
    assert_gapless, balance, cancelled, captured, cents, euros, id, invoices, payments, tell, tell_of,
    trial_balance,
};
use contracts::finance::v1::ledger_account_service_client::LedgerAccountServiceClient;
use contracts::finance::v1::{InvoiceKind, InvoiceState, ListLedgerAccountsRequest, PaymentDirection};
use contracts::inventory::v1::{ReservationConsumed, ReservationReturned, StockMoveKind, StockMoved};
use futures::future::join_all;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use testkit::{Mesh, Party, eventually};

async fn wait_for_invoices(party: &Party, count: usize) {
    eventually("the invoices", || async { (invoices(party, "").await.len() == count).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_order_is_billed_and_paid() {
    // Revenue and freight stand in their accounts, nothing is owed, the money is at the payment provider.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let order = captured(&id(), &id(), &[126_579, 329], 6_494);
    for _ in 0..3 {
        // Three events of their own, such as a producer that was restored from a backup writes.
        tell(&mesh, acme.tenant_id(), order.clone()).await;
    }
    mesh.at_rest().await;
    let filter = format!("order_id = \"{}\"", order.order_id);
    let billed = invoices(&acme, &filter).await;
    assert_eq!(billed.len(), 1);
    assert_eq!((billed[0].state(), cents(billed[0].residual.as_ref())), (InvoiceState::Paid, 0));
    assert_eq!(billed[0].lines.len(), 3);
    assert!(billed[0].number.starts_with("INV-"), "{}", billed[0].number);
    let trial = trial_balance(&acme).await;
    let codes = ["4000", "4100", "1100", "1040", "2400"];
    assert_eq!(codes.map(|code| balance(&trial, code)), [-126_908, -6_494, 0, 133_402, 0]);
    // Another tenant sees none of it.
    let other = mesh.sign_up("other").await;
    assert!(invoices(&other, "").await.is_empty());
    assert!(trial_balance(&other).await.rows.is_empty());
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancellation_undoes_an_order_in_any_order_of_arrival() {
    // Whether it comes before, after, twice or without a capture: what is left in the books is nothing, or the
    // invoices of the orders that stand.
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let (mut standing, mut undone, mut never) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..30 {
        let order = captured(&id(), &id(), &[1_000 + number, 50], if number % 2 == 0 { 0 } else { 99 });
        [&mut standing, &mut undone, &mut never][random.random_range(0..3)].push(order);
    }
    let mut captures: Vec<_> = standing.iter().chain(&undone).cloned().collect();
    captures.extend(undone.clone());
    let mut cancels: Vec<_> = undone.iter().chain(&never).map(cancelled).collect();
    cancels.extend(undone.iter().map(cancelled));
    captures.shuffle(&mut random);
    cancels.shuffle(&mut random);
    while !captures.is_empty() || !cancels.is_empty() {
        if random.random_bool(0.5) {
            if let Some(event) = captures.pop() {
                tell(&mesh, acme.tenant_id(), event).await;
            }
        } else if let Some(event) = cancels.pop() {
            tell(&mesh, acme.tenant_id(), event).await;
        }
    }
    mesh.at_rest().await;
    let all = invoices(&acme, "").await;
    assert_eq!(all.len(), standing.len() + 2 * undone.len(), "seed {seed}");
    assert_gapless(&all, InvoiceKind::Invoice);
    assert_gapless(&all, InvoiceKind::CreditNote);
    assert_eq!(all.iter().filter(|one| one.state() == InvoiceState::Cancelled).count(), undone.len());
    let trial = trial_balance(&acme).await;
    let sum = |orders: &[contracts::orders::v1::OrderCaptured]| -> i64 {
        orders.iter().map(|order| cents(order.total.as_ref())).sum()
    };
    assert_eq!(balance(&trial, "1040"), sum(&standing), "seed {seed}");
    assert_eq!([balance(&trial, "1100"), balance(&trial, "2400")], [0, 0]);
    let freight: i64 = standing.iter().map(|order| cents(order.freight.as_ref())).sum();
    assert_eq!(balance(&trial, "4100"), -freight);
    assert_eq!(balance(&trial, "4000") + balance(&trial, "4900"), -(sum(&standing) - freight));
    let paid_back =
        payments(&acme).await.into_iter().filter(|one| one.direction() == PaymentDirection::Outbound);
    assert_eq!(paid_back.count(), undone.len());
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_and_its_account_agree() {
    // What came in less what was sold is the worth of the inventory, and each event counts once.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let moved = |kind: StockMoveKind, minor: i64, source: &str| StockMoved {
        stock_move_id: id(),
        product_id: id(),
        kind: kind.into(),
        value: euros(minor),
        source_type: source.to_owned(),
        ..StockMoved::default()
    };
    let receipt = moved(StockMoveKind::Receipt, 10_000, "manual");
    let mut events = vec![
        receipt.clone(),
        receipt,
        moved(StockMoveKind::Receipt, 5_000, "opening_stock"),
        moved(StockMoveKind::Adjustment, -300, "manual"),
        moved(StockMoveKind::Issue, -2_000, "reservation"),
        moved(StockMoveKind::TransferIn, 700, "manual"),
    ];
    events.push(moved(StockMoveKind::Adjustment, 0, "manual"));
    for event in events {
        tell(&mesh, acme.tenant_id(), event).await;
    }
    let (sold, returned) = (id(), id());
    for reservation_id in [&sold, &sold, &returned] {
        let costs = vec![euros(2_000).unwrap()];
        let event = ReservationConsumed {
            reservation_id: reservation_id.clone(),
            source_id: id(),
            costs,
            ..ReservationConsumed::default()
        };
        tell(&mesh, acme.tenant_id(), event).await;
    }
    let costs = vec![euros(2_000).unwrap()];
    let event =
        ReservationReturned { reservation_id: returned, source_id: id(), costs, ..Default::default() };
    tell(&mesh, acme.tenant_id(), event).await;
    let codes = ["1200", "2050", "3000", "5010", "5000"];
    let expected = [12_700, -10_000, -5_000, 300, 2_000];
    let count = 6;
    eventually("the postings", || async {
        let trial = trial_balance(&acme).await;
        (trial.entry_count >= count && codes.map(|code| balance(&trial, code)) == expected).then_some(())
    })
    .await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_is_there_before_anybody_asks() {
    // A new tenant gets the default chart by itself, once, also when many orders arrive before its news.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let told = (0..20).map(|_| tell(&mesh, acme.tenant_id(), captured(&id(), &id(), &[100], 0)));
    join_all(told).await;
    wait_for_invoices(&acme, 20).await;
    let mut chart = acme.client(LedgerAccountServiceClient::new);
    let request = ListLedgerAccountsRequest { page_size: 100, ..ListLedgerAccountsRequest::default() };
    let accounts = chart.list_ledger_accounts(request).await.unwrap().into_inner().ledger_accounts;
    assert_eq!(accounts.len(), 19);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_billed_together_are_told_of_apart() {
    // Every event and audit row names the request that its own order came from, whichever orders shared a transaction.
    // One that cannot be billed, since its payment is another order's, fails alone and leaves no gap.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut orders: Vec<_> = (0..40).map(|_| captured(&id(), &id(), &[100], 0)).collect();
    orders[39].payment_intent_id = orders[0].payment_intent_id.clone();
    let told = orders.iter().map(|order| tell_of(&mesh, acme.tenant_id(), order.clone(), &order.order_id));
    join_all(told).await;
    mesh.at_rest().await;
    let billed = invoices(&acme, "").await;
    assert_eq!(billed.len(), 39);
    assert_gapless(&billed, InvoiceKind::Invoice);
    let mut database = mesh.look_into("finance").await;
    for invoice in billed {
        let events: Vec<String> = sqlx::query_scalar(
            "select distinct convert_from(payload, 'UTF8')::jsonb #>> '{metadata,correlationId}' from tessera.outbox
             where event_type in ('invoice.posted', 'invoice.paid') and key like '%:' || $1",
        )
        .bind(&invoice.order_id)
        .fetch_all(&mut database)
        .await
        .unwrap();
        assert_eq!(events, [invoice.order_id.clone().unwrap()]);
        let rows: Vec<(String, String)> = sqlx::query_as(
            "select correlation_id, method from tessera.audit_log where entity_id = $1::text::uuid",
        )
        .bind(&invoice.id)
        .fetch_all(&mut database)
        .await
        .unwrap();
        assert_eq!(rows, [(invoice.order_id.clone().unwrap(), "event:order.captured".to_owned())]);
    }
    let shared: i64 = sqlx::query_scalar("select count(*) - count(distinct xmin::text) from invoices")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert!(shared > 0, "no two orders were billed in one transaction");
    mesh.stop().await;
}
