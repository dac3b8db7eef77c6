//! The suite behind real Envoy sidecars on one machine, by the very manifests of Istio that a cluster gets.
//!
//! [`world`] reads the manifests and refuses what it does not know, [`translate`] makes of them what pilot makes of
//! them, [`mesh`] gives pods addresses, [`certificates`] and sidecars, [`discovery`] tells these who is there, and [`run`] starts the
//! suite in them.

pub mod certificates;
pub mod discovery;
pub mod envoy;
pub mod istio;
pub mod left_out;
pub mod mesh;
pub mod network;
pub mod program;
pub mod run;
pub mod translate;
pub mod world;
