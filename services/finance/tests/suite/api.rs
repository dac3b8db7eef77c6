//! Journal, invoices and payments over the API.

use crate::world::{assert_gapless, balance, cents, euros, id, invoices, payments, trial_balance};
use contracts::finance::v1::invoice_service_client::InvoiceServiceClient;
use contracts::finance::v1::journal_entry_service_client::JournalEntryServiceClient;
use contracts::finance::v1::ledger_account_service_client::LedgerAccountServiceClient;
use contracts::finance::v1::payment_entry_service_client::PaymentEntryServiceClient;
use contracts::finance::v1::{
    AllocatePaymentRequest, BatchPostJournalEntriesRequest, CreateCreditNoteRequest,
    DeleteLedgerAccountRequest, GetInvoiceRequest, GetJournalEntryRequest, Invoice, InvoiceKind, InvoiceLine,
    InvoiceState, JournalLine, LedgerAccountRole, ListLedgerAccountsRequest, NewJournalEntry,
    PaymentAllocation, PaymentDirection, PostInvoiceRequest, PostJournalEntryRequest, RecordPaymentRequest,
    ReverseJournalEntryRequest,
};
use contracts::google::r#type::Date;
use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testkit::{Mesh, Party, request_id};
use tonic::{Code, Status};

const DAY: Date = Date { year: 2026, month: 5, day: 17 };

fn entry(lines: &[(&str, i64)]) -> NewJournalEntry {
    let line = |(code, minor): &(&str, i64)| JournalLine {
        account_code: (*code).to_owned(),
        amount: euros(*minor),
        ..JournalLine::default()
    };
    NewJournalEntry {
        effective_date: Some(DAY),
        lines: lines.iter().map(line).collect(),
        ..NewJournalEntry::default()
    }
}

fn post(lines: &[(&str, i64)]) -> PostJournalEntryRequest {
    PostJournalEntryRequest { entry: Some(entry(lines)), request_id: String::new() }
}

fn reason(status: &Status) -> String {
    kit::Error::from(status.clone()).reason().to_owned()
}

fn line(minor: i64, role: LedgerAccountRole) -> InvoiceLine {
    let mut line =
        InvoiceLine { description: "Work".to_owned(), amount: euros(minor), ..InvoiceLine::default() };
    line.set_income_role(role);
    line
}

async fn post_invoice(party: &Party, account: &str, minor: i64) -> Invoice {
    let request = PostInvoiceRequest {
        account_id: account.to_owned(),
        lines: vec![line(minor, LedgerAccountRole::Sales)],
        issue_date: Some(DAY),
        request_id: request_id(),
        ..PostInvoiceRequest::default()
    };
    party.client(InvoiceServiceClient::new).post_invoice(request).await.unwrap().into_inner()
}

fn allocation(invoice: &Invoice, minor: i64) -> PaymentAllocation {
    PaymentAllocation { invoice_id: invoice.id.clone(), amount: euros(minor) }
}

