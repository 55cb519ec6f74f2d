//! The one owner of what is waiting and running: a state machine that takes messages and hands back what to do.
//! It must not run, open or await anything; whoever brings a message carries out the answer.

use super::learned::Learned;
use super::live::{Begin, ClientId, Live, LiveCall, not_met};
use super::prepare::Prepared;
use super::trees::Trees;
use crate::call::{CallId, Endpoint, Entry, Outcome, Status, Wait, What};
use crate::catalog::Plugin;
use crate::sandbox::Ended;
use crate::schedule::{Decision, Ended as How, Reason, Scheduler, Submission, Ticket};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// As many reasons to wait are told and kept of one call: thousands of calls may wait for thousands.
const MOST_WAITS: usize = 64;

/// What the bringer of a message does next.
#[derive(Debug)]
pub(super) enum Effect {
    /// Run this call.
    Spawn(Ticket),
    /// Find out what this call holds.
    Resolve(Ticket),
    /// Answer the caller.
    Answer(Box<Ending>),
}

/// A call that has ended, and what is told of it beside its outcome.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) batch: u64,
    pub(super) client: ClientId,
    pub(super) plugin: Arc<Plugin>,
    /// Servers beyond its footprint that it was sent on to.
    pub(super) beyond: Vec<Endpoint>,
    pub(super) reply: oneshot::Sender<Outcome>,
    pub(super) outcome: Outcome,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Owner {
    scheduler: Scheduler,
    live: HashMap<Ticket, Live>,
    trees: Trees,
    /// How many calls each client has here.
    clients: HashMap<ClientId, usize>,
    learned: Learned,
}

impl Owner {
    pub(super) fn new(scheduler: Scheduler) -> Self {
        Self {
            scheduler,
            live: HashMap::new(),
            trees: Trees::default(),
            clients: HashMap::new(),
            learned: Learned::default(),
        }
    }

    /// How many calls have not ended: of all, and of this client.
    pub(super) fn load(&self, client: ClientId) -> (usize, usize) {
        (self.live.len(), self.clients.get(&client).copied().unwrap_or(0))
    }

    /// Takes a call in.
    pub(super) fn submit(&mut self, mut call: Live, mut submission: Submission) -> Ticket {
        // What nobody has seen yet is expected to be short.
        submission.estimate_us = self.learned.usual(&call.call.tool).unwrap_or(1000);
        if let Some(wide) = self.trees.widen(&call.prepared.footprint) {
            call.prepared.footprint = Arc::new(wide);
            submission.footprint = Arc::clone(&call.prepared.footprint);
        }
        self.trees.add(&call.prepared.footprint);
        let ticket = self.scheduler.submit(submission);
        *self.clients.entry(call.common.client).or_default() += 1;
        self.live.insert(ticket, call);
        let (waits, more) = self.waits(ticket);
        if let Some(call) = self.live.get_mut(&ticket) {
            (call.waits, call.more_waits) = (waits, more);
        }
        ticket
    }

    /// Has a call ended when it has waited too long.
    pub(super) fn be_patient(&mut self, ticket: Ticket, patience: AbortHandle) {
        if let Some(call) = self.live.get_mut(&ticket) {
            call.patience = Some(patience);
        }
    }

    /// Whether the call has not ended.
    pub(super) fn is_live(&self, ticket: Ticket) -> bool {
        self.live.contains_key(&ticket)
    }

    /// The one call that has not ended, if this is it, and how long calls of its tool usually run, in microseconds.
    pub(super) fn alone(&self, ticket: Ticket) -> Option<(&Live, u64)> {
        let call = self.live.get(&ticket).filter(|_| self.live.len() == 1)?;
        Some((call, self.learned.usual(&call.call.tool)?))
    }

    /// The calls that this one waits for now, and why; and how many more there are.
    pub(super) fn waits(&self, ticket: Ticket) -> (Vec<Wait>, usize) {
        let (waits, more) = self.scheduler.waits(ticket, MOST_WAITS);
        let own = self.live.get(&ticket).map(|call| call.common.batch);
        let known = waits.into_iter().filter_map(|wait| {
            let other = self.live.get(&wait.on)?;
            let (on, batch) = (
                other.id.clone(),
                Some(other.common.batch).filter(|batch| own != Some(*batch)),
            );
            let entries = match wait.reason {
                Reason::Conflict { mine, theirs } => Some((mine.clone(), theirs.clone())),
                Reason::After => None,
            };
            Some(Wait { on, batch, entries })
        });
        (known.collect(), more)
    }

