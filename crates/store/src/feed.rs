//! A server's stream of messages: what a handler promises to send, and what bounds it.

use std::pin::Pin;
use std::time::Duration;

use futures::stream::{self, BoxStream, Stream, StreamExt};
use kit::{Code, Error, Result};
use prost_reflect::ReflectMessage;
use tonic::Status;

use crate::call::report;
use crate::caller::Caller;
use crate::env::Env;
use crate::rpc::Method;
use crate::withhold::withhold;

/// How long a stream goes on at the most: as long as an access token, since permissions are checked when it begins.
/// It then ends well, and its caller goes on from the last cursor with a fresh token.
pub const FEED_MAX: Duration = Duration::from_mins(15);

/// What a streaming method sends. It is asked for the next message only when the caller has taken the last.
pub struct Feed<T>(BoxStream<'static, Result<T>>);

/// A [`Feed`] on its way to the caller.
pub type FeedStream<T> = BoxStream<'static, std::result::Result<T, Status>>;

impl<T> Feed<T> {
    /// Sends these messages; an error ends the stream.
    pub fn new(messages: impl Stream<Item = Result<T>> + Send + 'static) -> Self {
        Self(messages.boxed())
    }
}

impl<T> std::fmt::Debug for Feed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feed")
    }
}

/// A feed with all that ends it or narrows it.
pub(crate) struct Sending<T> {
    pub feed: Feed<T>,
    pub caller: Caller,
    pub method: &'static Method,
    pub end: Pin<Box<dyn Future<Output = Option<Error>> + Send>>,
}

impl<T: ReflectMessage + Default + Send + 'static> Sending<T> {
    /// The messages as the caller may read them, until the feed or its time is over.
    pub fn stream(self) -> FeedStream<T> {
        let next = async |sending: Option<Self>| {
            let mut sending = sending?;
            let message = tokio::select! {
                biased;
                end = &mut sending.end => Err(end?),
                message = sending.feed.0.next() => message?,
            };
            Some(match message {
                Ok(message) => (Ok(withhold(&sending.caller, sending.method, message)), Some(sending)),
                Err(error) => (Err(report(sending.method, error)), None),
            })
        };
        stream::unfold(Some(self), next).boxed()
    }
}

/// Done when a stream must end: well with the process or after [`FEED_MAX`], with DEADLINE_EXCEEDED when the
/// caller's own deadline comes first.
pub(crate) async fn end(env: Env, deadline: Option<Duration>) -> Option<Error> {
    let deadline = deadline.filter(|deadline| *deadline < FEED_MAX);
    tokio::select! {
        () = env.draining() => None,
        () = tokio::time::sleep(deadline.unwrap_or(FEED_MAX)) => {
            let passed = || Error::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "erp", "the deadline passed");
            deadline.map(|_| passed())
        }
    }
}
