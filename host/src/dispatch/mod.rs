//! Dispatch: takes batches in, lets the scheduler decide, runs what may run, answers in order.
//! The only room that starts calls. It must not know what a tool does or how a sandbox is built.
//!
//! The owner is a value behind one lock rather than a task with an inbox: whoever brings a message (a caller with a batch,
//! a worker with an end, someone who takes a call back) turns the crank for a few microseconds and carries out what it
//! says. That saves two of four thread changes of a small call, no busy guest can keep an owner task from its turn, and a
//! cancel stands in no queue.

mod admit;
mod approve;
mod batch;
mod chain;
mod events;
mod here;
mod learned;
mod live;
mod needs;
mod owner;
mod prepare;
mod record;
mod refused;
mod resolve;
mod reuse;
mod trees;
mod watch;
mod worker;

pub use admit::{Batch, Canceller};
#[cfg(feature = "mcp")]
pub(crate) use approve::Memory;
pub(crate) use approve::Voice;
pub use approve::{Answer, Answering, Approve, Asks, Question};
pub use batch::BatchError;
pub(crate) use batch::Named;
pub(crate) use chain::{Links, links};
pub use events::Observer;
pub(crate) use here::Begins;
pub use live::LiveCall;
pub(crate) use prepare::Rules;
pub(crate) use trees::Trees;
pub use watch::Events;

use crate::audit::Audit;
use crate::browser::{Browsers, SessionStatus};
use crate::call::{Call, CallId, Status, What};
use crate::policy::Policy;
use crate::sandbox::Sandbox;
use crate::schedule::Scheduler;
use crate::walls::{self, Wall};
use approve::Approvals;
use events::Hub;
use live::{ClientId, Live};
use owner::Owner;
use refused::Refused;
use reuse::Reuse;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use watch::Ears;

/// How many calls run at once, and in which manner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parallel {
    /// As many as don't conflict, at most this many.
    UpTo(NonZeroUsize),
    /// One after the other in the order of submission.
    Serial,
}

/// What a dispatcher is made of.
pub(crate) struct Setup {
    pub(crate) rules: Arc<Rules>,
    pub(crate) sandbox: Arc<Sandbox>,
    /// Browsers, if there are any.
    pub(crate) browsers: Option<Arc<Browsers>>,
    pub(crate) parallel: Parallel,
    /// How many of the calls that run compute at one moment.
    pub(crate) cores: NonZeroUsize,
    pub(crate) observers: Vec<Observer>,
    /// The tools whose answers may be given again; `*` for all.
    pub(crate) reuse: Vec<String>,
    /// Who is asked about what the policy refuses.
    pub(crate) approver: Option<Arc<dyn Approve>>,
    /// Where decisions and ends are written.
    pub(crate) audit: Option<Audit>,
}

/// Runs calls.
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    /// Guests' own threads; `None` only while being dropped.
    runtime: Option<Runtime>,
    batches: AtomicU64,
    clients: AtomicU64,
    /// What was said about calls of nobody but the host.
    own: Voice,
}

struct Shared {
    policy: Arc<Policy>,
    // Held to take or put one pointer.
    rules: RwLock<Arc<Rules>>,
    sandbox: Arc<Sandbox>,
    browsers: Option<Arc<Browsers>>,
    /// Who is told what happens.
    hub: Ears,
    reuse: Reuse,
    approvals: Approvals,
    audit: Option<Audit>,
    /// Whether nothing comes in any more.
    closed: AtomicBool,
    /// Where workers run.
    handle: tokio::runtime::Handle,
    // The one lock of the host. Held for one step of the owner's state machine, never across a system call or a wait.
    owner: Mutex<Owner>,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher")
            .field("rules", &self.shared.rules())
            .finish_non_exhaustive()
    }
}

/// Whose calls are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// Everyone's.
    All,
    /// A client's.
    Client(ClientId),
    /// A batch's.
    Batch(u64),
    /// One call of a batch.
    One(u64, &'a CallId),
}