    /// Everything that is to be done now.
    pub(super) fn next(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        // Skipped in this very step, and so out of the table already.
        let mut skipped: HashMap<Ticket, CallId> = HashMap::new();
        while let Some(decision) = self.scheduler.next() {
            match decision {
                Decision::Start(ticket) => effects.push(Effect::Spawn(ticket)),
                Decision::Resolve(ticket) => effects.push(Effect::Resolve(ticket)),
                Decision::Skip { ticket, because } => {
                    let because = self.live.get(&because).map(|call| &call.id).or(skipped.get(&because));
                    let when = self.live.get(&ticket).map(|call| &call.call.when);
                    let message = not_met(because, when == Some(&crate::call::When::Failed));
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
        self.live.get_mut(&ticket).map(Live::begin)
    }

    /// A call's sandbox is about to open: from here on it runs. Its batch and id.
    pub(super) fn opens(&mut self, ticket: Ticket) -> Option<(u64, CallId)> {
        let call = self.live.get_mut(&ticket)?;
        if let Some(patience) = call.patience.take() {
            patience.abort();
        }
        call.started = Some(Instant::now());
        Some((call.common.batch, call.id.clone()))
    }

    /// A running guest waits for something outside.
    pub(super) fn pause(&mut self, ticket: Ticket) -> Vec<Effect> {
        self.scheduler.pause(ticket);
        self.next()
    }

    /// A paused guest goes on.
    pub(super) fn resume(&mut self, ticket: Ticket) {
        self.scheduler.resume(ticket);
    }

    /// A call and the results that it builds on.
    pub(super) fn resolving(&self, ticket: Ticket) -> Option<&Live> {
        self.live.get(&ticket)
    }

    /// What a call holds is known now. Its news, and what to do.
    pub(super) fn resolved(
        &mut self,
        ticket: Ticket,
        prepared: Prepared,
        filled: Option<Arc<serde_json::Value>>,
    ) -> (Option<What>, Vec<Effect>) {
        if !self.live.contains_key(&ticket) {
            return (None, Vec::new());
        }
        self.scheduler.replan(ticket, Arc::clone(&prepared.footprint));
        let (waits, more) = self.waits(ticket);
        let Some(call) = self.live.get_mut(&ticket) else {
            return (None, Vec::new());
        };
        self.trees.remove(&call.prepared.footprint);
        self.trees.add(&prepared.footprint);
        call.prepared = prepared;
        call.filled = filled;
        call.waits.retain(|wait| wait.entries.is_none());
        call.waits.extend(waits.iter().cloned());
        call.more_waits = more;
        (Some(What::Planned { waits }), self.next())
    }

    /// Somebody is asked about a call whose footprint is not known yet: meanwhile it is in nobody's way.
    pub(super) fn let_go(&mut self, ticket: Ticket) -> Vec<Effect> {
        if let Some(call) = self.live.get_mut(&ticket) {
            self.trees.remove(&call.prepared.footprint);
            call.prepared.footprint = Arc::default();
            call.prepared.unknown.push("it waits for an approval".to_owned());
            self.scheduler.let_go(ticket);
        }
        self.next()
    }

    /// Somebody has allowed a call what the policy refuses.
    pub(super) fn approve(&mut self, ticket: Ticket, entry: Entry, note: String) {
        if let Some(call) = self.live.get_mut(&ticket) {
            call.approved.push(entry);
            call.notes.push(note);
        }
    }

    /// The paths of a call whose turn came are not what they were. Whether it may go on at once, and its news.
    pub(super) fn replan(&mut self, ticket: Ticket, prepared: Prepared) -> (bool, What) {
        let goes_on = self.scheduler.replan(ticket, Arc::clone(&prepared.footprint));
        let (waits, more) = self.waits(ticket);
        if let Some(call) = self.live.get_mut(&ticket) {
            call.more_waits += more;
            self.trees.remove(&call.prepared.footprint);
            self.trees.add(&prepared.footprint);
            call.prepared = prepared;
            call.replans += 1;
            let note = "planned again: its paths led elsewhere when its turn came";
            if !call.notes.iter().any(|own| own == note) {
                call.notes.push(note.to_owned());
            }
            call.waits.extend(waits.iter().cloned());
            if !goes_on {
                call.stop = None;
            }
        }
        (goes_on, What::Planned { waits })
    }

    /// A call is back in the queue. If it was taken back meanwhile, that counts now: its worker is gone.
    pub(super) fn stepped_back(&mut self, ticket: Ticket) -> Vec<Effect> {
        match self.live.get(&ticket).is_some_and(|call| call.cancelled) {
            true => self.cancel(ticket),
            false => Vec::new(),
        }
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
        self.trees.remove(&call.prepared.footprint);
        let (batch, client) = (call.common.batch, call.common.client);
        if let Some(count) = self.clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(&client);
            }
        }
        let ok = ended.status == Status::Ok;
        let (plugin, beyond) = (Arc::clone(&call.prepared.entry.plugin), ended.beyond.clone());
        let (reply, outcome) = call.end(ended);
        if ok {
            self.learned.learn(&outcome.tool, outcome.timing.run_us);
        }
        Some(Effect::Answer(Box::new(Ending {
            batch,
            client,
            plugin,
            beyond,
            reply,
            outcome,
        })))
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
        let ended = Ended::error(Status::Cancelled, "cancelled", "taken back before it started");
        self.give_up(ticket, ended)
    }

    /// What a call holds can't be said, so it never runs. It has waited for those that it names, and for nothing else.
    pub(super) fn unresolved(&mut self, ticket: Ticket, ended: Ended) -> Vec<Effect> {
        if let Some(call) = self.live.get_mut(&ticket) {
            call.waits.retain(|wait| wait.entries.is_none());
            call.more_waits = 0;
        }
        self.give_up(ticket, ended)
    }

    /// Ends a call that has not started, if it hasn't.
    pub(super) fn give_up(&mut self, ticket: Ticket, ended: Ended) -> Vec<Effect> {
        if !self.scheduler.cancel(ticket) {
            return Vec::new();
        }
        let mut effects = self.next();
        effects.extend(self.answer(ticket, ended));
        effects
    }

    /// A call's patience is over: it ends if it has not started.
    pub(super) fn expire(&mut self, ticket: Ticket) -> Vec<Effect> {
        let Some(call) = self.live.get(&ticket) else {
            return Vec::new();
        };
        let ms = call.call.max_wait.unwrap_or_default().as_millis();
        let on: Vec<String> = self.waits(ticket).0.iter().map(|wait| wait.on.to_string()).collect();
        let behind = match on.is_empty() {
            true => "for a free slot".to_owned(),
            false => format!("for {}", on.join(", ")),
        };
        let message = format!(
            "{} waited {behind} longer than the {ms} ms allowed, and never started",
            call.call.tool
        );
        self.give_up(ticket, Ended::error(Status::Timeout, "wait_timeout", message))
    }

    /// The calls that have not ended and are meant, the oldest first.
    pub(super) fn those(&self, mean: impl Fn(&Live) -> bool) -> Vec<Ticket> {
        let meant = self.live.iter().filter(|(_, call)| mean(call));
        let mut tickets: Vec<Ticket> = meant.map(|(ticket, _)| *ticket).collect();
        tickets.sort();
        tickets
    }

    /// The calls that have not ended, the oldest first.
    pub(super) fn status(&self) -> Vec<LiveCall> {
        let tell = |ticket| {
            let call: &Live = self.live.get(&ticket)?;
            Some(LiveCall {
                batch: call.common.batch,
                id: call.id.clone(),
                tool: call.call.tool.clone(),
                started: call.started.is_some(),
                waits: self.waits(ticket).0,
            })
        };
        self.those(|_| true).into_iter().filter_map(tell).collect()
    }
}
