//! A release: `releases/<version>.yaml` names its services, their versions and what each needs. [`Release`] reads it
//! and refuses what makes no sense, [`Release::stages`] tells the order, and [`apply`] goes through it, each stage's
//! health being the gate to the next.

mod apply;
mod manifest;

pub use apply::{Environment, Outcome, Step, apply};
pub use manifest::{Error, Part, Release};