impl Whose<'_> {
    fn means(self, call: &Live) -> bool {
        match self {
            Self::All => true,
            Self::Client(client) => call.common.client == client,
            Self::Batch(batch) => call.common.batch == batch,
            Self::One(batch, id) => call.common.batch == batch && call.id == *id,
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(setup: Setup) -> std::io::Result<Self> {
        let scheduler = match setup.parallel {
            Parallel::UpTo(most) => Scheduler::new(setup.cores).with_most_started(most),
            Parallel::Serial => Scheduler::serial(),
        };
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime
            .thread_name("toolyard-guest")
            .worker_threads(setup.cores.get())
            .enable_time();
        if setup
            .rules
            .catalog
            .plugins()
            .iter()
            .any(|plugin| plugin.closures().is_some())
        {
            // Guests have no use for input and output by the runtime; closures may.
            runtime.enable_io();
        }
        let runtime = runtime.build()?;
        let zero = Instant::now();
        let hub = match setup.observers.is_empty() {
            true => None,
            false => Some(Hub::start(setup.observers, zero)?),
        };
        let policy = Arc::clone(&setup.rules.policy);
        let reuse = Reuse::new(setup.reuse, policy.limits().reuse);
        Ok(Self {
            shared: Arc::new(Shared {
                policy,
                rules: RwLock::new(setup.rules),
                sandbox: setup.sandbox,
                browsers: setup.browsers,
                reuse,
                approvals: Approvals::new(setup.approver),
                audit: setup.audit,
                closed: AtomicBool::new(false),
                hub: Ears::new(hub, zero),
                handle: runtime.handle().clone(),
                owner: Mutex::new(Owner::new(scheduler)),
            }),
            runtime: Some(runtime),
            batches: AtomicU64::new(1),
            // The host itself is client 0.
            clients: AtomicU64::new(1),
            own: Voice::default(),
        })
    }

    /// What decides about calls that come in now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.shared.rules()
    }

    /// Decides by these from now on; calls that are here keep what they came in under.
    pub(crate) fn replace_rules(&self, rules: Rules) {
        let mut now = self.shared.rules.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(rules);
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.shared.policy
    }

    /// Where decisions and ends are written.
    pub(crate) fn audit(&self) -> Option<&Path> {
        self.shared.audit.as_ref().map(Audit::path)
    }

    /// A number for one more client.
    pub(crate) fn new_client(&self) -> ClientId {
        self.clients.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a batch of the host's own in: every call is resolved and scheduled before the first one's outcome is awaited.
    ///
    /// # Errors
    /// If ids are given twice, names are unknown or go in a circle, or a reference makes no sense; then nothing has started.
    pub(crate) fn submit(&self, calls: Vec<Call>) -> Result<Batch, BatchError> {
        self.submit_as(self.new_batch(), (0, self.own.clone()), calls, Begins::There)
    }

    /// A number for one more batch.
    pub(crate) fn new_batch(&self) -> u64 {
        self.batches.fetch_add(1, Ordering::Relaxed)
    }

    /// As `submit`, under a number of one's own from `new_batch`.
    pub(crate) fn submit_as(
        &self,
        number: u64,
        whose: (ClientId, Voice),
        calls: Vec<Call>,
        begins: Begins,
    ) -> Result<Batch, BatchError> {
        admit::admit(&self.shared, number, whose, calls, begins)
    }

    /// As `submit`, of a client or of the host's own, with what happens to these calls.
    pub(crate) fn watch(
        &self,
        whose: Option<(ClientId, Voice)>,
        calls: Vec<Call>,
    ) -> Result<(Batch, Events), BatchError> {
        let number = self.new_batch();
        let whose = whose.unwrap_or_else(|| (0, self.own.clone()));
        // Before the first call comes in, so that nothing is missed.
        let events = self.shared.hub.watch(number, calls.len());
        let batch = self.submit_as(number, whose, calls, Begins::There)?;
        Ok((batch, events))
    }

    /// Compiles the plugins of these tools beside each other, as far as they aren't compiled. One that can't be is left to
    /// its calls, which will say so.
    pub(crate) async fn warm(&self, tools: impl Iterator<Item = &str>) {
        let mut seen = HashSet::new();
        let rules = self.shared.rules();
        let plugins = tools
            .filter_map(|name| rules.catalog.tool(name))
            .map(|entry| &entry.plugin)
            .filter(|plugin| plugin.closures().is_none());
        let work: Vec<_> = plugins
            .filter(|plugin| seen.insert(Arc::as_ptr(plugin).addr()))
            .map(|plugin| {
                let (plugin, sandbox) = (Arc::clone(plugin), Arc::clone(&self.shared.sandbox));
                let compile = async move { plugin.compiled(&sandbox).await.map(drop) };
                self.shared.handle.spawn(compile)
            })
            .collect();
        for one in work {
            if let Ok(Err(error)) = one.await {
                tracing::debug!(%error, "a plugin could not be compiled ahead of its calls");
            }
        }
    }

    /// Lets nothing in any more, and takes back what has not ended.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.cancel(Whose::All);
    }

    /// Takes calls back that have not ended; how many there were.
    pub(crate) fn cancel(&self, whose: Whose<'_>) -> usize {
        self.shared.cancel(whose)
    }

    /// The browser sessions that run.
    pub(crate) fn sessions(&self) -> Vec<SessionStatus> {
        self.shared
            .browsers
            .as_ref()
            .map(|browsers| browsers.status())
            .unwrap_or_default()
    }

    pub(crate) fn browsers(&self) -> Option<&Arc<Browsers>> {
        self.shared.browsers.as_ref()
    }

    /// The calls that have not ended, the oldest first.
    pub(crate) fn status(&self) -> Vec<LiveCall> {
        self.shared.owner().status()
    }

    /// Whether observers have not been told yet of progress or lines of that batch.
    pub(crate) fn has_words(&self, batch: u64) -> bool {
        self.shared.hub.hub().is_some_and(|hub| hub.has_words(batch))
    }

    /// Waits until observers have been told everything that has happened, at most for that long; whether they have.
    pub(crate) fn settle_events(&self, at_most: Duration) -> bool {
        self.shared.hub.hub().is_none_or(|hub| hub.settle(at_most))
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.cancel(Whose::All);
        self.shared.hub.end();
        if let Some(runtime) = self.runtime.take() {
            // Never waits: dropping a host inside an async function must not block that thread.
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn owner(&self) -> MutexGuard<'_, Owner> {
        // A panic in one step would leave a table that is still whole: every step changes it by single inserts.
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, batch: u64, id: &CallId, what: What) {
        self.hub.tell(batch, id, what);
    }

    /// Whether one more call may come in: there is room, of all and of this client, and a host.
    fn room(&self, client: ClientId, owner: &Owner) -> Result<(), Refused> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Refused::new(Status::HostFailure, "host_gone", "the host was dropped"));
        }
        let limits = self.policy.limits();
        let (all, own) = owner.load(client);
        let full = |what: &str, most: u64| {
            let message = format!("{what} {most} calls that have not ended already");
            Err(Refused::new(Status::Overloaded, "overloaded", message).hint("try again when some have ended"))
        };
        if all as u64 >= limits.waiting && walls::stands(Wall::Waiting) {
            return full("the host has", limits.waiting);
        }
        // The host's own calls are bounded like all together.
        if client != 0 && own as u64 >= limits.client_waiting {
            return full("this client has", limits.client_waiting);
        }
        Ok(())
    }

    fn cancel(self: &Arc<Self>, whose: Whose<'_>) -> usize {
        let tickets = self.owner().those(|call| whose.means(call));
        // The youngest first: nobody moves up only to be taken back next.
        for ticket in tickets.iter().rev() {
            let effects = self.owner().cancel(*ticket);
            worker::carry_out(self, effects);
        }
        self.sandbox.nudge();
        tickets.len()
    }
}
