//! Money asked of customers through payment providers, taken once and never in doubt for long.

mod intent;
mod payment_intent;
mod provider;
mod simulator;

use contracts::payments::v1::PaymentIntentRpc;
use host::Service;

/// The service.
pub fn service() -> Service {
    Service::new("payments", sqlx::migrate!())
        .rpc(PaymentIntentRpc(payment_intent::PaymentIntents))
        .job(payment_intent::SYNC, payment_intent::sync)
}
