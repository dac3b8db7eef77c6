//! The manifests of Kubernetes and Istio. [`model`] reads who there is and who talks to whom from the services
//! themselves, [`render`] writes it as files, and [`lint`] checks what kustomize makes of them.

mod contract;
pub mod lint;
pub mod model;
pub mod objects;
pub mod render;
pub mod settings;
mod watch;
