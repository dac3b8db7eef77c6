//! What is measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::catalog::v1::{CreateProductRequest, Product};
use contracts::crm::v1::account_service_client::AccountServiceClient;
use contracts::crm::v1::contact_service_client::ContactServiceClient;
use contracts::crm::v1::{
    Account, Contact, CreateAccountRequest, CreateContactRequest, GetContactRequest, ListContactsRequest,
};
use contracts::finance::v1::journal_entry_service_client::JournalEntryServiceClient;
use contracts::finance::v1::{
    BatchPostJournalEntriesRequest, JournalLine, NewJournalEntry, PostJournalEntryRequest,
};
use contracts::google::r#type::{Date, Decimal, Money};
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::warehouse_service_client::WarehouseServiceClient;
use contracts::inventory::v1::{ListWarehousesRequest, ReceiveStockLine, ReceiveStockRequest};
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::{ListOrdersRequest, PlaceOrderLine, PlaceOrderRequest};
use kit::IdSource as _;
use store::{Kind, Record as _};

use crate::RUN;
use crate::load::{self, line};
use crate::pgbench;
use crate::stack::Suite;

/// Start to the first answer and memory at rest.
pub fn start_and_memory(suite: &Suite) -> Result<()> {
    line(
        "start to first answer, databases made",
        &format!("{:.2} s", suite.started.as_secs_f64()),
        "2 s",
        "lower is better",
    );
    line("resident memory at rest", &format!("{:.0} MiB", suite.memory_mib()?), "200 MiB", "lower is better");
    Ok(())
}

fn contact(number: u64) -> Contact {
    Contact {
        given_name: "Ada".to_owned(),
        family_name: format!("Lovelace {number}"),
        job_title: "Analyst".to_owned(),
        ..Contact::default()
    }
}

/// A contact with its event, audit row and first answer, against the same statements by pgbench.
pub async fn create_contact(suite: &Suite) -> Result<()> {
    let url = suite.database_url("crm")?;
    for clients in [1, 8, 32] {
        let api: Vec<_> = (0..8).map(|place| suite.client(place, ContactServiceClient::new)).collect();
        let api = Arc::new(api);
        suite.rest().await?;
        let ours = load::run(clients, RUN, move |number| {
            let mut api = api[usize::try_from(number).unwrap_or(0) % api.len()].clone();
            async move {
                let request_id = kit::UuidV7.new_id().to_string();
                api.create_contact(CreateContactRequest { contact: Some(contact(number)), request_id })
                    .await?;
                Ok(())
            }
        })
        .await?;
        suite.rest().await?;
        let bare = pgbench::run(&url, &create_script(&suite.tenant_id), clients, RUN)?;
        line(
            &format!("create contact, {clients} clients, per second"),
            &format!("{:.0}", ours.rate),
            &format!("{bare:.0}"),
            &format!(
                "{:.2} of pgbench (goal 0.7 at 32); p50 {:.1?}, p99 {:.1?}",
                ours.rate / bare,
                ours.p50,
                ours.p99
            ),
        );
    }
    Ok(())
}

/// What a create with a request id sends: the look for a first answer, the row, and everything beside it.
fn create_script(tenant: &str) -> String {
    let columns: Vec<&str> = Contact::table().columns.iter().map(|column| column.name).collect();
    let values: Vec<&str> = Contact::table().columns.iter().map(literal).collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    format!(
        "begin; set local app.tenant_id = '{tenant}'; set local statement_timeout = 30000;
select method, request_hash, response from tessera.idempotency where request_id = (select gen_random_uuid());
insert into contacts ({columns}) values ({values});
with o as (insert into tessera.outbox (id, topic, key, event_type, payload) values (gen_random_uuid(), 'crm.contacts', 'k', 'contact.created', decode(repeat('61', 500), 'hex'))), a as (insert into tessera.audit_log (id, time, actor, method, correlation_id, entity_type, entity_id, change, changes) values (gen_random_uuid(), now(), 'x', 'x', 'x', 'erp.crm.v1.Contact', gen_random_uuid(), 'created', '{{\"given_name\": {{}}}}')) insert into tessera.idempotency (request_id, method, request_hash, response) values (gen_random_uuid(), 'x', decode(repeat('61', 32), 'hex'), decode(repeat('61', 200), 'hex'));
commit;
"
    )
}