fn inbound(account: &str, minor: i64, allocations: Vec<PaymentAllocation>) -> RecordPaymentRequest {
    RecordPaymentRequest {
        direction: PaymentDirection::Inbound.into(),
        account_id: account.to_owned(),
        amount: euros(minor),
        effective_date: Some(DAY),
        allocations,
        ..RecordPaymentRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_calls_that_come_together_are_posted_together() {
    // One that the ledger refuses is refused alone, for its own reason, and the others stay posted.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let wanted = |number: i64| match number % 8 {
        7 => post(&[("1000", number + 1), ("9876", -number - 1)]),
        3 => {
            let mut doubled = post(&[("1000", 1), ("4000", -1)]);
            let entry = doubled.entry.as_mut().unwrap();
            (entry.source_type, entry.source_id) = ("payroll".to_owned(), Some("run 1".to_owned()));
            doubled
        }
        _ => post(&[("1000", number + 1), ("4000", -number - 1)]),
    };
    let answers = join_all((0..80).map(|number| {
        let mut journal = acme.client(JournalEntryServiceClient::new);
        async move { (number, journal.post_journal_entry(wanted(number)).await) }
    }));
    let mut ids = std::collections::HashSet::new();
    for (number, answer) in answers.await {
        match answer {
            Ok(posted) => assert!(ids.insert(posted.into_inner().id), "{number}"),
            Err(refused) if number % 8 == 7 => assert_eq!(reason(&refused), "ACCOUNT_UNKNOWN"),
            Err(refused) => {
                assert_eq!((number % 8, refused.code()), (3, Code::AlreadyExists), "{refused}");
            }
        }
    }
    // Sixty that nothing stands against, and one of the ten from the same source.
    assert_eq!(ids.len(), 61);
    let trial = trial_balance(&acme).await;
    assert_eq!(trial.entry_count, 61);
    let mut database = mesh.look_into("finance").await;
    let told = "select count(*) from tessera.outbox where event_type = 'journal_entry.posted'";
    let told: i64 = sqlx::query_scalar(told).fetch_one(&mut database).await.unwrap();
    assert_eq!(told, 61);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_takes_what_is_balanced() {
    // Entries round-trip, refusals name reason and field, and a reversal happens once.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut journal = acme.client(JournalEntryServiceClient::new);
    let mut wanted = entry(&[("1000", 1_234), ("4000", -1_000), ("4100", -234)]);
    wanted.memo = "Opening \"Käse\"".to_owned();
    wanted.source_type = "payroll".to_owned();
    wanted.source_id = Some("run 1".to_owned());
    wanted.lines[1].party_id = Some(id());
    let request = PostJournalEntryRequest { entry: Some(wanted.clone()), request_id: request_id() };
    let posted = journal.post_journal_entry(request.clone()).await.unwrap().into_inner();
    assert_eq!(journal.post_journal_entry(request).await.unwrap().into_inner(), posted);
    let get = GetJournalEntryRequest { id: posted.id.clone() };
    let read = journal.get_journal_entry(get.clone()).await.unwrap().into_inner();
    assert_eq!(read, posted);
    assert_eq!((&read.lines, &read.memo, &read.source_id), (&wanted.lines, &wanted.memo, &wanted.source_id));
    let again = PostJournalEntryRequest { entry: Some(wanted), request_id: String::new() };
    assert_eq!(journal.post_journal_entry(again).await.unwrap_err().code(), Code::AlreadyExists);
    let other = mesh.sign_up("other").await;
    let hidden = other.client(JournalEntryServiceClient::new).get_journal_entry(get).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);

    let mixed = {
        let mut mixed = post(&[("1000", 5), ("4000", -5)]);
        let lines = &mut mixed.entry.as_mut().unwrap().lines;
        lines[1].amount.as_mut().unwrap().currency_code = "USD".to_owned();
        mixed
    };
    for (wrong, expected) in [
        (post(&[("1000", 5), ("4000", -4)]), "UNBALANCED"),
        (post(&[("1000", 0), ("4000", 0)]), "UNBALANCED"),
        (post(&[("1000", 5), ("9876", -5)]), "ACCOUNT_UNKNOWN"),
        (mixed, "MIXED_CURRENCIES"),
    ] {
        let refused = journal.post_journal_entry(wrong).await.unwrap_err();
        assert_eq!(reason(&refused), expected, "{refused}");
    }
    let batch = BatchPostJournalEntriesRequest {
        entries: vec![entry(&[("1000", 1), ("4000", -1)]), entry(&[("1000", 1), ("77777", -1)])],
        request_id: String::new(),
    };
    let refused = kit::Error::from(journal.batch_post_journal_entries(batch).await.unwrap_err());
    assert_eq!(refused.violations()[0].field, "entries[1].lines[1].account_code");

    let reverse = |id: &str, day| ReverseJournalEntryRequest {
        id: id.to_owned(),
        effective_date: Some(Date { day, ..DAY }),
        ..ReverseJournalEntryRequest::default()
    };
    let early = journal.reverse_journal_entry(reverse(&posted.id, 16)).await.unwrap_err();
    assert_eq!(early.code(), Code::InvalidArgument);
    let undone = journal.reverse_journal_entry(reverse(&posted.id, 18)).await.unwrap().into_inner();
    for id in [&posted.id, &undone.id] {
        let refused = journal.reverse_journal_entry(reverse(id, 18)).await.unwrap_err();
        assert_eq!(reason(&refused), "ALREADY_REVERSED");
    }
    let trial = trial_balance(&acme).await;
    assert!(trial.rows.iter().all(|row| cents(row.balance.as_ref()) == 0), "{trial:?}");
    assert_eq!(trial.entry_count, 2);
    keeps_used_accounts(&acme).await;
    mesh.stop().await;
}

async fn keeps_used_accounts(party: &Party) {
    let mut chart = party.client(LedgerAccountServiceClient::new);
    let request = ListLedgerAccountsRequest { filter: "code = \"1000\"".to_owned(), ..Default::default() };
    let bank = chart.list_ledger_accounts(request).await.unwrap().into_inner().ledger_accounts.remove(0);
    let request = DeleteLedgerAccountRequest { id: bank.id, ..DeleteLedgerAccountRequest::default() };
    assert_eq!(chart.delete_ledger_account(request).await.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_gaps_under_concurrency() {
    // 50 at once, of which many are rolled back after they had a number: none is missing, none is double.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let account = id();
    let shared: Vec<String> = (0..10).map(|_| request_id()).collect();
    let posts = (0..50).map(|number| {
        let mut client = acme.client(InvoiceServiceClient::new);
        // Five calls share a request id: one of them commits, the others take their numbers back.
        let request = PostInvoiceRequest {
            account_id: account.clone(),
            lines: vec![line(100, LedgerAccountRole::Sales)],
            issue_date: Some(DAY),
            request_id: if number < 25 { shared[number % 5].clone() } else { request_id() },
            ..PostInvoiceRequest::default()
        };
        async move { client.post_invoice(request).await.unwrap().into_inner().id }
    });
    let mut ids = join_all(posts).await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 30);
    let all = invoices(&acme, "").await;
    assert_eq!(all.len(), 30);
    assert_gapless(&all, InvoiceKind::Invoice);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_pay_what_is_owed_and_no_more() {
    // Allocation moves money from the customer's credits to what he owes; a credit note frees it again.
    let mesh = Mesh::start(vec![finance::service()]).await;
    let acme = mesh.sign_up("acme").await;
    let mut client = acme.client(PaymentEntryServiceClient::new);
    let account = id();
    let first = post_invoice(&acme, &account, 1_000).await;
    let second = post_invoice(&acme, &account, 500).await;
    let foreign = post_invoice(&acme, &id(), 500).await;
    for (wrong, expected) in [
        (inbound(&account, 900, vec![allocation(&first, 901)]), "OVERALLOCATED"),
        (inbound(&account, 9_000, vec![allocation(&second, 501)]), "OVERALLOCATED"),
        (inbound(&account, 900, vec![allocation(&foreign, 1)]), "WRONG_PARTY"),
    ] {
        assert_eq!(reason(&client.record_payment(wrong).await.unwrap_err()), expected);
    }
    let request = inbound(&account, 1_200, vec![allocation(&first, 700)]);
    let payment = client.record_payment(request).await.unwrap().into_inner();
    assert_eq!(cents(payment.unallocated.as_ref()), 500);
    let allocate =
        |allocations| AllocatePaymentRequest { id: payment.id.clone(), allocations, ..Default::default() };
    let both = allocate(vec![allocation(&second, 200), allocation(&first, 300)]);
    let payment = client.allocate_payment(both).await.unwrap().into_inner();
    assert_eq!((cents(payment.unallocated.as_ref()), payment.allocations.len()), (0, 2));
    let too_much = client.allocate_payment(allocate(vec![allocation(&second, 1)])).await.unwrap_err();
    assert_eq!(reason(&too_much), "OVERALLOCATED");
    let mut documents = acme.client(InvoiceServiceClient::new);
    let get = |invoice: &Invoice| GetInvoiceRequest { id: invoice.id.clone() };
    let paid = documents.get_invoice(get(&first)).await.unwrap().into_inner();
    assert_eq!(paid.state(), InvoiceState::Paid);
    let part = documents.get_invoice(get(&second)).await.unwrap().into_inner();
    assert_eq!((part.state(), cents(part.residual.as_ref())), (InvoiceState::PartiallyPaid, 300));
    let credit =
        CreateCreditNoteRequest { id: second.id.clone(), issue_date: Some(DAY), ..Default::default() };
    let note = documents.create_credit_note(credit.clone()).await.unwrap().into_inner();
    assert_eq!((note.kind(), note.credited_invoice_id), (InvoiceKind::CreditNote, Some(second.id.clone())));
    assert_eq!(reason(&documents.create_credit_note(credit).await.unwrap_err()), "ALREADY_CREDITED");
    let trial = trial_balance(&acme).await;
    let codes = ["1000", "1100", "2400", "4000", "4900"];
    assert_eq!(codes.map(|code| balance(&trial, code)), [1_200, 500, -200, -2_000, 500]);
    let freed = payments(&acme).await.remove(0);
    assert_eq!((cents(freed.unallocated.as_ref()), freed.allocations.len()), (200, 1));
    mesh.stop().await;
}

/// Something that a bookkeeper does; the numbers choose among what there is.
#[derive(Debug, Clone)]
enum Act {
    Invoice { customer: usize, minor: i64 },
    Pay { customer: usize, minor: i64, invoice: usize, share: i64 },
    Allocate { payment: usize, invoice: usize, minor: i64 },
    Credit { invoice: usize },
    Refund { customer: usize, minor: i64 },
    Post { minor: i64 },
    Reverse { entry: usize },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..3_usize, 0..10_000_i64).prop_map(|(customer, minor)| Act::Invoice { customer, minor }),
        3 => (0..3_usize, 1..10_000_i64, 0..9_usize, 0..10_000_i64)
            .prop_map(|(customer, minor, invoice, share)| Act::Pay { customer, minor, invoice, share }),
        2 => (0..9_usize, 0..9_usize, 1..5_000_i64)
            .prop_map(|(payment, invoice, minor)| Act::Allocate { payment, invoice, minor }),
        1 => (0..9_usize).prop_map(|invoice| Act::Credit { invoice }),
        1 => (0..3_usize, 1..500_i64).prop_map(|(customer, minor)| Act::Refund { customer, minor }),
        1 => (-500..500_i64).prop_map(|minor| Act::Post { minor }),
        1 => (0..9_usize).prop_map(|entry| Act::Reverse { entry }),
    ]
}

#[test]
fn debits_equal_credits_whatever_is_done() {
    // After any sequence of operations, refused ones among them: the trial balance is zero, receivables are
    // what invoices still owe, and customer credits are what payments have not paid.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mesh = runtime.block_on(Mesh::start(vec![finance::service()]));
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let acts = prop::collection::vec(act(), 1..25);
    let outcome = runner.run(&acts, |acts| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let party = mesh.sign_up(&format!("case{}", number.get())).await;
            let customers = [id(), id(), id()];
            for act in &acts {
                perform(&party, &customers, act).await;
            }
            let trial = trial_balance(&party).await;
            let owed: i64 = invoices(&party, "").await.iter().map(|one| cents(one.residual.as_ref())).sum();
            assert_eq!(balance(&trial, "1100"), owed);
            let credit = |direction: PaymentDirection, all: &[contracts::finance::v1::PaymentEntry]| -> i64 {
                let of = all.iter().filter(|one| one.direction() == direction);
                of.map(|one| cents(one.unallocated.as_ref())).sum()
            };
            let all = payments(&party).await;
            let credits = credit(PaymentDirection::Inbound, &all) - credit(PaymentDirection::Outbound, &all);
            assert_eq!(balance(&trial, "2400"), -credits);
            for kind in [InvoiceKind::Invoice, InvoiceKind::CreditNote] {
                assert_gapless(&invoices(&party, "").await, kind);
            }
        });
        Ok(())
    });
    outcome.unwrap();
    runtime.block_on(mesh.stop());
}

