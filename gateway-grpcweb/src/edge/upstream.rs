//! Several addresses of one service, of which only the healthy are called: for use without a mesh.
//!
//! An address is out after three failures in a row and in again after two successes. Both come
//! from asking it by `grpc.health.v1` every few seconds; a call that does not reach it counts as a
//! failure, too. When all are out, all are tried: an answer may still come.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use http::{Request, Response};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::backend::BoxError;
use crate::edge::remote::Remote;
use crate::{Backend, Body};

const FAILURES_OUT: u32 = 3;
const SUCCESSES_IN: u32 = 2;

/// How addresses are looked after.
#[derive(Debug, Clone, Copy)]
pub struct HealthOptions {
    /// How often each is asked whether it serves.
    pub every: Duration,
    /// How long it may take to say so.
    pub within: Duration,
}

impl Default for HealthOptions {
    fn default() -> Self {
        Self { every: Duration::from_secs(5), within: Duration::from_secs(2) }
    }
}

struct Address {
    name: String,
    remote: Arc<Remote>,
    healthy: AtomicBool,
    /// Failures, or successes of one that is out, in a row.
    row: Mutex<u32>,
}

impl Address {
    fn saw(&self, success: bool) {
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        let healthy = self.healthy.load(Ordering::Relaxed);
        // What is as expected starts the row anew.
        *row = if success == healthy { 0 } else { *row + 1 };
        if *row >= if healthy { FAILURES_OUT } else { SUCCESSES_IN } {
            *row = 0;
            self.healthy.store(!healthy, Ordering::Relaxed);
            self.show();
            tracing::warn!(address = self.name, healthy = !healthy, "an address of a service changed");
        }
    }

    fn show(&self) {
        let healthy = if self.healthy.load(Ordering::Relaxed) { 1.0 } else { 0.0 };
        metrics::gauge!("gateway_upstream_healthy", "address" => self.name.clone()).set(healthy);
    }

    async fn serves(&self, within: Duration) -> bool {
        let remote = self.remote.clone();
        let call = move |request: Request<Body>| {
            let remote = remote.clone();
            async move { remote.call(request).await.map_err(|error| Status::unavailable(error.to_string())) }
        };
        let mut client = HealthClient::new(tower::service_fn(call));
        let asked = client.check(HealthCheckRequest { service: String::new() });
        match tokio::time::timeout(within, asked).await {
            Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
            // It is there, and has nothing to say about its health.
            Ok(Err(status)) => status.code() == Code::Unimplemented,
            Err(_) => false,
        }
    }
}

/// The addresses of a service.
pub(crate) struct Pool {
    addresses: Vec<Address>,
    next: AtomicUsize,
}

impl Pool {
    /// Calls the service at one of them.
    ///
    /// # Errors
    /// When it was not reached.
    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        if let [only] = &*self.addresses {
            // There is no other one to be called instead.
            return only.remote.call(request).await;
        }
        let address = self.pick();
        let answer = address.remote.call(request).await;
        if answer.is_err() {
            address.saw(false);
        }
        answer
    }

    fn pick(&self) -> &Address {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.addresses.len();
        let all = || (0..count).map(|step| &self.addresses[(start + step) % count]);
        let healthy = all().find(|address| address.healthy.load(Ordering::Relaxed));
        healthy.unwrap_or(&self.addresses[start % count])
    }
}

/// Looks after one address for as long as there is the pool. Each has a watch of its own, so that
/// those that are slow to answer do not keep the others waiting.
async fn watch(pool: Weak<Pool>, index: usize, health: HealthOptions) {
    while let Some(pool) = pool.upgrade() {
        let address = &pool.addresses[index];
        address.show();
        address.saw(address.serves(health.within).await);
        drop(pool);
        tokio::time::sleep(health.every).await;
    }
}

impl Backend {
    /// A service at an address such as `http://crm:50051`.
    ///
    /// # Errors
    /// When it is not like that.
    pub fn address(address: &str) -> Result<Self, String> {
        Self::addresses(&[address.to_owned()], HealthOptions::default())
    }

    /// A service at several addresses, called in turn, see the module's text. Needs a runtime.
    ///
    /// # Errors
    /// When an address is none, or there is not one.
    pub fn addresses(addresses: &[String], health: HealthOptions) -> Result<Self, String> {
        let open = |name: &String| {
            let remote = Remote::new(name).map_err(|error| format!("{name}: {error}"))?;
            let healthy = AtomicBool::new(true);
            Ok(Address { name: name.clone(), remote: Arc::new(remote), healthy, row: Mutex::default() })
        };
        let addresses = addresses.iter().map(open).collect::<Result<Vec<_>, String>>()?;
        if addresses.is_empty() {
            return Err("a service has no address".to_owned());
        }
        let pool = Arc::new(Pool { addresses, next: AtomicUsize::new(0) });
        if pool.addresses.len() > 1 {
            for index in 0..pool.addresses.len() {
                tokio::spawn(watch(Arc::downgrade(&pool), index, health));
            }
        }
        Ok(Self::pool(pool))
    }
}