/// What a new contact has in a column, as SQL.
fn literal(column: &store::Column) -> &'static str {
    match (column.name, column.kind) {
        ("tenant_id", _) => "tessera.current_tenant()",
        ("id", _) => "gen_random_uuid()",
        ("given_name", _) => "'Ada'",
        ("family_name", _) => "'Lovelace'",
        ("job_title", _) => "'Analyst'",
        ("create_time" | "update_time", _) => "now()",
        _ if column.nullable => "null",
        (_, Kind::Bool) => "false",
        (_, Kind::Text) => "''",
        (_, Kind::TextArray | Kind::UuidArray) => "'{}'",
        (_, Kind::Json) => "'[]'",
        _ => "1",
    }
}

/// One contact by id against one row by key, and a page of a hundred.
pub async fn get_and_list(suite: &Suite) -> Result<()> {
    let mut api = suite.client(0, ContactServiceClient::new);
    let mut id = String::new();
    for number in 0..100 {
        let request = CreateContactRequest { contact: Some(contact(number)), ..Default::default() };
        id = api.create_contact(request).await?.into_inner().id;
    }
    let url = suite.database_url("crm")?;
    suite.analyze("crm").await?;
    let script = format!(
        "begin; set local app.tenant_id = '{}';\nselect * from contacts where id = '{id}';\ncommit;\n",
        suite.tenant_id
    );
    let bare = pgbench::run(&url, &script, 8, RUN)?;
    let reader = api.clone();
    let get = load::run(8, RUN, move |_| {
        let (mut api, id) = (reader.clone(), id.clone());
        async move {
            api.get_contact(GetContactRequest { id }).await?;
            Ok(())
        }
    })
    .await?;
    let reading = format!("{:.2} of pgbench; p50 {:.1?}, p99 {:.1?}", get.rate / bare, get.p50, get.p99);
    line("get contact, 8 clients, per second", &format!("{:.0}", get.rate), &format!("{bare:.0}"), &reading);
    let list = load::run(8, RUN, move |_| {
        let mut api = api.clone();
        async move {
            api.list_contacts(ListContactsRequest { page_size: 100, ..Default::default() }).await?;
            Ok(())
        }
    })
    .await?;
    let reading =
        format!("{:.0} rows a second; p50 {:.1?}, p99 {:.1?}", list.rate * 100.0, list.p50, list.p99);
    line("list 100 contacts, 8 clients, per second", &format!("{:.0}", list.rate), "-", &reading);
    Ok(())
}

fn eur(units: i64) -> Money {
    Money { currency_code: "EUR".to_owned(), units, nanos: 0 }
}

fn entry(number: u64) -> NewJournalEntry {
    let leg = |code: &str, units| JournalLine {
        account_code: code.to_owned(),
        amount: Some(eur(units)),
        ..Default::default()
    };
    NewJournalEntry {
        effective_date: Some(Date { year: 2026, month: 1, day: 2 }),
        memo: format!("entry {number}"),
        lines: vec![leg("1100", 10), leg("4000", -10)],
        ..Default::default()
    }
}

/// Two-line entries, one by one and in batches.
pub async fn journal(suite: &Suite) -> Result<()> {
    let api: Arc<Vec<_>> =
        Arc::new((0..8).map(|place| suite.client(place, JournalEntryServiceClient::new)).collect());
    let single = api.clone();
    let one = load::run(32, RUN, move |number| {
        let mut api = single[usize::try_from(number).unwrap_or(0) % 8].clone();
        async move {
            api.post_journal_entry(PostJournalEntryRequest {
                entry: Some(entry(number)),
                ..Default::default()
            })
            .await?;
            Ok(())
        }
    })
    .await?;
    let reading = format!("p50 {:.1?}, p99 {:.1?}", one.p50, one.p99);
    line("journal entries, 32 clients, per second", &format!("{:.0}", one.rate), "2500", &reading);
    let batch = load::run(2, RUN, move |number| {
        let mut api = api[usize::try_from(number).unwrap_or(0) % 8].clone();
        async move {
            let entries = (0..1_000).map(|place| entry(number * 1_000 + place)).collect();
            api.batch_post_journal_entries(BatchPostJournalEntriesRequest { entries, ..Default::default() })
                .await?;
            Ok(())
        }
    })
    .await?;
    let reading = format!("batches of 1,000; p50 {:.0?}", batch.p50);
    line(
        "journal entries in batches, per second",
        &format!("{:.0}", batch.rate * 1_000.0),
        "20000",
        &reading,
    );
    Ok(())
}

