//! How many calls a caller may make.
//!
//! | counted for | limit |
//! | --- | --- |
//! | a user, an API key, a tenant | the plan that the token names, see [`Plans`] |
//! | a caller of one method (a user, an API key, or a network address) | `caller_limit` of its `(erp.v1.rate)` |
//! | a tenant on one method | `tenant_limit` of its `(erp.v1.rate)` |
//! | a network address on public methods, `/mcp` and health without a token | [`LimitOptions::address`] |
//! | a network address that offers tokens and keys which are none | the same |
//!
//! A call needs room in all of them, and takes room of none when it is refused. Services that call
//! with a token of their own have no plan. The call of a tool counts for the plan, or for the
//! address, as the request that it came in, and for its method by itself.

mod memory;
mod plans;
mod shared;
mod window;

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::Code;

pub use plans::Plans;

use crate::codec::text::hex;
use crate::edge::address::counted;
use crate::edge::record::Record;
use crate::error::ApiError;
use memory::Memory;
use shared::Shared;
use window::{Count, Quota};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the address limit is when nothing is said.
const ADDRESS_LIMIT: u32 = 600;

/// Which limits there are.
#[derive(Debug, Clone, Default)]
pub struct LimitOptions {
    /// What plans allow; none: plans are not counted.
    pub plans: Option<Plans>,
    /// Calls of public methods that one network address may make in a minute, an IPv6 network of
    /// 64 bits counting as one; none: not counted.
    pub address: Option<u32>,
    /// Address of the Redis server in which calls are counted, `redis://host:6379`; none: this
    /// process counts alone.
    pub redis: Option<String>,
}

impl LimitOptions {
    /// What holds where nothing else is said: these plans, and 600 calls a minute of an address.
    pub fn usual(plans: Option<Plans>) -> Self {
        Self { plans, address: Some(ADDRESS_LIMIT), redis: None }
    }
}

/// Counts calls.
pub(crate) struct Limits {
    plans: Option<Plans>,
    address: Option<Quota>,
    memory: Memory,
    shared: Option<Shared>,
}

/// What the caller is told of its limits when the call goes through.
pub(crate) struct Told {
    limit: u32,
    remaining: u32,
    reset: Duration,
    policy: String,
}

impl Limits {
    /// # Errors
    /// When the address of Redis is none.
    pub(crate) fn new(options: &LimitOptions) -> Result<Self, String> {
        let shared = options.redis.as_deref().map(Shared::open).transpose();
        Ok(Self {
            plans: options.plans.clone(),
            address: options.address.map(|limit| Quota { limit, seconds: 60 }),
            memory: Memory::new(),
            shared: shared.map_err(|error| error.to_string())?,
        })
    }

    /// Counts the call of somebody, or refuses it.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with the time to wait.
    pub(crate) async fn take(
        &self,
        record: &Record,
        address: Option<IpAddr>,
    ) -> Result<Option<Told>, ApiError> {
        let subjects = self.subjects(record, address);
        if subjects.is_empty() {
            return Ok(None);
        }
        let shared = match &self.shared {
            Some(shared) => shared.take(&subjects).await,
            None => None,
        };
        let counts = shared.unwrap_or_else(|| self.memory.take(&subjects));
        told(&subjects, &counts)
    }

    /// Refuses an address that has offered too many tokens and keys that are none.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with the time to wait.
    pub(crate) fn check_strikes(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let Some((subject, quota)) = self.strikes(address) else { return Ok(()) };
        let count = self.memory.look(&subject, quota);
        if quota.has_room(count) { Ok(()) } else { told(&[(subject, quota)], &[count]).map(|_| ()) }
    }

    /// Notes a token or key that is none. Every gateway does for itself.
    pub(crate) fn strike(&self, address: Option<IpAddr>) {
        if let Some(strikes) = self.strikes(address) {
            self.memory.take(&[strikes]);
        }
    }

    fn strikes(&self, address: Option<IpAddr>) -> Option<(String, Quota)> {
        Some((format!("strikes:{}", counted(address?)), self.address?))
    }

