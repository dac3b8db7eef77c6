//! Walks the descriptors of all contracts: what the suite in `tests/` needs to call and to fill any message
//! without knowing one; and what the services expect of each other, as data.

pub mod breach;
pub mod call;
pub mod ids;
pub mod options;
pub mod pact;
pub mod resource;
pub mod sample;

use prost_reflect::{MethodDescriptor, ServiceDescriptor};

/// The gRPC services of the suite.
pub fn services() -> Vec<ServiceDescriptor> {
    contracts::POOL.services().filter(|service| service.full_name().starts_with("erp.")).collect()
}

/// Every method of every service.
pub fn methods() -> Vec<MethodDescriptor> {
    services().iter().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// The path of a method on the wire.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}
