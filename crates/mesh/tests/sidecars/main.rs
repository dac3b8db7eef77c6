//! What the manifests of Istio do to calls, with real Envoy sidecars before real servers. `make test-mesh` runs it.

mod callers;
mod canary;
mod demo;
mod drain;
mod failing;
mod limits;
mod release;
mod storm;
mod suite;
mod support;
