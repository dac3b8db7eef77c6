//! Typed clients with what every outside client should do: the same request id on each try, pages to their end.

use std::time::Duration;

use contracts::catalog::v1::category_service_client::CategoryServiceClient;
use contracts::catalog::v1::product_service_client::ProductServiceClient;
use contracts::crm::v1::account_service_client::AccountServiceClient;
use contracts::crm::v1::contact_service_client::ContactServiceClient;
use contracts::finance::v1::invoice_service_client::InvoiceServiceClient;
use contracts::finance::v1::journal_entry_service_client::JournalEntryServiceClient;
use contracts::finance::v1::ledger_account_service_client::LedgerAccountServiceClient;
use contracts::finance::v1::payment_entry_service_client::PaymentEntryServiceClient;
use contracts::finance::v1::report_service_client::ReportServiceClient;
use contracts::inventory::v1::stock_level_service_client::StockLevelServiceClient;
use contracts::inventory::v1::stock_move_service_client::StockMoveServiceClient;
use contracts::inventory::v1::warehouse_service_client::WarehouseServiceClient;
use contracts::orders::v1::order_service_client::OrderServiceClient;
use contracts::orders::v1::saga_service_client::SagaServiceClient;
use tonic::{Code, Response, Status};

use crate::client::{ANSWER_MAX, Client, Transport};

/// The most records of a page or a batch.
pub const PAGE: usize = 1_000;
/// A list longer than this many pages is not loaded into memory.
const PAGES_MAX: usize = 1_000;
/// With pauses that double, from a tenth of a second: a suite that is started anew is waited for.
const TRIES_MAX: u32 = 9;

/// Clients of all services that a load calls.
#[derive(Clone)]
pub struct Api(Transport);

macro_rules! clients {
    ($($name:ident: $client:ident),* $(,)?) => {
        impl Api {
            $(
                #[doc = concat!("A `", stringify!($client), "`.")]
                pub fn $name(&self) -> $client<Transport> {
                    $client::new(self.0.clone()).max_decoding_message_size(ANSWER_MAX)
                }
            )*
        }
    };
}

clients! {
    accounts: AccountServiceClient,
    contacts: ContactServiceClient,
    categories: CategoryServiceClient,
    products: ProductServiceClient,
    warehouses: WarehouseServiceClient,
    stock_moves: StockMoveServiceClient,
    stock_levels: StockLevelServiceClient,
    orders: OrderServiceClient,
    sagas: SagaServiceClient,
    invoices: InvoiceServiceClient,
    journal_entries: JournalEntryServiceClient,
    payment_entries: PaymentEntryServiceClient,
    ledger_accounts: LedgerAccountServiceClient,
    reports: ReportServiceClient,
}

impl Api {
    /// As whoever the client calls.
    pub fn new(client: &Client) -> Self {
        Self(client.transport())
    }
}

/// Sends a call again while it fails for a passing reason. The call must bear being sent twice.
pub async fn retry<T>(mut call: impl AsyncFnMut() -> Result<Response<T>, Status>) -> Result<T, Status> {
    let mut pause = Duration::from_millis(100);
    for _ in 1..TRIES_MAX {
        match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if is_passing(status.code()) => {}
            Err(status) => return Err(status),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    call().await.map(Response::into_inner)
}

fn is_passing(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::ResourceExhausted)
}

/// All records of a list; `fetch` takes a page token and answers a page with the token of the next.
pub async fn pages<T>(
    mut fetch: impl AsyncFnMut(String) -> Result<(Vec<T>, String), Status>,
) -> Result<Vec<T>, Status> {
    let mut all = Vec::new();
    let mut token = String::new();
    for _ in 0..PAGES_MAX {
        let (mut page, next) = fetch(token).await?;
        all.append(&mut page);
        if next.is_empty() {
            return Ok(all);
        }
        token = next;
    }
    Err(Status::resource_exhausted(format!(
        "the tenant has more than {} records of a kind",
        PAGES_MAX * PAGE
    )))
}

/// A text as a literal of a filter.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\' | '*') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_any_text() {
        // A star in a code would match others, a quotation mark would end the literal.
        assert_eq!(quote(r#"a"b\c*"#), r#""a\"b\\c\*""#);
    }
}
