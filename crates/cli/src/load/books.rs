//! The documents of orders: invoices, payments, moves of stock.

use std::collections::{HashMap, HashSet};

use contracts::finance::v1::{BatchGetInvoicesRequest, Invoice, ListPaymentEntriesRequest, PaymentEntry};
use contracts::inventory::v1::GetStockValueRequest;
use contracts::orders::v1::Order;
use kit::{Currency, Money};
use tonic::Status;

use crate::load::api::{Api, PAGE, pages, quote, retry};
use crate::load::plan::uuid_of;
use crate::load::rows;

/// How many ids fit in one filter.
const IDS_OF_A_FILTER: usize = 30;

/// The invoices of these orders.
pub async fn invoices(api: &Api, orders: &[&Order]) -> Result<Vec<Invoice>, Status> {
    let ids: Vec<String> = orders.iter().filter_map(|order| order.invoice_id.clone()).collect();
    let mut invoices = Vec::with_capacity(ids.len());
    for ids in ids.chunks(PAGE) {
        let request = BatchGetInvoicesRequest { ids: ids.to_vec() };
        let answer = retry(async || api.invoices().batch_get_invoices(request.clone()).await).await?;
        invoices.extend(answer.invoices);
    }
    Ok(invoices)
}

/// The entries of the payments of these orders.
pub async fn payments(api: &Api, orders: &[&Order]) -> Result<Vec<PaymentEntry>, Status> {
    let ids: Vec<&String> = orders.iter().filter_map(|order| order.payment_intent_id.as_ref()).collect();
    let mut entries = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_OF_A_FILTER) {
        let terms: Vec<String> = ids.iter().map(|id| format!("source_id = {}", quote(id))).collect();
        let filter = terms.join(" OR ");
        let mut found = pages(async |page_token| {
            let request = ListPaymentEntriesRequest {
                page_size: 1_000,
                page_token,
                filter: filter.clone(),
                ..Default::default()
            };
            let page =
                retry(async || api.payment_entries().list_payment_entries(request.clone()).await).await?;
            Ok((page.payment_entries, page.next_page_token))
        })
        .await?;
        entries.append(&mut found);
    }
    Ok(entries)
}

/// What the moves of a load added to the stock's worth.
pub struct StockOfLoad {
    /// By its receipts.
    pub received: Money,
    /// By its receipts, and by the goods that left with its orders.
    pub left: Money,
}

/// Adds up the moves of stock that a load caused.
pub async fn stock_of_load(
    api: &Api,
    source: &str,
    orders: &[&Order],
    currency: Currency,
) -> Result<StockOfLoad, Status> {
    let mark = uuid_of(source, "stock").to_string();
    let sources: HashSet<&String> = orders.iter().filter_map(|order| order.reservation_id.as_ref()).collect();
    let mut stock = StockOfLoad { received: Money::zero(currency), left: Money::zero(currency) };
    let filter = format!("source_id = {} OR source_type = \"reservation\"", quote(&mark));
    for one in rows::stock_moves(api, &filter).await? {
        let Some(source_id) = one.source_id.as_ref() else { continue };
        let Some(value) = &one.value else { continue };
        let value = value.to_money("value")?;
        if *source_id == mark {
            stock.received = stock.received.plus(value)?;
        }
        if *source_id == mark || sources.contains(source_id) {
            stock.left = stock.left.plus(value)?;
        }
    }
    Ok(stock)
}

/// What the tenant's whole stock of a currency is worth, as inventory says.
pub async fn stock_value(api: &Api, currency: Currency) -> Result<Money, Status> {
    let request = GetStockValueRequest::default();
    let answer = retry(async || api.stock_levels().get_stock_value(request.clone()).await).await?;
    let totals: HashMap<&str, &contracts::google::r#type::Money> =
        answer.totals.iter().map(|total| (total.currency_code.as_str(), total)).collect();
    match totals.get(currency.code()) {
        Some(total) => Ok(total.to_money("total")?),
        None => Ok(Money::zero(currency)),
    }
}