    fn subjects(&self, record: &Record, address: Option<IpAddr>) -> Vec<(String, Quota)> {
        let method = record.method();
        // What is no method's and comes here is open to anybody: the list of tools, and health.
        let public = method.is_none_or(|method| method.declared.public);
        let mut subjects = Vec::new();
        let mut add = |name: String, quota: Option<Quota>| subjects.extend(quota.map(|quota| (name, quota)));
        let address = address.map(|address| format!("address:{}", counted(address)));
        let mut who = None;
        let mut tenant = None;
        // The limit of a public method guards against guessing, which many users may do at one address.
        let caller = record.caller.as_ref().filter(|_| !(record.tool && public));
        if let Some(caller) = caller {
            let claims = &caller.token.claims;
            let user = format!("user:{}", claims.sub);
            let key = caller.api_key.map(|hash| format!("key:{}", hex(&hash[..16])));
            tenant = claims.tenant_id.map(|id| format!("tenant:{id}"));
            let counted = record.tool || claims.sub.starts_with("service:");
            let plans = self.plans.as_ref().filter(|_| !counted);
            if let Some(plan) = plans.map(|plans| plans.of(caller.token.plan.as_deref())) {
                add(user.clone(), plan.user);
                key.iter().for_each(|key| add(key.clone(), plan.key));
                tenant.iter().for_each(|tenant| add(tenant.clone(), plan.tenant));
            }
            who = Some(key.unwrap_or(user));
        } else if let (Some(address), true, false) = (&address, public, record.tool) {
            add(address.clone(), self.address);
        }
        if let Some(method) = method
            && let Some(rate) = method.declared.rate
        {
            let quota = |limit| (limit > 0).then_some(Quota { limit, seconds: rate.window_seconds });
            if let Some(who) = who.or(address) {
                add(format!("{who} {}", method.full_name), quota(rate.caller_limit));
            }
            if let Some(tenant) = tenant {
                add(format!("{tenant} {}", method.full_name), quota(rate.tenant_limit));
            }
        }
        subjects
    }
}

/// What became of a call that was counted so.
fn told(subjects: &[(String, Quota)], counts: &[Count]) -> Result<Option<Told>, ApiError> {
    let pairs = || subjects.iter().map(|(_, quota)| *quota).zip(counts.iter().copied());
    let wait = pairs()
        .filter(|(quota, count)| !quota.has_room(*count))
        .map(|(quota, count)| quota.wait(count))
        .max();
    // The one that will refuse first, were the caller to go on.
    let Some((quota, count)) = pairs().min_by_key(|(quota, count)| quota.remaining(*count)) else {
        return Ok(None);
    };
    let mut policy = String::new();
    for (quota, _) in pairs() {
        use std::fmt::Write;
        let separator = if policy.is_empty() { "" } else { ", " };
        let _ = write!(policy, "{separator}{};w={}", quota.limit, quota.seconds);
    }
    let mut told = Told {
        limit: quota.limit,
        remaining: quota.remaining(count).saturating_sub(1),
        reset: quota.reset(count),
        policy,
    };
    let Some(wait) = wait else { return Ok(Some(told)) };
    metrics::counter!("gateway_rate_limited_total").increment(1);
    told.remaining = 0;
    let error = ApiError::new(Code::ResourceExhausted, "too many calls; wait before the next one")
        .reason("RATE_LIMITED")
        .retry_after(wait);
    Err(told.add_to(error))
}

impl Told {
    /// Tells the caller in the answer's headers.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset.as_millis().div_ceil(1000) as u64));
        if let Ok(policy) = HeaderValue::try_from(self.policy.as_str()) {
            headers.insert(POLICY, policy);
        }
    }

    /// Tells the caller in the headers of an error.
    pub(crate) fn add_to(&self, error: ApiError) -> ApiError {
        let mut headers = HeaderMap::new();
        self.show(&mut headers);
        headers.into_iter().fold(error, |error, (name, value)| match name {
            Some(name) => error.header(name, value),
            None => error,
        })
    }
}
