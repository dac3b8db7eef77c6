//! Orders, and the sagas that carry them through the other services.

mod advance;
mod crash;
mod draft;
mod event;
mod fault;
mod machine;
mod order;
mod price;
mod progress;
mod reactions;
mod run;
mod saga;
mod statistics;
mod step;

use contracts::orders::v1::{OrderRpc, SagaRpc};
use host::Service;

/// The service.
pub fn service() -> Service {
    Service::new("orders", sqlx::migrate!())
        .rpc(OrderRpc(order::Orders))
        .rpc(SagaRpc(saga::Sagas))
        .on(reactions::invoice_posted)
        .on(reactions::invoice_credited)
        .job(saga::JOB, run::run)
        .calls(&[
            "catalog.products.read",
            "inventory.reservations.read",
            "inventory.reservations.write",
            "payments.payment-intents.read",
            "payments.payment-intents.write",
            "finance.invoices.read",
        ])
}
