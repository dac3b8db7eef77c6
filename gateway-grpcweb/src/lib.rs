//! The gateway: every contract as REST, gRPC-Web and gRPC on one port, by descriptors alone.
//!
//! ```no_run
//! # async fn example(descriptor_set: &[u8], routes: tonic::service::Routes) -> Result<(), Box<dyn std::error::Error>> {
//! use gateway_grpcweb::{Backend, Gateway, Options};
//!
//! let gateway = Gateway::new(descriptor_set, Backend::routes(routes), Options::default())?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! gateway.serve(listener, std::future::pending()).await?;
//! # Ok(()) }
//! ```
//!
//! A descriptor set is compiled once into a [`Snapshot`]: a tree of routes from the
//! `google.api.http` options, and a plan for every message, by which JSON is written straight to
//! protobuf bytes and back. The gateway knows no service by name.

mod accept;
mod backend;
mod call;
mod codec;
mod connect;
mod console;
mod cors;
mod describe;
mod edge;
mod environment;
mod error;
mod fields;
mod gateway;
mod gather;
mod grpc;
mod grpc_json;
mod grpc_web;
mod headers;
mod heavy;
mod http_rule;
mod mcp;
mod options;
mod protocol;
mod query;
mod rest;
mod routing;
mod serve;
mod served;
mod snapshot;
mod stream;

#[cfg(test)]
mod cases;

pub use backend::Backend;
pub use codec::{JsonError, JsonOptions};
pub use edge::address::Networks;
pub use edge::admin::Metrics;
pub use edge::auth::{AuthOptions, KeySet};
pub use edge::limit::{LimitOptions, Plans};
pub use edge::reload::Descriptors;
pub use edge::tls::{Tls, TlsError};
pub use edge::upstream::HealthOptions;
pub use environment::Environment;
pub use gateway::{Gateway, GatewayService};
pub use options::{McpOptions, Options, Origins};
pub use snapshot::{LoadError, Snapshot};

/// The body of requests and answers.
pub type Body = tonic::body::Body;

/// A body whose bytes are all there.
pub(crate) fn body(bytes: impl Into<bytes::Bytes>) -> Body {
    Body::new(http_body_util::Full::new(bytes.into()))
}

/// Says what is wrong with a path template of `google.api.http`, for tools that write rules.
///
/// # Errors
/// When the template breaks the grammar or binds a field twice; the text says where.
pub fn check_template(template: &str) -> Result<(), String> {
    routing::Template::parse(template).map(drop).map_err(|error| error.to_string())
}
