//! Whose it is what is written for several calls at once.

use super::{Cx, Meta};
use crate::caller::Actor;

/// Which call something is of that is written later, perhaps together with what other calls have left: what is told of
/// it is told as of there.
#[derive(Debug, Clone)]
pub struct Origin {
    actor: Actor,
    meta: Meta,
}

impl Cx {
    /// Which call this is, for what it leaves to be written later.
    pub fn origin(&self) -> Origin {
        let meta = Meta { traceparent: self.traceparent(), ..self.meta.clone() };
        Origin { actor: self.caller.actor.clone(), meta }
    }

    /// From here on events and audit rows are those of this call, until another one's turn comes: for a [`Deferred`]
    /// that writes what several calls have left.
    pub fn on_behalf_of(&mut self, origin: &Origin) {
        let deferred = std::mem::take(&mut self.pending.deferred);
        if !self.pending.is_empty() {
            let done = self.footprint();
            self.on_behalf.push(done);
        }
        self.pending.deferred = deferred;
        self.caller.actor = origin.actor.clone();
        self.meta = origin.meta.clone();
    }
}
