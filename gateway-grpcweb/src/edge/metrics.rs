//! What the gateway counts of itself, by the facade `metrics`: whoever runs it installs a recorder
//! before the gateway is made.
//!
//! | metric | labels |
//! | --- | --- |
//! | `gateway_requests_total` | `rpc`, `protocol`, `status` (of HTTP), `grpc_status` |
//! | `gateway_request_seconds` (histogram) | the same |
//! | `gateway_requests_in_flight` | |
//! | `gateway_connections` | |
//! | `gateway_rate_limited_total` | |
//! | `gateway_cache_total` | `outcome`: `hit`, `miss` |
//! | `gateway_upstream_healthy` | `address`: 1 in, 0 out |
//! | `gateway_reloads_total` | `outcome`: `taken`, `refused` |

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Label};

pub(crate) static IN_FLIGHT: LazyLock<Gauge> =
    LazyLock::new(|| metrics::gauge!("gateway_requests_in_flight"));
pub(crate) static CONNECTIONS: LazyLock<Gauge> = LazyLock::new(|| metrics::gauge!("gateway_connections"));

/// The outcome of a request, as far as metrics tell them apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) protocol: &'static str,
    pub(crate) status: u16,
    pub(crate) grpc_status: Option<u8>,
}

/// The metrics of one method; those that were used stay at hand.
#[derive(Default)]
pub(crate) struct Meter {
    used: Mutex<Vec<(Ending, Counter, Histogram)>>,
}

impl Meter {
    pub(crate) fn record(&self, rpc: &str, ending: Ending, took: Duration) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let at = used.iter().position(|(one, ..)| *one == ending).unwrap_or_else(|| {
            let labels = vec![
                Label::new("rpc", rpc.to_owned()),
                Label::new("protocol", ending.protocol),
                Label::new("status", ending.status.to_string()),
                Label::new("grpc_status", ending.grpc_status.map_or(String::new(), |code| code.to_string())),
            ];
            let counter = metrics::counter!("gateway_requests_total", labels.clone());
            let histogram = metrics::histogram!("gateway_request_seconds", labels);
            used.push((ending, counter, histogram));
            used.len() - 1
        });
        let (_, counter, histogram) = &used[at];
        counter.increment(1);
        histogram.record(took.as_secs_f64());
    }
}

/// Begins to count what has not happened yet: a rate over a counter that comes into being misses its beginning.
pub(crate) fn expect() {
    metrics::counter!("gateway_rate_limited_total").increment(0);
    for outcome in ["hit", "miss"] {
        metrics::counter!("gateway_cache_total", "outcome" => outcome).increment(0);
    }
}

/// The meter of requests for paths that are no method's.
pub(crate) static STRAYS: LazyLock<Meter> = LazyLock::new(Meter::default);
