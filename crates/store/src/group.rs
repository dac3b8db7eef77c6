//! Group commit: calls of a tenant that only write share a transaction.
//!
//! A lone call writes by itself, at once. Where several are at work, each waits a moment for the others, and they are
//! written together: one look for their first answers, one insert for each type of row, one flush, one commit. If
//! that fails, each of them writes by itself, so that an error reaches the call whose it is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kit::{Error, Result};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use crate::call::Found;
use crate::caller::Caller;
use crate::cx::{Cx, Meta};
use crate::env::Env;
use crate::flush::{Footprint, Pending};
use crate::{deferred, flush};

/// How many calls share a transaction.
const MEMBERS_MAX: usize = 32;

/// How many calls of a tenant wait; what comes on top writes by itself.
const QUEUE_MAX: usize = 1_024;

/// Where no more calls than this are at work, nobody waits for the others.
const FEW: usize = 2;

/// How long calls wait for others that are at work.
const GATHER_FOR: Duration = Duration::from_millis(4);

/// What goes on in the tenants of which somebody is at work.
#[derive(Default)]
pub(crate) struct Groups(Mutex<HashMap<Uuid, Tenant>>);

/// What goes on in a tenant.
#[derive(Default)]
struct Tenant {
    /// Calls, jobs and reactions that may come to write.
    at_work: usize,
    /// The calls that wait; `None` while nobody holds the [`Turn`].
    waiting: Option<VecDeque<Member>>,
    /// All that are at work wait.
    complete: Arc<Notify>,
}

impl Tenant {
    fn is_complete(&self) -> bool {
        self.waiting.as_ref().is_none_or(|queue| queue.len() >= self.at_work.min(MEMBERS_MAX))
    }
}

/// Says that somebody is at work in a tenant, as long as it lives.
pub(crate) struct AtWork {
    env: Env,
    tenant: Uuid,
}

impl AtWork {
    pub fn new(env: &Env, tenant: Uuid) -> Self {
        env.groups().lock().entry(tenant).or_default().at_work += 1;
        Self { env: env.clone(), tenant }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut tenants = self.env.groups().lock();
        if let Some(tenant) = tenants.get_mut(&self.tenant) {
            tenant.at_work -= 1;
            if tenant.is_complete() {
                tenant.complete.notify_one();
            }
        }
        forget_if_idle(&mut tenants, self.tenant);
    }
}

fn forget_if_idle(tenants: &mut HashMap<Uuid, Tenant>, id: Uuid) {
    if tenants.get(&id).is_some_and(|tenant| tenant.at_work == 0 && tenant.waiting.is_none()) {
        tenants.remove(&id);
    }
}

/// A call that waits to be written.
pub(crate) struct Member {
    pub footprint: Footprint,
    pub deadline: Instant,
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

/// Whether a call writes now or waits.
pub(crate) enum Entered {
    First(Turn),
    Full,
    Waits(oneshot::Receiver<Verdict>),
}

impl Groups {
    /// Queues a call up if others of the tenant write or are about to.
    pub fn enter(env: &Env, id: Uuid, make: impl FnOnce() -> (Footprint, Instant)) -> Entered {
        let mut tenants = env.groups().lock();
        let tenant = tenants.entry(id).or_default();
        let queue = match &mut tenant.waiting {
            Some(queue) if queue.len() >= QUEUE_MAX => return Entered::Full,
            Some(queue) => queue,
            None if tenant.at_work <= FEW => {
                tenant.waiting = Some(VecDeque::new());
                return Entered::First(Turn { env: env.clone(), tenant: id });
            }
            empty @ None => {
                tokio::spawn(serve(Turn { env: env.clone(), tenant: id }));
                empty.insert(VecDeque::new())
            }
        };
        let (verdict, receiver) = oneshot::channel();
        let (footprint, deadline) = make();
        queue.push_back(Member { footprint, deadline, verdict });
        if tenant.is_complete() {
            tenant.complete.notify_one();
        }
        Entered::Waits(receiver)
    }

    /// Waits a moment for those who are at work.
    async fn gather(&self, id: Uuid) {
        let complete = match self.lock().get(&id) {
            Some(tenant) if !tenant.is_complete() => tenant.complete.clone(),
            _ => return,
        };
        // Somebody may be at work for long, or not come to write at all.
        let _ = tokio::time::timeout(GATHER_FOR, complete.notified()).await;
    }

    /// The next calls to write together, without those whose callers have gone.
    fn next(&self, tenant: Uuid) -> Vec<Member> {
        let mut tenants = self.lock();
        let queue = tenants.get_mut(&tenant).and_then(|tenant| tenant.waiting.as_mut());
        let Some(queue) = queue else { return Vec::new() };
        let mut members = Vec::new();
        let mut requests = HashSet::new();
        while let Some(member) = queue.pop_front() {
            if member.verdict.is_closed() {
                continue;
            }
            let request = member.footprint.request;
            // The same request twice: the second finds the first one's answer.
            if members.len() == MEMBERS_MAX || request.is_some_and(|id| !requests.insert(id)) {
                queue.push_front(member);
                break;
            }
            members.push(member);
        }
        members
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Tenant>> {
        self.0.lock().expect("nothing panics while holding it")
    }
}

/// The right to write for a tenant. Whoever drops it has those written who have come meanwhile.
pub(crate) struct Turn {
    env: Env,
    tenant: Uuid,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut tenants = self.env.groups().lock();
        let Some(tenant) = tenants.get_mut(&self.tenant) else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if tenant.waiting.as_ref().is_some_and(|queue| !queue.is_empty()) => {
                runtime.spawn(serve(Turn { env: self.env.clone(), tenant: self.tenant }));
            }
            // Without a runtime nobody waits any more.
            _ => {
                tenant.waiting = None;
                forget_if_idle(&mut tenants, self.tenant);
            }
        }
    }
}

async fn serve(turn: Turn) {
    loop {
        turn.env.groups().gather(turn.tenant).await;
        let members = turn.env.groups().next(turn.tenant);
        if members.is_empty() {
            return;
        }
        write(&turn.env, turn.tenant, members).await;
    }
}

/// Writes calls together and tells each what became of it.
async fn write(env: &Env, tenant: Uuid, members: Vec<Member>) {
    let meta = Meta { method: "engine:group commit".to_owned(), ..Meta::default() };
    let mut cx = Cx::new(env.clone(), Caller::service(env.service(), Some(tenant)), meta);
    if let Some(deadline) = members.iter().map(|member| member.deadline).max() {
        cx = cx.with_timeout(deadline.saturating_duration_since(Instant::now()));
    }
    cx.share();
    let (verdicts, footprints): (Vec<_>, Vec<_>) = unanswered(&mut cx, members).await.into_iter().unzip();
    let tell = |verdict: oneshot::Sender<Verdict>, what| {
        // Whoever has gone has gone.
        drop(verdict.send(what));
    };
    if let Err(error) = prepare(&mut cx, &footprints).await {
        tracing::debug!(service = env.service(), %error, members = footprints.len(), "a group goes its own ways");
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

/// Does everything but the commit.
async fn prepare(cx: &mut Cx, calls: &[Footprint]) -> Result<()> {
    deferred::write(cx, calls.iter().flat_map(|call| &call.pending.deferred)).await?;
    flush::flush(cx, calls).await
}
