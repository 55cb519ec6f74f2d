//! Dispatch: takes batches in, lets the scheduler decide, runs what may run, answers in order.
//! The only room that spawns. It must not know what a tool does or how a sandbox is built.
//!
//! The owner is a value behind one lock rather than a task with an inbox: whoever brings a message (a caller with a batch,
//! a worker with an end) turns the crank for a few microseconds and carries out what it says. That saves two of four
//! thread changes of a small call, and no busy guest can keep an owner task from its turn.

mod batch;
mod owner;
mod prepare;

pub use batch::BatchError;
pub(crate) use batch::{ids as batch_ids, order};
pub(crate) use prepare::{Prepared, Refused, Rules};

use crate::call::{Call, CallId, Event, Outcome, Status};
use crate::sandbox::{Ended, Job, Sandbox};
use crate::schedule::{Scheduler, Ticket};
use owner::{Effect, Live, Owner, held};
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// How often one call's paths may turn out different when its turn comes, before it fails.
const MAX_REPLANS: u32 = 8;

/// Who is told what happens. Called from the threads that do the work, so it must be quick.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// How many calls run at once, and in which manner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parallel {
    /// As many as don't conflict, at most this many.
    UpTo(NonZeroUsize),
    /// One after the other in the order of submission.
    Serial,
}

/// Runs calls.
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    /// Guests' own threads; `None` only while being dropped.
    runtime: Option<Runtime>,
}

struct Shared {
    rules: Arc<Rules>,
    sandbox: Arc<Sandbox>,
    observer: Option<Observer>,
    // The one lock of the host. Held for one step of the owner's state machine, never across a system call or a wait.
    owner: Mutex<Owner>,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher")
            .field("rules", &self.shared.rules)
            .finish_non_exhaustive()
    }
}

/// A batch under way.
#[derive(Debug)]
pub(crate) struct Batch {
    /// In request order: an outcome that is known already, or where it will arrive.
    pending: Vec<Pending>,
}

#[derive(Debug)]
enum Pending {
    Known(Box<Outcome>),
    Waiting(CallId, String, oneshot::Receiver<Outcome>),
}

