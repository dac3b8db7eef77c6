//! The end of a call: its commit, by itself or together with others.

use kit::{Error, Result};
use tokio::sync::oneshot;
use tracing::Instrument as _;
use uuid::Uuid;

use super::answers::answered_before;
use super::{Cx, Scope, deadline_exceeded};
use crate::flush::Footprint;
use crate::group::{Member, Verdict};
use crate::turns::Entered;
use crate::{conflict, flush, tally};

impl Cx {
    /// Commits what was written so far with its events and goes on without a transaction, so that a saga can
    /// call a peer between two of its steps.
    pub async fn checkpoint(&mut self) -> Result<()> {
        match self.scope {
            _ if self.transaction.is_none() && self.pending.is_empty() && self.on_behalf.is_empty() => Ok(()),
            // A group takes what a call leaves itself.
            Scope::Tenant(tenant) if self.transaction.is_none() && self.on_behalf.is_empty() => {
                self.commit_in_turn(tenant).await
            }
            _ => self.commit().await,
        }
    }

    /// Commits a call that has nothing but writes left, by itself or together with others.
    async fn commit_in_turn(&mut self, tenant: Uuid) -> Result<()> {
        let env = self.env.clone();
        let mut waits = tracing::Span::none();
        let entered = env.groups().enter(&env, tenant, || {
            let (verdict, told) = oneshot::channel();
            waits = tracing::debug_span!(target: telemetry::trace::TARGET, "commit with others");
            let (footprint, deadline) = (self.footprint(), self.deadline);
            (Member { footprint, deadline, span: waits.clone(), verdict }, told)
        });
        let verdict = match entered {
            Entered::Now(_turn) => return self.commit().await,
            Entered::Waits(verdict) => verdict,
        };
        match tokio::time::timeout_at(self.deadline, verdict).instrument(waits).await {
            Ok(Ok(Verdict::Committed)) => {
                self.unasked = None;
                Ok(())
            }
            Ok(Ok(Verdict::Alone(pending))) => {
                self.pending = pending;
                self.commit().await
            }
            Ok(Ok(Verdict::Answered(found))) => {
                self.found = Some(found);
                Err(answered_before())
            }
            Ok(Ok(Verdict::Failed(error))) => Err(error),
            Ok(Err(_)) => Err(Error::unavailable("the database", "nobody has written the call")),
            Err(_) => Err(deadline_exceeded()),
        }
    }

    /// Commits by itself.
    async fn commit(&mut self) -> Result<()> {
        if !self.pending.deferred.is_empty() {
            self.sql().await?;
        }
        // What the last commit of a call does a second time is undone by its answer, of which there is one. What it commits
        // halfway is not.
        if self.pending.answer.is_none() {
            self.refuse_if_answered().await?;
        }
        self.end(&[]).await
    }

    /// Ends the transaction, in which what these calls leave is written already; what this one leaves is not.
    pub(crate) async fn end(&mut self, calls: &[Footprint]) -> Result<()> {
        let own = self.footprints();
        flush::flush(self, &own).await?;
        if let Some(transaction) = self.transaction.take() {
            transaction.commit().await.map_err(conflict::map)?;
        }
        let now = self.now();
        let pending = || own.iter().chain(calls).map(|call| &call.pending);
        if pending().any(|pending| !pending.events.is_empty()) {
            tally::told(self.env.service(), pending().flat_map(|pending| &pending.events));
            self.env.outbox_wake().notify_one();
        }
        // One for later is found when it is due.
        if pending().any(|pending| pending.has_job_due(now)) {
            self.env.jobs_wake().notify_one();
        }
        Ok(())
    }

    /// Takes what is still to be written, on behalf of others and of this call.
    pub(crate) fn footprints(&mut self) -> Vec<Footprint> {
        let mut all = std::mem::take(&mut self.on_behalf);
        all.push(self.footprint());
        all
    }

    /// Takes what is still to be written of this call.
    pub(super) fn footprint(&mut self) -> Footprint {
        let pending = std::mem::take(&mut self.pending);
        Footprint {
            request: self.unasked.or(pending.answer.as_ref().map(|answer| answer.request_id)),
            pending,
            time: self.now(),
            actor: self.actor().to_string(),
            method: self.meta.method.clone(),
            correlation_id: self.meta.correlation_id.clone(),
        }
    }
}
