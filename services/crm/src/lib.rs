//! Accounts and contacts: the companies and people that the tenant deals with.

mod accounts;
mod contacts;

use contracts::crm::v1::{AccountRpc, ContactRpc};

/// The service.
pub fn service() -> host::Service {
    host::Service::new("crm", sqlx::migrate!())
        .rpc(AccountRpc(accounts::Accounts))
        .rpc(ContactRpc(contacts::Contacts))
}
