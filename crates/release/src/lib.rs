//! A release: `releases/<version>.yaml` names its services, their versions and what each needs. [`Release`] reads it
//! and refuses what makes no sense, [`Release::pin`] names its images as they were pushed, [`Release::stages`] tells the
//! order, and [`apply`] goes through it, each stage's health being the gate to the next.

mod apply;
mod manifest;
mod pin;

pub use apply::{Environment, Outcome, Step, apply};
pub use manifest::{Error, Part, Release};
