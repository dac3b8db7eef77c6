//! The engine below every service: transactions, tenancy, records, filters, outbox and idempotency.
//!
//! Generated code (`contracts`) meets this crate through [`Record`], [`Request`], [`Event`] and [`Rpc`];
//! handlers meet it through [`Cx`].

mod call;
mod caller;
pub mod column;
mod conflict;
mod cx;
mod deferred;
mod env;
mod event;
mod feed;
pub mod filter;
mod flush;
mod group;
pub mod jobs;
mod list;
mod mask;
pub mod migrate;
pub mod order;
pub mod page;
mod peer;
mod reaction;
mod record;
mod rpc;
pub mod rules;
pub mod search;
mod statements;
mod table;
pub mod tally;
mod tree;
mod turns;
mod verbs;
mod withhold;

pub use call::{Call, grpc_timeout};
pub use caller::{Actor, Caller, covers};
pub use conflict::{is_conflict, met_another};
pub use cx::{Batched, CORRELATION_HEADER, Cx, Meta, Origin, TENANT_HEADER, TRACE_HEADER};
pub use deferred::Deferred;
pub use env::Env;
pub use event::{Envelope, Metadata, to_json};
pub use feed::{FEED_MAX, Feed, FeedStream};
pub use filter::Value;
pub use jobs::Next;
pub use list::{ListQuery, Only, Page};
pub use peer::{BoxFuture, CallError, Channel, NoPeers, PeerChannel, Peers};
pub use reaction::{React, react};
pub use record::{Event, Header, Record, Request, Topic, Validate};
pub use rpc::{Access, Method, Rpc, Standard};
pub use table::{Column, Kind, Table};
pub use verbs::BATCH_MAX;

/// What generated code uses; nothing for people.
pub mod glue {
    pub use {prost, prost_reflect, prost_types, serde_json, sqlx, tonic};
}