impl Dispatcher {
    pub(crate) fn new(
        rules: Arc<Rules>,
        sandbox: Arc<Sandbox>,
        parallel: Parallel,
        observer: Option<Observer>,
    ) -> std::io::Result<Self> {
        let scheduler = match parallel {
            Parallel::UpTo(slots) => Scheduler::new(slots),
            Parallel::Serial => Scheduler::serial(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("toolyard-guest")
            .enable_time()
            .build()?;
        let max_waiting = rules.policy.limits().waiting;
        Ok(Self {
            shared: Arc::new(Shared {
                rules,
                sandbox,
                observer,
                owner: Mutex::new(Owner::new(scheduler, max_waiting)),
            }),
            runtime: Some(runtime),
        })
    }

    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.shared.rules
    }

    /// Takes a batch in: every call is resolved and scheduled before the first one's outcome is awaited.
    ///
    /// # Errors
    /// If ids are given twice, or `after` names an unknown call or goes in a circle; then nothing has started.
    pub(crate) fn submit(&self, calls: Vec<Call>) -> Result<Batch, BatchError> {
        let zero = Instant::now();
        let ids = batch::ids(&calls)?;
        let order = order(&calls, &ids)?;
        let positions = batch::Positions::new(&calls, &ids);
        let mut pending: Vec<Option<Pending>> = calls.iter().map(|_| None).collect();
        let mut tickets: Vec<Option<Ticket>> = calls.iter().map(|_| None).collect();
        for index in order {
            let (Some(call), Some(id)) = (calls.get(index), ids.get(index)) else {
                continue;
            };
            let after = positions.after(call);
            let (entry, ticket) = self.admit(call, id.clone(), &after, &tickets, positions.awaited(id), zero);
            if let (Some(slot), Some(t)) = (pending.get_mut(index), tickets.get_mut(index)) {
                (*slot, *t) = (Some(entry), ticket);
            }
        }
        if positions.any() {
            self.shared.owner().forget(tickets.iter().copied().flatten());
        }
        Ok(Batch {
            pending: pending.into_iter().flatten().collect(),
        })
    }

    /// Lets one call in, or says at once why not.
    fn admit(
        &self,
        call: &Call,
        id: CallId,
        after: &[usize],
        tickets: &[Option<Ticket>],
        awaited: bool,
        zero: Instant,
    ) -> (Pending, Option<Ticket>) {
        let queued = Instant::now();
        let refuse = |refused: Refused| {
            let outcome = owner::refused(id.clone(), call.tool.clone(), refused, zero);
            self.shared.tell(&Event::Finished {
                id: id.clone(),
                status: outcome.status,
            });
            (Pending::Known(Box::new(outcome)), None)
        };
        let earlier: Option<Vec<Ticket>> = after.iter().map(|at| tickets.get(*at).copied().flatten()).collect();
        let Some(earlier) = earlier else {
            let message = "a call that it comes after was refused";
            return refuse(Refused::new(Status::Skipped, "skipped", message));
        };
        let prepared = match self.shared.rules.prepare(call) {
            Ok(prepared) => prepared,
            Err(refused) => return refuse(refused),
        };
        let (reply, receiver) = oneshot::channel();
        let live = Live {
            id: id.clone(),
            tool: call.tool.clone(),
            given: Arc::new(call.arguments.clone()),
            prepared,
            wall: call.timeout,
            zero,
            queued,
            started: None,
            waited_for: Vec::new(),
            notes: Vec::new(),
            replans: 0,
            reply,
            stop: None,
            cancelled: false,
            awaited,
        };
        let mut owner = self.shared.owner();
        if let Some(because) = owner.failed(&earlier) {
            let message = format!("call {because}, which it comes after, did not end ok");
            drop(owner);
            return refuse(Refused::new(Status::Skipped, "skipped", message));
        }
        if !owner.has_room() {
            drop(owner);
            let message = "too many calls are waiting already; try again when some have ended";
            return refuse(Refused::new(Status::Overloaded, "overloaded", message));
        }
        let ticket = owner.submit(live, earlier, call.priority);
        let waits = owner.waits(ticket);
        let effects = owner.next();
        drop(owner);
        self.shared.tell(&Event::Queued {
            id: id.clone(),
            tool: call.tool.clone(),
            waits_for: waits,
        });
        self.carry_out(effects);
        (Pending::Waiting(id, call.tool.clone(), receiver), Some(ticket))
    }

    /// Compiles the plugins of these tools beside each other, as far as they aren't compiled. One that can't be is left to
    /// its calls, which will say so.
    pub(crate) async fn warm(&self, tools: impl Iterator<Item = &str>) {
        let Some(runtime) = &self.runtime else { return };
        let mut seen = HashSet::new();
        let plugins = tools
            .filter_map(|name| self.shared.rules.catalog.tool(name))
            .map(|entry| &entry.plugin);
        let work: Vec<_> = plugins
            .filter(|plugin| seen.insert(Arc::as_ptr(plugin)))
            .map(|plugin| {
                let (plugin, sandbox) = (Arc::clone(plugin), Arc::clone(&self.shared.sandbox));
                runtime.spawn(async move { plugin.compiled(&sandbox).await.map(drop) })
            })
            .collect();
        for one in work {
            if let Ok(Err(error)) = one.await {
                tracing::debug!(%error, "a plugin could not be compiled ahead of its calls");
            }
        }
    }

    fn carry_out(&self, effects: Vec<Effect>) {
        if let Some(runtime) = &self.runtime {
            carry_out(&self.shared, effects, runtime.handle());
        }
    }

    /// Takes back every call that has not ended.
    pub(crate) fn cancel_all(&self) {
        let tickets = self.shared.owner().all();
        for ticket in tickets {
            let effects = self.shared.owner().cancel(ticket);
            self.carry_out(effects);
        }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.cancel_all();
        if let Some(runtime) = self.runtime.take() {
            // Never waits: dropping a host inside an async function must not block that thread.
            runtime.shutdown_background();
        }
    }
}

impl Batch {
    /// All outcomes, in request order.
    pub(crate) async fn outcomes(self) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(self.pending.len());
        for pending in self.pending {
            outcomes.push(match pending {
                Pending::Known(outcome) => *outcome,
                Pending::Waiting(id, tool, receiver) => receiver.await.unwrap_or_else(|_| {
                    let message = "the host was dropped before the call ended";
                    let gone = Refused::new(Status::HostFailure, "host_gone", message);
                    owner::refused(id, tool, gone, Instant::now())
                }),
            });
        }
        outcomes
    }
}

impl Shared {
    fn owner(&self) -> MutexGuard<'_, Owner> {
        // A panic in one step would leave a table that is still whole: every step changes it by single inserts.
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: &Event) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

