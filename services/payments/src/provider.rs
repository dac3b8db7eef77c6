//! What the service needs of a payment provider.

use async_trait::async_trait;
use contracts::payments::v1::PaymentTransactionKind;
use kit::{Error, Money, Result};
use store::Cx;

use crate::simulator::Simulator;

/// One thing that is asked of a provider.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The key under which the provider does it once, however often it is asked.
    pub key: String,
    /// What is asked.
    pub kind: PaymentTransactionKind,
    /// For how much.
    pub amount: Money,
    /// The provider's token of the customer's method.
    pub payment_method: String,
    /// The intent, for the provider's records.
    pub intent_id: String,
    /// The provider's own id of the payment; empty until it gave one.
    pub reference: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was done, under the provider's own id of the payment.
    Done {
        /// The provider's own id of the payment.
        reference: String,
    },
    /// It was not done and will not be.
    Declined {
        /// Why, in the provider's words.
        code: String,
    },
    /// There was no answer in time. It may have been done.
    Silence,
}

/// A payment provider. It is called while no transaction is open, and may write with [`Cx`] if it commits itself.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name, as intents keep it.
    fn name(&self) -> &'static str;

    /// Does what is asked, once for each key.
    async fn perform(&self, cx: &mut Cx, ask: &Ask) -> Result<Answer>;

    /// Tells what became of a request; nothing when no request of this key ever came.
    async fn query(&self, cx: &mut Cx, key: &str) -> Result<Option<Answer>>;
}

/// The providers; the first one takes new payments.
static PROVIDERS: [&dyn Provider; 1] = [&Simulator];

/// The provider that takes new payments.
pub fn default() -> &'static dyn Provider {
    PROVIDERS[0]
}

/// The provider of this name.
pub fn named(name: &str) -> Result<&'static dyn Provider> {
    let found = PROVIDERS.iter().find(|provider| provider.name() == name);
    found.copied().ok_or_else(|| Error::internal(format!("the provider {name} is not configured")))
}
