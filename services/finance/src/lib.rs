//! The ledger and the documents that are booked in it: chart of accounts, journal, invoices, payments.

mod ageing;
mod bill;
mod chart;
mod entry;
mod invoice;
mod journal_entry;
mod ledger_account;
mod order_case;
mod payment_entry;
mod reactions;
mod report;
mod revenue;
mod sale;
mod stock;

use contracts::finance::v1::{InvoiceRpc, JournalEntryRpc, LedgerAccountRpc, PaymentEntryRpc, ReportRpc};
use host::Service;

/// The service.
pub fn service() -> Service {
    Service::new("finance", sqlx::migrate!())
        .rpc(LedgerAccountRpc(ledger_account::LedgerAccounts))
        .rpc(JournalEntryRpc(journal_entry::JournalEntries))
        .rpc(InvoiceRpc(invoice::Invoices))
        .rpc(PaymentEntryRpc(payment_entry::PaymentEntries))
        .rpc(ReportRpc(report::Reports))
        .on(reactions::tenant_created)
        .on(reactions::order_captured)
        .on(reactions::order_cancelled)
        .on(stock::reservation_consumed)
        .on(stock::reservation_returned)
        .on(stock::stock_moved)
}