fn carry_out(shared: &Arc<Shared>, effects: Vec<Effect>, runtime: &tokio::runtime::Handle) {
    for effect in effects {
        match effect {
            Effect::Spawn(ticket) => {
                drop(runtime.spawn(work(Worker {
                    shared: Arc::clone(shared),
                    ticket,
                    ended: false,
                })));
            }
            Effect::Answer(reply, outcome) => {
                shared.tell(&Event::Finished {
                    id: outcome.id.clone(),
                    status: outcome.status,
                });
                // A caller that went away doesn't want it.
                drop(reply.send(*outcome));
            }
        }
    }
}

/// One call's turn. Whatever happens to it, the owner hears of its end exactly once.
struct Worker {
    shared: Arc<Shared>,
    ticket: Ticket,
    ended: bool,
}

impl Worker {
    fn finish(mut self, ended: Ended) {
        self.ended = true;
        self.report(ended);
    }

    /// The turn is over without an end: the call is back in the queue.
    fn step_back(mut self) {
        self.ended = true;
    }

    fn report(&self, ended: Ended) {
        let effects = self.shared.owner().finish(self.ticket, ended);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            carry_out(&self.shared, effects, &runtime);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.ended {
            let message = "the host failed while it ran this call";
            self.report(Ended::error(Status::HostFailure, "host_failure", message));
        }
    }
}

async fn work(worker: Worker) {
    let Some(begin) = worker.shared.owner().begin(worker.ticket) else {
        return worker.finish(Ended::error(Status::HostFailure, "host_failure", "the call is gone"));
    };
    let prepared = match begin.waited {
        false => begin.prepared,
        true => match again(&worker, &begin) {
            Again::GoOn(prepared) => prepared,
            // Back in the queue: this turn is over without an end.
            Again::Wait => return worker.step_back(),
            Again::End(ended) => return worker.finish(*ended),
        },
    };
    let shared = Arc::clone(&worker.shared);
    let plugin = match prepared.entry.plugin.compiled(&shared.sandbox).await {
        Ok(plugin) => plugin,
        Err(error) => {
            let message = format!("{}: {error}", prepared.entry.plugin.origin);
            return worker.finish(Ended::error(Status::HostFailure, "unusable_component", message));
        }
    };
    let mut limits = shared
        .rules
        .policy
        .limits_for(&prepared.entry.plugin.manifest.name)
        .clone();
    if let Some(wall) = begin.wall {
        limits.wall = wall.min(limits.wall);
    }
    let opening = shared.owner().opens(worker.ticket);
    if let Some(id) = opening {
        shared.tell(&Event::Started { id });
    }
    let ended = shared
        .sandbox
        .run(Job {
            plugin,
            tool: prepared.entry.tool.name.clone(),
            arguments: prepared.arguments.to_string(),
            workspace: Arc::clone(&shared.rules.workspace),
            policy: Arc::clone(&shared.rules.policy),
            footprint: prepared.footprint,
            limits,
            stop: Some(begin.stop),
        })
        .await;
    worker.finish(ended);
}

enum Again {
    GoOn(Prepared),
    Wait,
    End(Box<Ended>),
}

/// Step 6: are the paths still what was compared? If not, the call is planned again before anything opens.
fn again(worker: &Worker, begin: &owner::Begin) -> Again {
    let end = |refused: Refused| {
        let mut ended = Ended::error(refused.status, &refused.error.code, refused.error.message);
        if let Some(error) = &mut ended.error {
            error.hint = refused.error.hint;
        }
        Again::End(Box::new(ended))
    };
    let prepared = match worker.shared.rules.resolve(&begin.prepared.entry, &begin.given) {
        Ok(prepared) => prepared,
        Err(refused) => return end(refused),
    };
    if prepared.footprint == begin.prepared.footprint {
        return Again::GoOn(prepared);
    }
    if held(&prepared.footprint, &begin.prepared.footprint) {
        return Again::GoOn(prepared);
    }
    if begin.replans >= MAX_REPLANS {
        let message = "its paths keep leading elsewhere; someone outside is changing them";
        return end(Refused::new(Status::Failed, "unstable_paths", message));
    }
    let mut owner = worker.shared.owner();
    match owner.replan(worker.ticket, prepared.clone()) {
        true => Again::GoOn(prepared),
        false => {
            let effects = owner.next();
            drop(owner);
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                carry_out(&worker.shared, effects, &runtime);
            }
            Again::Wait
        }
    }
}
