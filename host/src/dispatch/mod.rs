//! Dispatch: takes batches in, lets the scheduler decide, runs what may run, answers in order.
//! The only room that spawns. It must not know what a tool does or how a sandbox is built.
//!
//! The owner is a value behind one lock rather than a task with an inbox: whoever brings a message (a caller with a batch,
//! a worker with an end) turns the crank for a few microseconds and carries out what it says. That saves two of four
//! thread changes of a small call, and no busy guest can keep an owner task from its turn.

mod batch;
mod owner;
mod prepare;
mod worker;

pub use batch::BatchError;
pub(crate) use batch::{ids as batch_ids, order};
pub(crate) use prepare::{Prepared, Refused, Rules};

use crate::call::{Call, CallId, Event, Outcome, Status};
use crate::sandbox::Sandbox;
use crate::schedule::{Scheduler, Ticket};
use owner::{Effect, Live, Owner};
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// As many calls of a batch are taken in as one: their waits are those that `plan` shows, whatever ends meanwhile. Larger
/// batches come in pieces, so that the first calls don't wait for the last one's paths.
const TOGETHER: usize = 512;

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
        let ids = batch::ids(&calls)?;
        let order = order(&calls, &ids)?;
        let mut taking = Taking {
            zero: Instant::now(),
            positions: batch::Positions::new(&calls, &ids),
            pending: calls.iter().map(|_| None).collect(),
            tickets: calls.iter().map(|_| None).collect(),
            calls: &calls,
            ids: &ids,
        };
        for piece in order.chunks(TOGETHER) {
            self.admit(piece, &mut taking);
        }
        let Taking {
            positions,
            pending,
            tickets,
            ..
        } = taking;
        if positions.any() {
            self.shared.owner().forget(tickets.into_iter().flatten());
        }
        Ok(Batch {
            pending: pending.into_iter().flatten().collect(),
        })
    }

    /// Lets calls in together, or says at once why not.
    fn admit(&self, piece: &[usize], taking: &mut Taking<'_>) {
        // Paths are resolved before the owner is asked: system calls are not made under its lock.
        let prepared: Vec<_> = piece
            .iter()
            .filter_map(|at| Some((*at, Instant::now(), self.shared.rules.prepare(taking.calls.get(*at)?))))
            .collect();
        let mut events = Vec::with_capacity(prepared.len());
        let mut owner = self.shared.owner();
        for (at, queued, prepared) in prepared {
            events.extend(taking.admit(&mut owner, at, queued, prepared));
        }
        let effects = owner.next();
        drop(owner);
        for event in &events {
            self.shared.tell(event);
        }
        self.carry_out(effects);
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
            worker::carry_out(&self.shared, effects, runtime.handle());
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

/// A batch that is being taken in.
struct Taking<'a> {
    zero: Instant,
    calls: &'a [Call],
    ids: &'a [CallId],
    positions: batch::Positions<'a>,
    pending: Vec<Option<Pending>>,
    tickets: Vec<Option<Ticket>>,
}

impl Taking<'_> {
    fn admit(
        &mut self,
        owner: &mut Owner,
        at: usize,
        queued: Instant,
        prepared: Result<Prepared, Refused>,
    ) -> Option<Event> {
        let (call, id) = (self.calls.get(at)?, self.ids.get(at)?.clone());
        let earlier = self.earlier(call, owner);
        let admitted = match (earlier, prepared) {
            (Err(refused), _) | (Ok(_), Err(refused)) => Err(refused),
            (Ok(_), Ok(_)) if !owner.has_room() => {
                let message = "too many calls are waiting already; try again when some have ended";
                Err(Refused::new(Status::Overloaded, "overloaded", message))
            }
            (Ok(earlier), Ok(prepared)) => Ok((earlier, prepared)),
        };
        let (entry, ticket, event) = match admitted {
            Err(refused) => {
                let outcome = owner::refused(id.clone(), call.tool.clone(), refused, self.zero);
                let status = outcome.status;
                (Pending::Known(Box::new(outcome)), None, Event::Finished { id, status })
            }
            Ok((earlier, prepared)) => {
                let (reply, receiver) = oneshot::channel();
                let awaited = self.positions.awaited(&id);
                let live = Live::new(id.clone(), call, prepared, [self.zero, queued], awaited, reply);
                let ticket = owner.submit(live, earlier, call.priority);
                let tool = call.tool.clone();
                let waits_for = owner.waits(ticket);
                let event = Event::Queued {
                    id: id.clone(),
                    tool: tool.clone(),
                    waits_for,
                };
                (Pending::Waiting(id, tool, receiver), Some(ticket), event)
            }
        };
        *self.pending.get_mut(at)? = Some(entry);
        *self.tickets.get_mut(at)? = ticket;
        Some(event)
    }

    /// The calls that `call` comes after, unless one of them has ended otherwise than `ok` already.
    fn earlier(&self, call: &Call, owner: &Owner) -> Result<Vec<Ticket>, Refused> {
        let skipped = |because: &CallId| {
            let message = format!("call {because}, which it comes after, did not end ok");
            Refused::new(Status::Skipped, "skipped", message)
        };
        let mut earlier = Vec::new();
        for at in self.positions.after(call) {
            let id = self.ids.get(at);
            match self.tickets.get(at).copied().flatten() {
                Some(ticket) => earlier.push(ticket),
                None => return Err(id.map_or_else(|| skipped(&CallId::from("?")), skipped)),
            }
        }
        match owner.failed(&earlier) {
            Some(because) => Err(skipped(because)),
            None => Ok(earlier),
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
