//! A mesh with finance, events as the other services write them, and a look at the books.

use contracts::finance::v1::invoice_service_client::InvoiceServiceClient;
use contracts::finance::v1::payment_entry_service_client::PaymentEntryServiceClient;
use contracts::finance::v1::report_service_client::ReportServiceClient;
use contracts::finance::v1::{
    GetTrialBalanceRequest, Invoice, InvoiceKind, ListInvoicesRequest, ListPaymentEntriesRequest,
    PaymentEntry, TrialBalance,
};
use contracts::google::r#type::Money as WireMoney;
use contracts::orders::v1::{OrderCancelled, OrderCaptured, OrderLine};
use kit::{Currency, IdSource as _, Money, UuidV7};
use store::{Caller, Cx, Event, Meta};
use testkit::{Mesh, Party};

/// A new UUID.
pub fn id() -> String {
    UuidV7.new_id().to_string()
}

/// An amount of euros.
pub fn euros(minor: i64) -> Option<WireMoney> {
    Some(Money::new(minor, Currency::parse("EUR", "c").unwrap()).into())
}

/// Cents of an amount.
pub fn cents(money: Option<&WireMoney>) -> i64 {
    money.map_or(0, |money| money.to_money("amount").unwrap().minor)
}

/// Lets another service tell something, through an outbox, the relay and the log.
pub async fn tell<E: Event>(mesh: &Mesh, tenant: &str, event: E) {
    tell_of(mesh, tenant, event, "").await;
}

/// The same, set off by the request with this correlation id.
pub async fn tell_of<E: Event>(mesh: &Mesh, tenant: &str, event: E, correlation_id: &str) {
    let caller = Caller::service("orders", Some(kit::Uuid::parse_str(tenant).unwrap()));
    let meta = Meta { correlation_id: correlation_id.to_owned(), ..Meta::default() };
    let mut cx = Cx::new(mesh.env("finance").clone(), caller, meta);
    cx.emit(event).unwrap();
    cx.checkpoint().await.unwrap();
}

/// An order of these cents a line.
pub fn captured(order_id: &str, account_id: &str, lines: &[i64], freight: i64) -> OrderCaptured {
    let goods: i64 = lines.iter().sum();
    let line = |(number, minor): (usize, &i64)| OrderLine {
        line_number: i32::try_from(number).unwrap() + 1,
        product_id: id(),
        name: format!("Thing {number}"),
        quantity: Some(kit::Decimal::ONE.into()),
        unit_price: euros(*minor),
        net_amount: euros(*minor),
        ..OrderLine::default()
    };
    OrderCaptured {
        order_id: order_id.to_owned(),
        order_number: format!("SO-{}", &order_id[24..]),
        account_id: account_id.to_owned(),
        currency_code: "EUR".to_owned(),
        lines: lines.iter().enumerate().map(line).collect(),
        lines_total: euros(goods),
        freight: euros(freight),
        total: euros(goods + freight),
        payment_intent_id: id(),
        ..OrderCaptured::default()
    }
}

/// The cancellation of such an order.
pub fn cancelled(order: &OrderCaptured) -> OrderCancelled {
    OrderCancelled {
        order_id: order.order_id.clone(),
        order_number: order.order_number.clone(),
        account_id: order.account_id.clone(),
        payment_captured: true,
        total: order.total.clone(),
        payment_intent_id: Some(order.payment_intent_id.clone()),
        ..OrderCancelled::default()
    }
}

/// All that was posted.
pub async fn trial_balance(party: &Party) -> TrialBalance {
    let mut reports = party.client(ReportServiceClient::new);
    let balance = reports.get_trial_balance(GetTrialBalanceRequest::default()).await.unwrap().into_inner();
    assert_eq!(cents(balance.difference.as_ref()), 0, "{balance:?}");
    assert_eq!(cents(balance.debit_total.as_ref()), cents(balance.credit_total.as_ref()));
    balance
}

/// Debits less credits of an account.
pub fn balance(trial: &TrialBalance, code: &str) -> i64 {
    let row = trial.rows.iter().find(|row| row.account_code == code);
    row.map_or(0, |row| cents(row.balance.as_ref()))
}

/// Up to 1,000 invoices and credit notes that match a filter.
pub async fn invoices(party: &Party, filter: &str) -> Vec<Invoice> {
    let request =
        ListInvoicesRequest { page_size: 1_000, filter: filter.to_owned(), ..ListInvoicesRequest::default() };
    let mut client = party.client(InvoiceServiceClient::new);
    client.list_invoices(request).await.unwrap().into_inner().invoices
}

/// Up to 1,000 payments.
pub async fn payments(party: &Party) -> Vec<PaymentEntry> {
    let request = ListPaymentEntriesRequest { page_size: 1_000, ..ListPaymentEntriesRequest::default() };
    let mut client = party.client(PaymentEntryServiceClient::new);
    client.list_payment_entries(request).await.unwrap().into_inner().payment_entries
}

/// The numbers of a kind have no gap and no double.
pub fn assert_gapless(invoices: &[Invoice], kind: InvoiceKind) {
    let mut numbers: Vec<i64> = invoices
        .iter()
        .filter(|invoice| invoice.kind() == kind)
        .map(|invoice| invoice.number.rsplit('-').next().unwrap().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    let expected: Vec<i64> = (1..=i64::try_from(numbers.len()).unwrap()).collect();
    assert_eq!(numbers, expected);
}
