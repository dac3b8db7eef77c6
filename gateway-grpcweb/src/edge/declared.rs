//! What a method declares of itself for the edge, read by number out of its options, so that the
//! gateway needs none of the files that define them.

use prost::Message;
use prost_reflect::MethodDescriptor;

#[derive(Clone, PartialEq, prost::Message)]
struct MethodOptions {
    #[prost(message, optional, tag = "50001")]
    access: Option<Access>,
    #[prost(message, optional, tag = "50002")]
    rate: Option<Rate>,
    #[prost(message, optional, tag = "50003")]
    cache: Option<Cache>,
}

/// `erp.v1.Access`, of which only this matters: the rest is for the services.
#[derive(Clone, PartialEq, prost::Message)]
struct Access {
    #[prost(bool, tag = "2")]
    public: bool,
}

/// `erp.v1.Rate`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Rate {
    #[prost(uint32, tag = "1")]
    pub(crate) caller_limit: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) tenant_limit: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) window_seconds: u32,
}

/// `erp.v1.Cache`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Cache {
    #[prost(uint32, tag = "1")]
    pub(crate) max_age_seconds: u32,
    #[prost(bool, tag = "2")]
    pub(crate) shared: bool,
}

/// What the edge must know of a method.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Declared {
    /// Calls need no token.
    pub(crate) public: bool,
    pub(crate) rate: Option<Rate>,
    pub(crate) cache: Option<Cache>,
}

const WINDOW_MAX: u32 = 86_400;
const AGE_MAX: u32 = 3_600;

/// Reads the options of a method.
///
/// # Errors
/// Says what is wrong with them.
pub(crate) fn of(method: &MethodDescriptor) -> Result<Declared, String> {
    let options =
        MethodOptions::decode(&*method.options().encode_to_vec()).map_err(|error| error.to_string())?;
    if let Some(rate) = options.rate {
        if !(1..=WINDOW_MAX).contains(&rate.window_seconds) {
            return Err(format!("rate: window_seconds must be 1 to {WINDOW_MAX}"));
        }
        if rate.caller_limit == 0 && rate.tenant_limit == 0 {
            return Err("rate: it limits nothing".to_owned());
        }
    }
    if let Some(cache) = options.cache {
        if !(1..=AGE_MAX).contains(&cache.max_age_seconds) {
            return Err(format!("cache: max_age_seconds must be 1 to {AGE_MAX}"));
        }
        if method.is_client_streaming() || method.is_server_streaming() {
            return Err("cache: streams are not kept".to_owned());
        }
    }
    let public = options.access.is_some_and(|access| access.public);
    Ok(Declared { public, rate: options.rate, cache: options.cache })
}
