//! Goods, money and ledger, counted after everything has come to its end.

use std::collections::BTreeMap;

use contracts::finance::v1::invoice_service_client::InvoiceServiceClient;
use contracts::finance::v1::report_service_client::ReportServiceClient;
use contracts::finance::v1::{
    GetTrialBalanceRequest, Invoice, InvoiceKind, InvoiceState, ListInvoicesRequest,
};
use contracts::google::r#type as wire;
use contracts::inventory::v1::reservation_service_client::ReservationServiceClient;
use contracts::inventory::v1::stock_level_service_client::StockLevelServiceClient;
use contracts::inventory::v1::{
    ListReservationsRequest, ListStockLevelsRequest, Reservation, ReservationState,
};
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::saga_service_client::SagaServiceClient;
use contracts::orders::v1::{ListOrdersRequest, ListSagasRequest, Order, OrderState, SagaState};
use contracts::payments::v1::payment_intent_service_client::PaymentIntentServiceClient;
use contracts::payments::v1::{
    ListPaymentIntentsRequest, PaymentIntent, PaymentIntentState, PaymentTransactionKind as Kind,
};
use kit::Decimal;

use crate::process::Ground;
use crate::shop::Shop;

/// What all services have of the orders, by the order's id.
struct Books {
    orders: Vec<Order>,
    intents: BTreeMap<String, Vec<PaymentIntent>>,
    reservations: BTreeMap<String, Vec<Reservation>>,
    invoices: BTreeMap<String, Vec<Invoice>>,
}

/// All pages of a list.
macro_rules! all {
    ($shop:expr, $client:ident, $list:ident, $request:ident, $field:ident) => {{
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = $request { page_size: 1_000, page_token, ..$request::default() };
            let page = $shop.client($client::with_interceptor).$list(request).await.unwrap().into_inner();
            all.extend(page.$field);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break all;
            }
        }
    }};
}

/// Fails unless everything agrees.
pub async fn check(shop: &Shop, ground: &Ground) {
    // Goods leave by an event after the order is complete.
    testkit::eventually("the goods to leave", || async {
        let all: Vec<Reservation> =
            all!(shop, ReservationServiceClient, list_reservations, ListReservationsRequest, reservations);
        let waits =
            |one: &Reservation| matches!(one.state(), ReservationState::Held | ReservationState::Confirmed);
        (!all.iter().any(waits)).then_some(())
    })
    .await;
    let books = Books::read(shop).await;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for order in &books.orders {
        *counts.entry(order.state().as_str_name()).or_default() += 1;
        books.check(order);
    }
    println!("{counts:?}");
    check_wishes(shop, &books.orders);
    check_sagas(shop).await;
    check_stock(shop, &books.orders).await;
    check_numbers(&books);
    let revenue = books.orders.iter().filter(|order| order.state() == OrderState::Completed);
    let revenue: i64 = revenue.map(|order| cents(order.total.as_ref())).sum();
    check_ledger(shop, revenue).await;
    check_provider(ground, revenue).await;
}

impl Books {
    async fn read(shop: &Shop) -> Self {
        let mut books = Self {
            orders: all!(shop, OrderServiceClient, list_orders, ListOrdersRequest, orders),
            intents: BTreeMap::new(),
            reservations: BTreeMap::new(),
            invoices: BTreeMap::new(),
        };
        let intents = all!(
            shop,
            PaymentIntentServiceClient,
            list_payment_intents,
            ListPaymentIntentsRequest,
            payment_intents
        );
        for one in intents {
            books.intents.entry(one.source_id.clone()).or_default().push(one);
        }
        for one in
            all!(shop, ReservationServiceClient, list_reservations, ListReservationsRequest, reservations)
        {
            books.reservations.entry(one.source_id.clone()).or_default().push(one);
        }
        for one in all!(shop, InvoiceServiceClient, list_invoices, ListInvoicesRequest, invoices) {
            books.invoices.entry(one.order_id.clone().unwrap_or_default()).or_default().push(one);
        }
        books
    }

    fn check(&self, order: &Order) {
        let intents = self.intents.get(&order.id).map_or(&[][..], Vec::as_slice);
        let reservations = self.reservations.get(&order.id).map_or(&[][..], Vec::as_slice);
        let invoices = self.invoices.get(&order.id).map_or(&[][..], Vec::as_slice);
        let story = || format!("{order:#?}\n{intents:#?}\n{reservations:#?}\n{invoices:#?}");
        assert!(intents.len() <= 1 && reservations.len() <= 1 && invoices.len() <= 2, "{}", story());
        let total = cents(order.total.as_ref());
        let sum = |kind| intents.iter().map(|intent| done(intent, kind)).sum::<i64>();
        let (captured, refunded) = (sum(Kind::Capture), sum(Kind::Refund));
        let kinds: Vec<InvoiceKind> = invoices.iter().map(Invoice::kind).collect();
        let paid = order.invoice_id.is_some();
        match order.state() {
            OrderState::Completed => {
                assert_eq!((captured, refunded), (total, 0), "{}", story());
                assert_eq!(intents[0].state(), PaymentIntentState::Captured, "{}", story());
                assert_eq!(reservations[0].state(), ReservationState::Consumed, "{}", story());
                assert_eq!(kinds, [InvoiceKind::Invoice], "{}", story());
                assert_eq!(invoices[0].state(), InvoiceState::Paid, "{}", story());
                assert_eq!(cents(invoices[0].total.as_ref()), total, "{}", story());
                assert_eq!(order.invoice_number.as_ref(), Some(&invoices[0].number), "{}", story());
            }
            OrderState::Cancelled if paid => {
                assert_eq!((captured, refunded), (total, total), "{}", story());
                assert_eq!(intents[0].state(), PaymentIntentState::Refunded, "{}", story());
                use ReservationState::{Released, Returned};
                assert!(matches!(reservations[0].state(), Released | Returned), "{}", story());
                assert_eq!(invoices.len(), 2, "{}", story());
                assert!(kinds.contains(&InvoiceKind::Invoice) && kinds.contains(&InvoiceKind::CreditNote));
                assert!(invoices.iter().all(|one| cents(one.total.as_ref()) == total), "{}", story());
            }
            OrderState::Cancelled | OrderState::Failed => {
                assert_eq!((captured, refunded), (0, 0), "{}", story());
                use PaymentIntentState::{Failed, Voided};
                assert!(intents.iter().all(|one| matches!(one.state(), Failed | Voided)), "{}", story());
                let free = |one: &Reservation| one.state() == ReservationState::Released;
                assert!(reservations.iter().all(free), "{}", story());
                assert!(invoices.is_empty(), "{}", story());
            }
            state => panic!("{state:?}: {}", story()),
        }
    }
}

