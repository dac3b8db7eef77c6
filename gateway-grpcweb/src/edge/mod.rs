//! What happens to every request around its call, in one order:
//!
//! 1. names: request id, correlation id, trace ([`identity`]), and the record that ends in the
//!    access log and the metrics ([`record`])
//! 2. CORS, health
//! 3. deadline ([`deadline`])
//! 4. unpacking of a compressed body ([`decompress`])
//! 5. the call in its protocol
//! 6. packing of the answer ([`compress`])

pub(crate) mod address;
pub(crate) mod compress;
pub(crate) mod connections;
pub(crate) mod deadline;
pub(crate) mod decompress;
mod flow;
pub(crate) mod identity;
pub(crate) mod record;
pub(crate) mod tls;
