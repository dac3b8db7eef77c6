//! What happens to every request around its call, in one order:
//!
//! 1. names: request id, correlation id, trace ([`identity`]), and the record that ends in the
//!    access log and the metrics ([`record`])
//! 2. CORS, health
//! 3. deadline ([`deadline`])
//! 4. the call in its protocol

pub(crate) mod deadline;
pub(crate) mod identity;
pub(crate) mod record;
