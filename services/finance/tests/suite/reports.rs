//! What a dashboard shows of the books, and the way from its figures to what they are made of.

use contracts::finance::v1::invoice_service_client::InvoiceServiceClient;
use contracts::finance::v1::journal_entry_service_client::JournalEntryServiceClient;
use contracts::finance::v1::payment_entry_service_client::PaymentEntryServiceClient;
use contracts::finance::v1::report_service_client::ReportServiceClient;
use contracts::finance::v1::{
    CreateCreditNoteRequest, GetReceivablesAgeingRequest, GetRevenueRequest, Invoice, InvoiceLine,
    ListJournalEntriesRequest, PaymentAllocation, PaymentDirection, PostInvoiceRequest, ReceivablesAgeing,
    RecordPaymentRequest, Revenue,
};
use contracts::google::r#type as wire;
use contracts::v1::Period;
use kit::{Currency, Date, Duration, Error, Money};
use testkit::{Mesh, Party};

use crate::world::{cents, id, invoices, trial_balance};

fn money(minor: i64, code: &str) -> Option<wire::Money> {
    Some(Money::new(minor, Currency::parse(code, "c").unwrap()).into())
}

struct Books {
    mesh: Mesh,
    acme: Party,
    customer: String,
    today: Date,
}

impl Books {
    async fn open() -> Self {
        let mesh = Mesh::start(vec![finance::service()]).await;
        let acme = mesh.sign_up("acme").await;
        let today = mesh.env("finance").clock().now().date();
        Self { mesh, acme, customer: id(), today }
    }

    /// A day before today, or after it.
    fn day(&self, days: i64) -> Date {
        self.today + Duration::days(days)
    }

    async fn invoice(&self, minor: i64, code: &str, issued: i64, due: i64) -> Invoice {
        let line = InvoiceLine {
            description: "Work".to_owned(),
            amount: money(minor, code),
            ..InvoiceLine::default()
        };
        let request = PostInvoiceRequest {
            account_id: self.customer.clone(),
            lines: vec![line],
            issue_date: Some(self.day(issued).into()),
            due_date: Some(self.day(due).into()),
            ..PostInvoiceRequest::default()
        };
        self.acme.client(InvoiceServiceClient::new).post_invoice(request).await.unwrap().into_inner()
    }

    async fn pay(&self, invoice: &Invoice, minor: i64, paid: i64) {
        let request = RecordPaymentRequest {
            direction: PaymentDirection::Inbound.into(),
            account_id: self.customer.clone(),
            amount: money(minor, "EUR"),
            effective_date: Some(self.day(paid).into()),
            allocations: vec![PaymentAllocation {
                invoice_id: invoice.id.clone(),
                amount: money(minor, "EUR"),
            }],
            ..RecordPaymentRequest::default()
        };
        self.acme.client(PaymentEntryServiceClient::new).record_payment(request).await.unwrap();
    }

    async fn credit(&self, invoice: &Invoice, issued: i64) {
        let request = CreateCreditNoteRequest {
            id: invoice.id.clone(),
            issue_date: Some(self.day(issued).into()),
            ..CreateCreditNoteRequest::default()
        };
        self.acme.client(InvoiceServiceClient::new).create_credit_note(request).await.unwrap();
    }

    async fn ageing(&self, as_of: Option<i64>) -> ReceivablesAgeing {
        let request = GetReceivablesAgeingRequest { as_of: as_of.map(|days| self.day(days).into()) };
        let mut reports = self.acme.client(ReportServiceClient::new);
        reports.get_receivables_ageing(request).await.unwrap().into_inner()
    }

    async fn revenue(&self, from: Date, to: Date, period: Period) -> Result<Revenue, Error> {
        let request = GetRevenueRequest {
            from_date: Some(from.into()),
            to_date: Some(to.into()),
            period: period.into(),
            currency_code: String::new(),
        };
        Ok(self.acme.client(ReportServiceClient::new).get_revenue(request).await?.into_inner())
    }
}

