//! The one owner of what is waiting and running: a state machine that takes messages and hands back what to do.
//! It must not run, open or await anything; whoever brings a message carries out the answer.

use super::prepare::{Prepared, Refused};
use crate::call::{Call, CallError, CallId, Footprint, Outcome, Status, Timing};
use crate::sandbox::Ended;
use crate::schedule::{Decision, Ended as How, Reason, Scheduler, Submission, Ticket};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A call that was let in.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: CallId,
    pub(super) tool: String,
    pub(super) prepared: Prepared,
    /// The arguments as the caller gave them, for resolving again.
    pub(super) given: Arc<serde_json::Value>,
    pub(super) wall: Option<Duration>,
    /// The batch's time zero.
    pub(super) zero: Instant,
    pub(super) queued: Instant,
    pub(super) started: Option<Instant>,
    pub(super) waited_for: Vec<CallId>,
    pub(super) notes: Vec<String>,
    pub(super) replans: u32,
    pub(super) reply: oneshot::Sender<Outcome>,
    /// Stops the guest; there while one runs.
    pub(super) stop: Option<oneshot::Sender<()>>,
    /// Taken back; a worker that comes for it stops at once.
    pub(super) cancelled: bool,
    /// A call of its batch that has not come yet names it in `after`.
    pub(super) awaited: bool,
}

/// What the bringer of a message does next.
#[derive(Debug)]
pub(super) enum Effect {
    /// Run this call.
    Spawn(Ticket),
    /// Answer its caller.
    Answer(oneshot::Sender<Outcome>, Box<Outcome>),
}

/// What a worker needs to begin.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) prepared: Prepared,
    pub(super) given: Arc<serde_json::Value>,
    pub(super) wall: Option<Duration>,
    pub(super) stop: oneshot::Receiver<()>,
    /// Whether time has passed since the paths were resolved, so that they must be resolved again.
    pub(super) waited: bool,
    pub(super) replans: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Owner {
    scheduler: Scheduler,
    live: HashMap<Ticket, Live>,
    /// Calls that ended otherwise than `ok` while a later call of their batch, which names them, had not come yet.
    failed: HashMap<Ticket, CallId>,
    max_waiting: usize,
}

impl Owner {
    pub(super) fn new(scheduler: Scheduler, max_waiting: usize) -> Self {
        Self {
            scheduler,
            live: HashMap::new(),
            failed: HashMap::new(),
            max_waiting,
        }
    }

    /// Whether the queue has room for `more` calls.
    pub(super) fn has_room(&self) -> bool {
        self.live.len() < self.max_waiting
    }

    /// Takes a call in.
    pub(super) fn submit(&mut self, mut call: Live, after: Vec<Ticket>, priority: i32) -> Ticket {
        let ticket = self.scheduler.submit(Submission {
            footprint: Arc::clone(&call.prepared.footprint),
            after,
            priority,
        });
        call.waited_for = self.waits(ticket);
        self.live.insert(ticket, call);
        ticket
    }

    /// The first of these calls that is known to have ended otherwise than `ok`.
    pub(super) fn failed(&self, calls: &[Ticket]) -> Option<&CallId> {
        calls.iter().find_map(|ticket| self.failed.get(ticket))
    }

    /// Nobody will come any more who names one of these.
    pub(super) fn forget(&mut self, calls: impl Iterator<Item = Ticket>) {
        for ticket in calls {
            self.failed.remove(&ticket);
            if let Some(call) = self.live.get_mut(&ticket) {
                call.awaited = false;
            }
        }
    }

    /// The ids of the calls that this one waits for now.
    pub(super) fn waits(&self, ticket: Ticket) -> Vec<CallId> {
        let waits = self.scheduler.waits(ticket);
        let on = waits.iter().filter_map(|wait| match wait.reason {
            Reason::Conflict { .. } | Reason::After => self.live.get(&wait.on),
        });
        let mut ids: Vec<CallId> = Vec::new();
        for call in on {
            if !ids.contains(&call.id) {
                ids.push(call.id.clone());
            }
        }
        ids
    }

    /// Everything that can start or be answered now.
    pub(super) fn next(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        // Skipped in this very step, and so out of the table already.
        let mut skipped: HashMap<Ticket, CallId> = HashMap::new();
        while let Some(decision) = self.scheduler.next() {
            match decision {
                Decision::Start(ticket) => effects.push(Effect::Spawn(ticket)),
                Decision::Skip { ticket, because } => {
                    let because = self.live.get(&because).map(|call| &call.id).or(skipped.get(&because));
                    let message = match because {
                        None => "a call that it comes after did not end ok".to_owned(),
                        Some(because) => format!("call {because}, which it comes after, did not end ok"),
                    };
                    skipped.extend(self.live.get(&ticket).map(|call| (ticket, call.id.clone())));
                    let ended = Ended::error(Status::Skipped, "skipped", message);
                    effects.extend(self.answer(ticket, ended));
                }
            }
        }
        effects
    }

    /// A worker is there for this call.
    pub(super) fn begin(&mut self, ticket: Ticket) -> Option<Begin> {
        let call = self.live.get_mut(&ticket)?;
        let (sender, receiver) = oneshot::channel();
        match call.cancelled {
            true => _ = sender.send(()),
            false => call.stop = Some(sender),
        }
        Some(Begin {
            prepared: call.prepared.clone(),
            given: Arc::clone(&call.given),
            wall: call.wall,
            stop: receiver,
            waited: !call.waited_for.is_empty() || call.queued.elapsed() > Duration::from_millis(1),
            replans: call.replans,
        })
    }