/// Every wish was taken once, and what was said to be cancelled is.
fn check_wishes(shop: &Shop, orders: &[Order]) {
    assert_eq!(orders.len(), shop.wishes.len());
    for (reference, wish) in &shop.wishes {
        let order = orders.iter().find(|order| order.external_reference.as_ref() == Some(reference)).unwrap();
        assert_eq!(wish.id.as_ref(), Some(&order.id));
        assert!(!wish.is_cancelled || order.state() == OrderState::Cancelled, "{order:?}");
    }
}

async fn check_sagas(shop: &Shop) {
    let sagas = all!(shop, SagaServiceClient, list_sagas, ListSagasRequest, sagas);
    for saga in &sagas {
        assert!(matches!(saga.state(), SagaState::Succeeded | SagaState::Compensated), "{saga:?}");
    }
    let attempts = sagas.iter().flat_map(|saga| &saga.steps).flat_map(|step| &step.attempts);
    let cut_off = attempts.filter(|attempt| attempt.end_time.is_none()).count();
    println!("{} sagas, {cut_off} attempts cut off", sagas.len());
}

/// What lies there is what was there less what was sold.
async fn check_stock(shop: &Shop, orders: &[Order]) {
    let levels = all!(shop, StockLevelServiceClient, list_stock_levels, ListStockLevelsRequest, stock_levels);
    for (product, opening) in &shop.products {
        let complete = orders.iter().filter(|order| order.state() == OrderState::Completed);
        let lines = complete.flat_map(|order| &order.lines).filter(|line| line.product_id == *product);
        let sold: Decimal = lines.map(|line| decimal(line.quantity.as_ref())).sum();
        let level = levels.iter().find(|level| level.product_id == *product).unwrap();
        assert_eq!(decimal(level.on_hand.as_ref()), Decimal::from(*opening) - sold, "{level:?}");
        assert_eq!(decimal(level.reserved.as_ref()), Decimal::ZERO, "{level:?}");
    }
}

/// Legal numbers have no gap and no double.
fn check_numbers(books: &Books) {
    for kind in [InvoiceKind::Invoice, InvoiceKind::CreditNote] {
        let all = books.invoices.values().flatten().filter(|one| one.kind() == kind);
        let mut numbers: Vec<usize> =
            all.map(|one| one.number.rsplit('-').next().unwrap().parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    }
}

/// Debits are credits, nobody owes anything, and the money at the provider is what was sold.
async fn check_ledger(shop: &Shop, revenue: i64) {
    let mut reports = shop.client(ReportServiceClient::with_interceptor);
    let trial = reports.get_trial_balance(GetTrialBalanceRequest::default()).await.unwrap().into_inner();
    assert_eq!(cents(trial.difference.as_ref()), 0, "{trial:?}");
    let balance = |code: &str| {
        trial.rows.iter().find(|row| row.account_code == code).map_or(0, |row| cents(row.balance.as_ref()))
    };
    assert_eq!((balance("1040"), balance("1100")), (revenue, 0), "{trial:?}");
    println!("revenue {}.{:02}", revenue / 100, revenue % 100);
}

/// What the provider itself has taken and paid back: the truth about money.
async fn check_provider(ground: &Ground, revenue: i64) {
    let mut payments = ground.look_into("payments").await;
    let query = sqlx::query_as::<_, (i32, i64, i64)>(
        "select kind, count(*), sum(amount_minor)::bigint from simulator_requests where failure_code = ''
         group by kind",
    );
    let sums = query.fetch_all(&mut payments).await.unwrap();
    let sum = |kind: Kind| sums.iter().find(|row| row.0 == i32::from(kind)).map_or(0, |row| row.2);
    assert_eq!(sum(Kind::Capture) - sum(Kind::Refund), revenue, "{sums:?}");
    // Every authorization has become a capture or was given back.
    assert_eq!(sum(Kind::Authorize), sum(Kind::Capture) + sum(Kind::Void), "{sums:?}");
}

fn done(intent: &PaymentIntent, kind: Kind) -> i64 {
    use contracts::payments::v1::PaymentTransactionState::Succeeded;
    let done = intent.transactions.iter().filter(|one| one.kind() == kind && one.state() == Succeeded);
    done.map(|one| cents(one.amount.as_ref())).sum()
}

fn cents(money: Option<&wire::Money>) -> i64 {
    money.map_or(0, |money| money.to_money("amount").unwrap().minor)
}

fn decimal(number: Option<&wire::Decimal>) -> Decimal {
    number.map_or(Decimal::ZERO, |number| number.to_decimal("number").unwrap())
}
