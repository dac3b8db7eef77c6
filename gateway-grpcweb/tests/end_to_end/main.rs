//! The gateway before a real tonic service, in this process and over TCP, in all protocols.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod archive;
mod basics;
mod calls;
mod connect;
mod cut_off;
mod errors;
mod etags;
mod grpc_json;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod upstream;