/// Does it as far as the service lets it; what is refused must leave the books as they were.
async fn perform(party: &Party, customers: &[String; 3], act: &Act) {
    let mut journal = party.client(JournalEntryServiceClient::new);
    let mut documents = party.client(InvoiceServiceClient::new);
    let mut money = party.client(PaymentEntryServiceClient::new);
    let all = invoices(party, "").await;
    let pick = |place: usize| all.get(place % all.len().max(1));
    match act {
        Act::Invoice { customer, minor } => {
            post_invoice(party, &customers[*customer], *minor).await;
        }
        Act::Pay { customer, minor, invoice, share } => {
            let shares = pick(*invoice).filter(|_| *share > 0).map(|invoice| allocation(invoice, *share));
            let request = inbound(&customers[*customer], *minor, shares.into_iter().collect());
            let _ = money.record_payment(request).await;
        }
        Act::Allocate { payment, invoice, minor } => {
            let payments = payments(party).await;
            if let (Some(payment), Some(invoice)) = (payments.get(*payment), pick(*invoice)) {
                let allocations = vec![allocation(invoice, *minor)];
                let request =
                    AllocatePaymentRequest { id: payment.id.clone(), allocations, ..Default::default() };
                let _ = money.allocate_payment(request).await;
            }
        }
        Act::Credit { invoice } => {
            if let Some(invoice) = pick(*invoice) {
                let request = CreateCreditNoteRequest { id: invoice.id.clone(), ..Default::default() };
                let _ = documents.create_credit_note(request).await;
            }
        }
        Act::Refund { customer, minor } => {
            let mut request = inbound(&customers[*customer], *minor, vec![]);
            request.set_direction(PaymentDirection::Outbound);
            money.record_payment(request).await.unwrap();
        }
        Act::Post { minor } => {
            let posted = journal.post_journal_entry(post(&[("1050", *minor), ("3000", -minor)])).await;
            assert_eq!(posted.is_ok(), *minor != 0);
        }
        Act::Reverse { entry } => {
            let request = contracts::finance::v1::ListJournalEntriesRequest {
                filter: "source_type = \"\"".to_owned(),
                ..Default::default()
            };
            let entries = journal.list_journal_entries(request).await.unwrap().into_inner().journal_entries;
            if let Some(entry) = entries.get(*entry) {
                let request = ReverseJournalEntryRequest {
                    id: entry.id.clone(),
                    effective_date: Some(DAY),
                    ..ReverseJournalEntryRequest::default()
                };
                let _ = journal.reverse_journal_entry(request).await;
            }
        }
    }
}
