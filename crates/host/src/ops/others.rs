//! What the processes of other services know of dead letters, outboxes and lag, for the one that answers operators.

use contracts::METHODS;
use contracts::ops::v1::event_log_service_client::EventLogServiceClient;
use futures::future::try_join_all;
use kit::{Code, Error, Result};
use store::{Access, Actor, Cx, PeerChannel};
use tonic::{Response, Status};

/// What is asked of peers. The rest is answered from the log, which is the same for everybody.
pub const ASKED_OF_PEERS: [&str; 4] = [
    "/erp.ops.v1.EventLogService/GetConsumerLag",
    "/erp.ops.v1.EventLogService/GetOutboxStatus",
    "/erp.ops.v1.EventLogService/ListDeadLetters",
    "/erp.ops.v1.EventLogService/ReplayDeadLetter",
];
/// How large an answer of a peer may be: a page of 1,000 events is larger than tonic's four megabytes.
const ANSWER_MAX: usize = 64 << 20;

/// The permissions that it takes to ask.
pub(crate) fn permissions() -> Vec<&'static str> {
    let asked = METHODS.iter().filter(|method| ASKED_OF_PEERS.contains(&method.path));
    let mut permissions: Vec<&str> = asked
        .filter_map(|method| match method.access {
            Access::Permission(permission) => Some(permission),
            Access::Public | Access::Authenticated => None,
        })
        .collect();
    permissions.sort_unstable();
    permissions.dedup();
    permissions
}

/// A peer as it is asked.
pub(crate) type Peer = EventLogServiceClient<PeerChannel>;

/// The services that run elsewhere, by name.
pub(crate) struct Others(pub Vec<String>);

impl Others {
    /// Asks all of them at the same time, or only the one of this name. An answer that lacks somebody's part would
    /// look whole, so that whoever does not answer is the answer. Asks nobody for a service: that one is itself
    /// asking around, and answers would be counted twice.
    pub async fn ask<A, F>(&self, cx: &mut Cx, only: &str, call: impl Fn(Peer) -> F) -> Result<Vec<A>>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        if matches!(cx.caller().actor, Actor::Service(_)) {
            return Ok(Vec::new());
        }
        let mut asked = Vec::new();
        for name in self.0.iter().filter(|name| only.is_empty() || only == *name) {
            let peer = cx.peer_named(name, EventLogServiceClient::new).await?;
            let answer = call(peer.max_decoding_message_size(ANSWER_MAX));
            asked.push(async move {
                answer.await.map(Response::into_inner).map_err(|status| refused(name, status))
            });
        }
        try_join_all(asked).await
    }
}

/// What a peer refuses for the request's sake, the caller is told as if it had asked there. All else is between the
/// two services: that this one lacks a permission, say, is no fault of the caller's.
fn refused(peer: &str, status: Status) -> Error {
    let error = Error::from(status);
    match error.code() {
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::Aborted => error,
        _ => Error::unavailable(peer, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_takes_the_permissions_of_what_is_asked_and_no_others() {
        // One too many would open more to whoever steals the identity; one too few would leave operators blind.
        let known = |path: &&str| METHODS.iter().any(|method| method.path == *path);
        assert!(ASKED_OF_PEERS.iter().all(known));
        assert_eq!(permissions(), ["ops.dead-letters.read", "ops.dead-letters.replay", "ops.events.read"]);
    }

    #[test]
    fn a_peer_that_fails_is_named() {
        // Whoever looks for a fault must learn which service to look at; what is wrong with the request stays as it is.
        let denied = refused("finance", Status::permission_denied("the permission ... is missing"));
        assert_eq!((denied.code(), denied.text()), (Code::Unavailable, "finance does not answer"));
        assert_eq!(refused("finance", Status::not_found("no such letter")).code(), Code::NotFound);
    }
}
