//! Messages to people: templates, deliveries, and the way to the mail server.

mod builtin;
mod company;
mod delivery;
mod mail;
mod order_confirmation;
mod outlet;
mod render;
mod retry;
mod template;

use std::sync::Arc;

use contracts::notification::v1::{DeliveryRpc, TemplateRpc};
use contracts::orders::v1::OrderCompleted;
use host::Service;

pub use mail::{Mail, Smtp};

use crate::outlet::Outlet;

/// The service, whose mails take this way.
pub fn service(mail: Mail) -> Service {
    let outlet = Arc::new(Outlet::new(mail));
    Service::new("notification", sqlx::migrate!())
        .rpc(TemplateRpc(template::Templates))
        .rpc(DeliveryRpc(delivery::Deliveries::new(outlet.clone())))
        .on(company::tenant_created)
        .on(company::tenant_updated)
        .on::<OrderCompleted, _>(order_confirmation::Confirm::new(outlet.clone()))
        .job(delivery::SEND, delivery::Sending::new(outlet))
}