/// Orders from their placing to the posted invoice.
pub async fn orders(suite: &Suite) -> Result<()> {
    const ORDERS: u64 = 1_000;
    let (account, products) = stocked_products(suite, ORDERS).await?;
    let begun = Instant::now();
    let mut placed = Vec::new();
    for worker in 0..16 {
        let mut api = suite.client(worker, OrderServiceClient::new);
        let (account_id, products) = (account.clone(), products.clone());
        placed.push(tokio::spawn(async move {
            for number in (worker..ORDERS).step_by(16) {
                let line = |place: u64| PlaceOrderLine {
                    product_id: products[usize::try_from(place).unwrap_or(0) % products.len()].clone(),
                    quantity: Some(Decimal { value: "1".to_owned() }),
                    ..Default::default()
                };
                let request = PlaceOrderRequest {
                    account_id: account_id.clone(),
                    lines: vec![line(number), line(number * 7 + 1)],
                    currency_code: "EUR".to_owned(),
                    payment_method: "card_ok".to_owned(),
                    external_reference: Some(format!("bench-{number}")),
                    ..Default::default()
                };
                api.place_order(request).await?;
            }
            anyhow::Ok(())
        }));
    }
    for one in placed {
        one.await??;
    }
    let placing = begun.elapsed();
    let mut api = suite.client(0, OrderServiceClient::new);
    loop {
        let request = ListOrdersRequest {
            page_size: 1,
            filter: "state = COMPLETED".to_owned(),
            show_total_size: true,
            ..Default::default()
        };
        let done = api.list_orders(request).await?.into_inner().total_size;
        if done >= i64::try_from(ORDERS)? {
            break;
        }
        anyhow::ensure!(
            begun.elapsed() < Duration::from_secs(120),
            "only {done} of {ORDERS} orders were completed"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rate = ORDERS as f64 / begun.elapsed().as_secs_f64();
    let reading = format!("{ORDERS} orders of two lines, placed within {placing:.1?}; higher is better");
    line("orders to the posted invoice, per second", &format!("{rate:.0}"), "100", &reading);
    Ok(())
}

/// A customer, and products with enough of each for all orders.
async fn stocked_products(suite: &Suite, quantity: u64) -> Result<(String, Vec<String>)> {
    const PRODUCTS: usize = 50;
    let account = Account { display_name: "Bench customer".to_owned(), ..Account::default() };
    let request = CreateAccountRequest { account: Some(account), ..Default::default() };
    let account = suite.client(0, AccountServiceClient::new).create_account(request).await?.into_inner().id;
    let mut ids = Vec::with_capacity(PRODUCTS);
    for number in 1..=PRODUCTS {
        let product = Product {
            sku: format!("BENCH-{number}"),
            name: format!("Bench product {number}"),
            unit: "piece".to_owned(),
            price: Some(eur(10)),
            ..Product::default()
        };
        let request = CreateProductRequest { product: Some(product), ..Default::default() };
        ids.push(suite.client(0, ProductServiceClient::new).create_product(request).await?.into_inner().id);
    }
    let line = |id: &String| ReceiveStockLine {
        product_id: id.clone(),
        quantity: Some(Decimal { value: quantity.to_string() }),
        unit_cost: Some(eur(5)),
    };
    let request = ReceiveStockRequest {
        warehouse_id: Some(warehouse(suite).await?),
        lines: ids.iter().map(line).collect(),
        ..Default::default()
    };
    suite.client(0, StockMoveServiceClient::new).receive_stock(request).await.context("stock is received")?;
    Ok((account, ids))
}

/// The tenant's first warehouse, which is made by an event.
async fn warehouse(suite: &Suite) -> Result<String> {
    let mut warehouses = suite.client(0, WarehouseServiceClient::new);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let page = warehouses.list_warehouses(ListWarehousesRequest::default()).await?.into_inner();
        if let Some(first) = page.warehouses.first() {
            return Ok(first.id.clone());
        }
        anyhow::ensure!(Instant::now() < deadline, "the tenant has no warehouse");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
