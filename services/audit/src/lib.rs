//! Who did what to which record, and when: every event of every service, written down for good. As it reads every
//! topic already, it is also the service that shows operators the event log.

mod audit_entry;
mod payload;

use contracts::audit::v1::AuditEntryRpc;
use host::Service;

/// The service.
pub fn service() -> Service {
    Service::new("audit", sqlx::migrate!())
        .rpc(AuditEntryRpc(audit_entry::AuditEntries))
        .on_every(audit_entry::write_down)
        .answers_operators()
}
