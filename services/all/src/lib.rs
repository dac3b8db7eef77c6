//! Every service in one process, on a laptop or in a test: the same services, the same calls, one port.

#[cfg(feature = "stack")]
mod stack;
#[cfg(feature = "stack")]
mod welcome;

#[cfg(feature = "stack")]
pub use stack::{Stack, StackOptions, up, usual_gateway};
#[cfg(feature = "stack")]
pub use welcome::{DEMO_EMAIL, DEMO_SECRET, Demo};

use host::{Service, ServiceIdentities};
use kit::UuidV7;

/// All services, with identities that live as long as the process, and what each proves itself with.
pub fn services(mail: notification::Mail) -> (Vec<Service>, ServiceIdentities) {
    let mut services = vec![
        audit::service(),
        crm::service(),
        catalog::service(),
        inventory::service(),
        payments::service(),
        finance::service(),
        orders::service(),
        notification::service(mail),
    ];
    let identities = ServiceIdentities::for_process(&services, &UuidV7);
    services.push(identity::service(identities.clone()));
    (services, identities)
}
