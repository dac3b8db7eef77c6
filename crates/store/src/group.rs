//! Group commit: calls of a tenant that only write, and come while another one commits, share a transaction.
//!
//! The first call writes by itself. Those that come meanwhile queue up, and are written together when it is
//! through: one look for their first answers, one insert for each type of row, one flush, one commit. If that
//! fails, each of them writes by itself, so that an error reaches the call whose it is.

use kit::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::call::Found;
use crate::caller::Caller;
use crate::cx::{Cx, Meta};
use crate::env::Env;
use crate::flush::{Footprint, Pending};
use crate::turns::Waits;
use crate::{deferred, flush};

/// A call that waits to be written.
pub(crate) struct Member {
    pub footprint: Footprint,
    pub deadline: Instant,
    /// In which its call waits.
    pub span: Span,
    pub verdict: oneshot::Sender<Verdict>,
}

/// What became of a call that waited.
pub(crate) enum Verdict {
    Committed,
    /// Its request was answered before.
    Answered(Found),
    /// It is to write by itself.
    Alone(Pending),
    Failed(Error),
}

impl Waits for Member {
    fn is_gone(&self) -> bool {
        self.verdict.is_closed()
    }

    /// The same request twice: the second finds the first one's answer.
    fn fits(&self, others: &[Self]) -> bool {
        let request = self.footprint.request;
        request.is_none() || others.iter().all(|other| other.footprint.request != request)
    }

    async fn serve(env: &Env, tenant: Uuid, together: Vec<Self>) {
        let span = span_of(env, &together);
        write(env, tenant, together).instrument(span).await;
    }
}

/// What is done for a group stands in the trace of its first call; the others name it.
fn span_of(env: &Env, members: &[Member]) -> Span {
    let span = tracing::debug_span!(
        target: telemetry::trace::TARGET,
        parent: &members[0].span,
        "group commit",
        service = env.service(),
        members = members.len(),
    );
    for member in &members[1..] {
        telemetry::trace::link(&member.span, &span);
    }
    span
}

/// Writes calls together and tells each what became of it.
async fn write(env: &Env, tenant: Uuid, members: Vec<Member>) {
    let meta = Meta { method: "engine:group commit".to_owned(), ..Meta::default() };
    let mut cx = Cx::new(env.clone(), Caller::service(env.service(), Some(tenant)), meta);
    if let Some(deadline) = members.iter().map(|member| member.deadline).max() {
        cx = cx.with_timeout(deadline.saturating_duration_since(Instant::now()));
    }
    cx.share();
    let (verdicts, mut footprints): (Vec<_>, Vec<_>) = unanswered(&mut cx, members).await.into_iter().unzip();
    let tell = |verdict: oneshot::Sender<Verdict>, what| {
        // Whoever has gone has gone.
        drop(verdict.send(what));
    };
    if let Err(error) = prepare(&mut cx, &mut footprints).await {
        tracing::debug!(service = env.service(), %error, members = verdicts.len(), "a group goes its own ways");
        cx.rollback().await;
        for (verdict, footprint) in verdicts.into_iter().zip(footprints) {
            tell(verdict, Verdict::Alone(footprint.pending));
        }
        return;
    }
    let committed = cx.end(&footprints).await;
    for verdict in verdicts {
        tell(verdict, committed.clone().map_or_else(Verdict::Failed, |()| Verdict::Committed));
    }
}

/// Tells those calls their first answers whose requests were answered before, and leaves the others.
async fn unanswered(cx: &mut Cx, members: Vec<Member>) -> Vec<(oneshot::Sender<Verdict>, Footprint)> {
    let request = |member: &Member| member.footprint.request;
    // If they cannot be looked for, nothing else will work, and each call finds that out by itself.
    let found = cx.first_answers(members.iter().filter_map(request).collect()).await.unwrap_or_default();
    let mut left = Vec::with_capacity(members.len());
    for member in members {
        match request(&member).and_then(|id| found.get(&id)) {
            Some(found) => drop(member.verdict.send(Verdict::Answered(found.clone()))),
            None => left.push((member.verdict, member.footprint)),
        }
    }
    left
}

/// Does everything but the commit. What the writes tell on behalf of the calls comes behind what the calls left.
async fn prepare(cx: &mut Cx, calls: &mut Vec<Footprint>) -> Result<()> {
    deferred::write(cx, calls.iter().flat_map(|call| &call.pending.deferred)).await?;
    if !cx.pending.deferred.is_empty() {
        cx.sql().await?;
    }
    calls.extend(cx.footprints());
    flush::flush(cx, calls).await
}