    /// A call's sandbox is about to open: from here on it runs. Its id.
    pub(super) fn opens(&mut self, ticket: Ticket) -> Option<CallId> {
        let call = self.live.get_mut(&ticket)?;
        call.started = Some(Instant::now());
        Some(call.id.clone())
    }

    /// The paths of a call whose turn came are not what they were. Whether it may go on at once.
    pub(super) fn replan(&mut self, ticket: Ticket, prepared: Prepared) -> bool {
        let goes_on = self.scheduler.replan(ticket, Arc::clone(&prepared.footprint));
        let waits = self.waits(ticket);
        if let Some(call) = self.live.get_mut(&ticket) {
            call.prepared = prepared;
            call.replans += 1;
            call.notes = vec!["planned again: its paths led elsewhere when its turn came".to_owned()];
            call.waited_for.extend(waits);
            if !goes_on {
                call.stop = None;
            }
        }
        goes_on
    }

    /// A call ended; its resources are free.
    pub(super) fn finish(&mut self, ticket: Ticket, ended: Ended) -> Vec<Effect> {
        let how = match ended.status {
            Status::Ok => How::Ok,
            Status::Failed
            | Status::InvalidArguments
            | Status::NotFound
            | Status::Denied
            | Status::Timeout
            | Status::Limit
            | Status::Trapped
            | Status::Cancelled
            | Status::Skipped
            | Status::Overloaded
            | Status::HostFailure => How::NotOk,
        };
        self.scheduler.finish(ticket, how);
        // Those skipped because of this one want to name it, so it leaves the table after them.
        let mut effects = self.next();
        effects.extend(self.answer(ticket, ended));
        effects
    }

    fn answer(&mut self, ticket: Ticket, ended: Ended) -> Option<Effect> {
        let call = self.live.remove(&ticket)?;
        if call.awaited && ended.status != Status::Ok {
            self.failed.insert(ticket, call.id.clone());
        }
        let (reply, outcome) = call.end(ended);
        Some(Effect::Answer(reply, Box::new(outcome)))
    }

    /// Takes a call back: a waiting one at once, a running one as soon as its guest has stopped.
    pub(super) fn cancel(&mut self, ticket: Ticket) -> Vec<Effect> {
        let Some(call) = self.live.get_mut(&ticket) else {
            return Vec::new();
        };
        call.cancelled = true;
        if let Some(stop) = call.stop.take() {
            // The worker answers; if it is just ending by itself, that end counts.
            let _gone = stop.send(());
            return Vec::new();
        }
        if !self.scheduler.cancel(ticket) {
            return Vec::new();
        }
        let ended = Ended::error(Status::Cancelled, "cancelled", "taken back before it started");
        let mut effects = self.next();
        effects.extend(self.answer(ticket, ended));
        effects
    }

    /// Every call that has not ended.
    pub(super) fn all(&self) -> Vec<Ticket> {
        let mut all: Vec<Ticket> = self.live.keys().copied().collect();
        all.sort();
        all
    }
}

impl Live {
    /// A call that is let in; `[zero, queued]` are the batch's time zero and when the call was looked at.
    pub(super) fn new(
        id: CallId,
        call: &Call,
        prepared: Prepared,
        [zero, queued]: [Instant; 2],
        awaited: bool,
        reply: oneshot::Sender<Outcome>,
    ) -> Self {
        Self {
            id,
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
        }
    }

    fn end(self, ended: Ended) -> (oneshot::Sender<Outcome>, Outcome) {
        let now = Instant::now();
        let micros =
            |at: Instant| u64::try_from(at.saturating_duration_since(self.zero).as_micros()).unwrap_or(u64::MAX);
        let end_us = micros(now);
        let start_us = self.started.map_or(end_us, micros);
        let mut notes = self.notes;
        notes.extend(ended.notes);
        let outcome = Outcome {
            id: self.id,
            tool: self.tool,
            status: ended.status,
            content: ended.content,
            structured: ended.structured,
            error: ended.error,
            waited_for: self.waited_for,
            timing: Timing {
                queued_us: micros(self.queued),
                start_us,
                end_us,
                run_us: end_us.saturating_sub(start_us),
            },
            notes,
            log: ended.log,
        };
        (self.reply, outcome)
    }
}

/// The outcome of a call that was never let in.
pub(super) fn refused(id: CallId, tool: String, refused: Refused, zero: Instant) -> Outcome {
    let at = u64::try_from(zero.elapsed().as_micros()).unwrap_or(u64::MAX);
    let Refused { status, error } = refused;
    Outcome {
        id,
        tool,
        status,
        content: Vec::new(),
        structured: None,
        error: Some(CallError { ..error }),
        waited_for: Vec::new(),
        timing: Timing {
            queued_us: at,
            start_us: at,
            end_us: at,
            run_us: 0,
        },
        notes: Vec::new(),
        log: String::new(),
    }
}

/// Whether everything in `new` is already held by `old`.
pub(super) fn held(new: &Footprint, old: &Footprint) -> bool {
    new.entries().iter().all(|entry| {
        old.entries()
            .iter()
            .any(|held| held.resource == entry.resource && held.access >= entry.access)
    })
}
