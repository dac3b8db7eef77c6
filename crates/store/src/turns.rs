//! Turns: of the calls of a tenant that want the same kind of thing done, the first has it done by itself. Those that
//! come meanwhile queue up and are served together when it is through; nobody waits for a timer.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};

use uuid::Uuid;

use crate::env::Env;

/// How many are served together.
const TOGETHER_MAX: usize = 32;

/// How many of a tenant wait; what comes on top goes by itself.
const QUEUE_MAX: usize = 1_024;

/// Something that waits for its turn.
pub(crate) trait Waits: Send + Sized + 'static {
    /// Whether nobody waits for it any more.
    fn is_gone(&self) -> bool;

    /// Whether it can be served together with these.
    fn fits(&self, others: &[Self]) -> bool;

    /// Serves all of them, of which there is one at the least, and tells each what became of it.
    fn serve(env: &Env, tenant: Uuid, together: Vec<Self>) -> impl Future<Output = ()> + Send;
}

/// Those who wait, by tenant. A tenant is in it while somebody holds its [`Turn`].
pub(crate) struct Turns<W>(Mutex<HashMap<Uuid, VecDeque<W>>>);

/// Whether it is somebody's turn.
pub(crate) enum Entered<W: Waits, R> {
    /// Now. Others wait until this turn is dropped; it is none where too many wait already.
    Now(Option<Turn<W>>),
    /// Not yet; this will tell.
    Waits(R),
}

impl<W> Default for Turns<W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<W: Waits> Turns<W> {
    /// Queues up what `make` makes if it is another one's turn.
    pub fn enter<R>(
        self: &Arc<Self>,
        env: &Env,
        tenant: Uuid,
        make: impl FnOnce() -> (W, R),
    ) -> Entered<W, R> {
        let mut waiting = self.lock();
        let Some(queue) = waiting.get_mut(&tenant) else {
            waiting.insert(tenant, VecDeque::new());
            return Entered::Now(Some(Turn { turns: self.clone(), env: env.clone(), tenant }));
        };
        if queue.len() >= QUEUE_MAX {
            return Entered::Now(None);
        }
        let (waits, receiver) = make();
        queue.push_back(waits);
        Entered::Waits(receiver)
    }

    /// The next ones to serve together, without those for whom nobody waits.
    fn next(&self, tenant: Uuid) -> Vec<W> {
        let mut waiting = self.lock();
        let Some(queue) = waiting.get_mut(&tenant) else { return Vec::new() };
        let mut together = Vec::new();
        while let Some(next) = queue.pop_front() {
            if next.is_gone() {
                continue;
            }
            if together.len() == TOGETHER_MAX || !next.fits(&together) {
                queue.push_front(next);
                break;
            }
            together.push(next);
        }
        together
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, VecDeque<W>>> {
        self.0.lock().expect("nothing panics while holding it")
    }
}

/// The turn of a tenant. Whoever drops it has those served who have come meanwhile.
pub(crate) struct Turn<W: Waits> {
    turns: Arc<Turns<W>>,
    env: Env,
    tenant: Uuid,
}

impl<W: Waits> Turn<W> {
    async fn serve(self) {
        loop {
            let together = self.turns.next(self.tenant);
            if together.is_empty() {
                return;
            }
            W::serve(&self.env, self.tenant, together).await;
        }
    }
}

impl<W: Waits> Drop for Turn<W> {
    fn drop(&mut self) {
        let mut waiting = self.turns.lock();
        let Some(queue) = waiting.get(&self.tenant) else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !queue.is_empty() => {
                let turn = Self { turns: self.turns.clone(), env: self.env.clone(), tenant: self.tenant };
                runtime.spawn(turn.serve());
            }
            // Without a runtime nobody waits any more.
            _ => drop(waiting.remove(&self.tenant)),
        }
    }
}
