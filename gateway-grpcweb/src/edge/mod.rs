//! What happens to every request around its call, in one order:
//!
//! 1. names: request id, correlation id, trace ([`identity`]), and the record that ends in the
//!    access log and the metrics ([`record`])
//! 2. CORS
//! 3. deadline ([`deadline`])
//! 4. which method is asked for; health, pages and unknown paths need nothing of the following
//! 5. addresses that guess ([`limit`]), token or API key ([`auth`]), limits ([`limit`])
//! 6. kept answers ([`cache`])
//! 7. unpacking of a compressed body ([`decompress`])
//! 8. the call in its protocol
//! 9. packing of the answer ([`compress`])

pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod cache;
pub(crate) mod compress;
pub(crate) mod connections;
pub(crate) mod deadline;
pub(crate) mod declared;
pub(crate) mod decompress;
mod flow;
pub(crate) mod identity;
pub(crate) mod limit;
pub(crate) mod metrics;
pub(crate) mod pace;
pub(crate) mod record;
pub(crate) mod reload;
mod remote;
pub(crate) mod tls;
pub(crate) mod upstream;

use crate::Options;
use crate::backend::Backend;
use crate::edge::auth::Auth;
use crate::edge::cache::Cache;
use crate::edge::limit::Limits;

/// What the edge keeps between requests.
pub(crate) struct Edge {
    pub(crate) auth: Option<Auth>,
    pub(crate) limits: Option<Limits>,
    pub(crate) cache: Option<Cache>,
}

impl Edge {
    /// # Errors
    /// When the options cannot be carried out.
    pub(crate) fn new(options: &Options, backend: &Backend) -> Result<Self, String> {
        Ok(Self {
            auth: options.auth.as_ref().map(|auth| Auth::new(auth, backend)),
            cache: (options.cache_bytes > 0).then(|| Cache::new(options.cache_bytes)),
            limits: options.limits.as_ref().map(Limits::new).transpose()?,
        })
    }
}
