//! What the manifests of Istio do to calls, with real Envoy sidecars before real servers. `make test-mesh` runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod callers;
mod canary;
mod demo;
mod drain;
mod failing;
mod limits;
mod operations;
mod release;
mod storm;
mod suite;
mod support;