/// The bands of a currency: cents and invoices of each.
fn bands(report: &ReceivablesAgeing, code: &str) -> Vec<(i64, i64)> {
    let found = report.currencies.iter().find(|one| one.currency_code == code);
    let bands =
        found.map(|one| one.bands.iter().map(|band| (cents(band.amount.as_ref()), band.invoice_count)));
    bands.map(Iterator::collect).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn receivables_are_told_by_how_long_they_are_due() {
    // Each edge belongs to one band; paid and credited ones are gone, of others what is left counts.
    let books = Books::open().await;
    for (minor, due) in
        [(1, 5), (2, 0), (4, -1), (8, -30), (16, -31), (32, -60), (64, -61), (128, -90), (256, -91)]
    {
        books.invoice(minor, "EUR", -100, due).await;
    }
    let part = books.invoice(5_000, "EUR", -100, -45).await;
    books.pay(&part, 1_000, -10).await;
    let paid = books.invoice(700, "EUR", -100, -45).await;
    books.pay(&paid, 700, -10).await;
    let credited = books.invoice(900, "EUR", -100, -45).await;
    books.credit(&credited, -5).await;
    books.invoice(300, "USD", -3, 10).await;

    let now = books.ageing(None).await;
    assert_eq!(bands(&now, "EUR"), [(3, 2), (12, 2), (4_048, 3), (192, 2), (256, 1)]);
    assert_eq!(bands(&now, "USD"), [(300, 1), (0, 0), (0, 0), (0, 0), (0, 0)]);
    let euros = &now.currencies[0];
    assert_eq!((cents(euros.total.as_ref()), euros.invoice_count), (4_511, 10));

    // The days of a band find the invoices that it is made of.
    let text = |date: &wire::Date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
    for band in &euros.bands {
        let mut filter = "residual.currency_code = EUR AND residual > 0".to_owned();
        if let Some(from) = &band.from_date {
            filter.push_str(&format!(" AND due_date >= {}", text(from)));
        }
        if let Some(to) = &band.to_date {
            filter.push_str(&format!(" AND due_date <= {}", text(to)));
        }
        let found = invoices(&books.acme, &filter).await;
        let sum: i64 = found.iter().map(|invoice| cents(invoice.residual.as_ref())).sum();
        assert_eq!(
            (sum, found.len()),
            (cents(band.amount.as_ref()), usize::try_from(band.invoice_count).unwrap())
        );
    }
    books.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivables_of_an_earlier_day_are_those_of_that_day() {
    // What was paid or credited since was owed then, and what was not yet billed was not.
    let books = Books::open().await;
    let part = books.invoice(5_050, "EUR", -50, -40).await;
    books.pay(&part, 1_010, -30).await;
    books.pay(&part, 2_020, -10).await;
    let credited = books.invoice(900, "EUR", -50, -40).await;
    books.credit(&credited, -5).await;
    books.invoice(70_000, "EUR", -2, 10).await;
    let total = async |days: i64| -> (i64, i64) {
        let report = books.ageing(Some(days)).await;
        report.currencies.first().map_or((0, 0), |one| (cents(one.total.as_ref()), one.invoice_count))
    };
    assert_eq!(total(-60).await, (0, 0));
    assert_eq!(total(-50).await, (5_950, 2));
    assert_eq!(total(-30).await, (4_940, 2));
    assert_eq!(total(-10).await, (2_920, 2));
    assert_eq!(total(-5).await, (2_020, 1));
    assert_eq!(total(0).await, (72_020, 2));
    // Ten days before they are due nothing is overdue, and forty days behind it is in the third band.
    assert_eq!(bands(&books.ageing(Some(-50)).await, "EUR")[0], (5_950, 2));
    assert_eq!(bands(&books.ageing(Some(-5)).await, "EUR")[2], (2_020, 1));
    books.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_is_what_was_billed_less_what_was_credited() {
    // Each in the period of its own day, also where nothing was billed; the days at the ends are cut.
    let books = Books::open().await;
    let first = books.invoice(10_000, "EUR", -20, -20).await;
    books.invoice(500, "EUR", -1, 30).await;
    books.invoice(70, "EUR", 0, 30).await;
    books.invoice(9, "USD", 0, 30).await;
    books.credit(&first, -1).await;

    let days = books.revenue(books.day(-20), books.today, Period::Day).await.unwrap();
    let codes: Vec<_> = days.currencies.iter().map(|one| one.currency_code.as_str()).collect();
    assert_eq!(codes, ["EUR", "USD"]);
    let euros = &days.currencies[0];
    assert_eq!((euros.periods.len(), cents(euros.total.as_ref())), (21, 570));
    let of = |place: usize| {
        let period = &euros.periods[place];
        (
            cents(period.invoice_total.as_ref()),
            cents(period.credit_total.as_ref()),
            cents(period.total.as_ref()),
        )
    };
    assert_eq!(
        (of(0), of(10), of(19), of(20)),
        ((10_000, 0, 10_000), (0, 0, 0), (500, 10_000, -9_500), (70, 0, 70))
    );
    assert_eq!((euros.periods[19].invoice_count, euros.periods[19].credit_note_count), (1, 1));

    for period in [Period::Week, Period::Month, Period::Unspecified] {
        let report = books.revenue(books.day(-20), books.today, period).await.unwrap();
        let periods = &report.currencies[0].periods;
        assert_eq!(periods[0].from_date, Some(books.day(-20).into()));
        assert_eq!(periods.last().unwrap().to_date, Some(books.today.into()));
        assert_eq!(cents(report.currencies[0].total.as_ref()), 570, "{period:?}");
        assert_eq!(periods.iter().map(|one| cents(one.total.as_ref())).sum::<i64>(), 570);
    }
    let short = books.revenue(books.day(-1), books.today, Period::Month).await.unwrap();
    assert_eq!(cents(short.currencies[0].total.as_ref()), -9_430);

    assert!(books.revenue(books.day(-399), books.today, Period::Day).await.is_ok());
    for (from, to) in [(books.day(-400), books.today), (books.today, books.day(-1))] {
        let refused = books.revenue(from, to, Period::Day).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, "to_date", "{refused}");
    }
    books.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_figure_of_the_trial_balance_opens_its_entries() {
    // Those that post to its account and no others, up to its day, page by page.
    let books = Books::open().await;
    for minor in [100, 200, 300] {
        books.invoice(minor, "EUR", -10, 0).await;
    }
    let paid = books.invoice(400, "EUR", -10, 0).await;
    books.pay(&paid, 400, -5).await;
    let trial = trial_balance(&books.acme).await;
    assert!(trial.rows.len() >= 3);
    for row in &trial.rows {
        let mut journal = books.acme.client(JournalEntryServiceClient::new);
        let mut request = ListJournalEntriesRequest {
            page_size: 2,
            account_code: row.account_code.clone(),
            order_by: "effective_date desc".to_owned(),
            ..ListJournalEntriesRequest::default()
        };
        let (mut balance, mut entries) = (0, 0);
        loop {
            let page = journal.list_journal_entries(request.clone()).await.unwrap().into_inner();
            for entry in &page.journal_entries {
                let lines = entry.lines.iter().filter(|line| line.account_code == row.account_code);
                let sums: Vec<i64> = lines.map(|line| cents(line.amount.as_ref())).collect();
                assert!(!sums.is_empty(), "{entry:?}");
                balance += sums.iter().sum::<i64>();
            }
            entries += page.journal_entries.len();
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(balance, cents(row.balance.as_ref()), "{}", row.account_code);
        assert!(entries > 0);
        let until = books.day(-6);
        request.page_token = String::new();
        request.filter = format!("effective_date <= {until}");
        let page = journal.list_journal_entries(request).await.unwrap().into_inner();
        assert!(page.journal_entries.iter().all(|entry| entry.source_type == "invoice"), "{page:?}");
    }
    let request = ListJournalEntriesRequest { account_code: "9876".to_owned(), ..Default::default() };
    let none = books.acme.client(JournalEntryServiceClient::new).list_journal_entries(request).await.unwrap();
    assert!(none.into_inner().journal_entries.is_empty());
    books.mesh.stop().await;
}
