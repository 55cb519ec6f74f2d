//! Who may run: a conflict scheduler as a pure state machine. Arrivals, ends and cancels go in; starts, skips and reasons
//! come out. It must not know threads, clocks, files, tokio or wasmtime, and the same history gives the same decisions.
//!
//! # The rule
//!
//! A call becomes *ready* exactly when no earlier unfinished call conflicts with it (see [`Footprint::conflict`]) and every
//! call that it comes `after` has ended ok. Ready calls start while slots are free: higher priority first, then the one
//! that more calls wait for, then the older. From this follow the promises: conflicting calls run one at a time and in
//! the order of submission (S1); nothing waits for anything else (S2); a waiting writer holds back later readers, so it
//! can't starve (S4).
//!
//! # Edges to visible entries are enough
//!
//! Comparing each arrival with every live call would cost too much, and when everything conflicts an edge from every pair
//! would, too. So the [`index`] keeps, in a tree of path components, the entries that are still *visible*. An arrival W
//! gets an edge to the calls of all visible entries that conflict with it; then each of its write entries *hides* the
//! earlier entries E of the index that lie within it: every place that E covers, W's entry covers.
//!
//! Hiding loses nothing. Let a later X conflict with a hidden E. The place that they share is covered by W's entry, which
//! is a write, so X conflicts with W, too, and W was submitted before X. W itself waits for E (it conflicts with it, and
//! had an edge to it, or by induction to a call that hid it and waits for it). So X starts after W ends, after E ended.
//!
//! # Taking an edge away
//!
//! A call that ends by itself has nothing unfinished before it: what it hid has ended, and its dependents only lose an
//! edge. A *waiting* call W that is cancelled, skipped or planned again takes its hiding with it. Then the entries of W's
//! direct unfinished blockers become visible again, and each dependent D of W gets edges to those blockers that it really
//! conflicts with. Looking at direct blockers is enough: if D conflicts with an unfinished E that W hid, then either E's
//! call is a direct blocker of W, or E was hidden already when W came, by a visible write entry B around E; B's call was
//! a direct blocker of W (it conflicts with W where E does), it is unfinished because it waits for E, and it conflicts
//! with D where E does. A blocker of that kind that is itself taken away passes its own blockers on in the same way.
//!
//! # Cost
//!
//! An arrival costs its path components, the visible entries found, and its edges; an end costs its entries and edges.
//! Readers of one place never look at each other: each node counts and lists reads and writes apart, and a search leaves
//! out subtrees without the kind that it looks for.

mod graph;
mod index;

#[cfg(test)]
mod tests;

use crate::call::{Entry, Footprint};
use graph::{Call, State};
use index::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// A call's place in the order of submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What a call brings along.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What it holds while it runs.
    pub footprint: Arc<Footprint>,
    /// Earlier calls that must have ended ok before it starts; if one doesn't, it is skipped.
    pub after: Vec<Ticket>,
    /// Among ready calls the higher starts first.
    pub priority: i32,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This call starts now.
    Start(Ticket),
    /// This call never starts.
    Skip {
        /// The call.
        ticket: Ticket,
        /// The call that it comes after, which did not end ok.
        because: Ticket,
    },
}

/// How a running call ended, as far as others care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Ok,
    /// Not well: calls that come after it are skipped.
    NotOk,
}

/// A reason to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait<'a> {
    /// The earlier call.
    pub on: Ticket,
    /// Why.
    pub reason: Reason<'a>,
}

/// Why one call waits for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// These entries conflict.
    Conflict {
        /// The waiting call's.
        mine: &'a Entry,
        /// The earlier call's.
        theirs: &'a Entry,
    },
    /// The waiting call comes after the earlier one.
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Parallel,
    /// Every call waits for the one before.
    Serial,
}

/// See the module.
#[derive(Debug)]
pub struct Scheduler {
    mode: Mode,
    slots: usize,
    running: usize,
    next: u64,
    calls: BTreeMap<Ticket, Call>,
    index: Index,
    /// Ready calls in the order in which they would start: the last first.
    ready: BTreeSet<(i32, usize, std::cmp::Reverse<Ticket>)>,
    /// Calls that are to be skipped, with the reason.
    skipped: BTreeMap<Ticket, Ticket>,
}

impl Scheduler {
    /// A scheduler that runs at most `slots` calls at once.
    #[must_use]
    pub fn new(slots: NonZeroUsize) -> Self {
        Self {
            mode: Mode::Parallel,
            slots: slots.get(),
            running: 0,
            next: 0,
            calls: BTreeMap::new(),
            index: Index::default(),
            ready: BTreeSet::new(),
            skipped: BTreeMap::new(),
        }
    }

    /// A scheduler that runs one call after the other, in the order of submission, whatever they touch.
    #[must_use]
    pub fn serial() -> Self {
        Self {
            mode: Mode::Serial,
            ..Self::new(NonZeroUsize::MIN)
        }
    }

    /// Takes a call in. It starts, or is skipped, when `next` says so.
    pub fn submit(&mut self, submission: Submission) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        let Submission {
            footprint,
            after,
            priority,
        } = submission;
        let mut call = Call::new(footprint, priority);
        // A call that has ended and is forgotten ended ok, or its followers were skipped before it was forgotten.
        call.after = after
            .into_iter()
            .filter(|earlier| self.calls.contains_key(earlier))
            .collect();
        self.calls.insert(ticket, call);
        self.attach(ticket);
        self.settle(ticket);
        ticket
    }

    /// Gives a call its edges and makes its entries visible. Its earlier conflicts are found in the index.
    fn attach(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get(&ticket) else { return };
        let footprint = Arc::clone(&call.footprint);
        let mut blockers: BTreeSet<Ticket> = call.after.iter().copied().collect();
        match self.mode {
            Mode::Parallel => self.index.conflicts(footprint.entries(), &mut blockers),
            Mode::Serial => blockers.extend(self.calls.range(..ticket).next_back().map(|(before, _)| *before)),
        }
        blockers.remove(&ticket);
        self.index.insert(ticket, footprint.entries());
        for blocker in blockers {
            self.link(blocker, ticket);
        }
    }

    /// A running call ended. Its resources are free; ask `next` who starts.
    pub fn finish(&mut self, ticket: Ticket, how: Ended) {
        if !matches!(self.calls.get(&ticket), Some(call) if call.state == State::Running) {
            return;
        }
        self.running -= 1;
        let Some(call) = self.calls.remove(&ticket) else { return };
        self.index.remove(ticket, call.footprint.entries());
        self.release(ticket, &call, how);
    }

    /// Takes a waiting call out, as if it had never come; those that come after it are skipped. Whether it was waiting.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        if !matches!(self.calls.get(&ticket), Some(call) if call.state != State::Running) {
            return false;
        }
        self.skipped.remove(&ticket);
        self.take_out(ticket);
        true
    }

    /// Gives a call another footprint: one that waits, or one that was just started and has not opened anything.
    ///
    /// It keeps its place: it waits for every running call and every earlier waiting one that conflicts with the new
    /// footprint, and later waiting ones that conflict wait for it. Whether it is running (still).
    pub fn replan(&mut self, ticket: Ticket, footprint: Arc<Footprint>) -> bool {
        let Some(call) = self.calls.get(&ticket) else {
            return false;
        };
        let was_running = call.state == State::Running;
        self.unready(ticket);
        let old = Arc::clone(&call_footprint(&self.calls, ticket));
        self.index.remove(ticket, old.entries());
        self.bridge(ticket);
        self.unlink_all(ticket);
        let after: Vec<Ticket> = match self.calls.get_mut(&ticket) {
            Some(call) => {
                call.footprint = Arc::clone(&footprint);
                call.state = State::Waiting;
                call.after.iter().copied().collect()
            }
            None => return false,
        };
        // Rare, so by the definition: everyone alive is compared.
        let mut before = Vec::new();
        let mut behind = Vec::new();
        for (other, call) in &self.calls {
            let serial = self.mode == Mode::Serial;
            if *other == ticket || (!serial && call.footprint.conflict(&footprint).is_none()) {
                continue;
            }
            match call.state == State::Running || *other < ticket {
                true => before.push(*other),
                false => behind.push(*other),
            }
        }
        for blocker in before.into_iter().chain(after) {
            self.link(blocker, ticket);
        }
        for follower in behind {
            self.unready(follower);
            self.link(ticket, follower);
        }
        // Nothing of the index is hidden by this call: its entries are only added, which is always safe.
        self.index.add(ticket, footprint.entries());
        let free = self.calls.get(&ticket).is_some_and(|call| call.blockers.is_empty());
        match (was_running, free) {
            (true, true) => {
                if let Some(call) = self.calls.get_mut(&ticket) {
                    call.state = State::Running;
                }
                true
            }
            (true, false) => {
                self.running -= 1;
                false
            }
            (false, _) => {
                self.settle(ticket);
                false
            }
        }
    }

    /// The next thing to do; ask until there is nothing.
    #[expect(
        clippy::should_implement_trait,
        reason = "a scheduler is no sequence: what comes next depends on what happens between"
    )]
    pub fn next(&mut self) -> Option<Decision> {
        if let Some((ticket, because)) = self.skipped.pop_first() {
            self.take_out(ticket);
            return Some(Decision::Skip { ticket, because });
        }
        if self.running >= self.slots {
            return None;
        }
        let (_, _, std::cmp::Reverse(ticket)) = self.ready.pop_last()?;
        let call = self.calls.get_mut(&ticket)?;
        call.state = State::Running;
        self.running += 1;
        Some(Decision::Start(ticket))
    }

    /// What a call waits for now, directly; the oldest first.
    #[must_use]
    pub fn waits(&self, ticket: Ticket) -> Vec<Wait<'_>> {
        let Some(call) = self.calls.get(&ticket) else {
            return Vec::new();
        };
        let waits = call.blockers.iter().filter_map(|on| {
            let other = self.calls.get(on)?;
            let reason = match call.footprint.conflict(&other.footprint) {
                Some(pair) => Reason::Conflict {
                    mine: pair.mine,
                    theirs: pair.theirs,
                },
                None => Reason::After,
            };
            Some(Wait { on: *on, reason })
        });
        waits.collect()
    }

    /// How many calls run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many calls have not started.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.calls.len() - self.running
    }
}

fn call_footprint(calls: &BTreeMap<Ticket, Call>, ticket: Ticket) -> Arc<Footprint> {
    calls
        .get(&ticket)
        .map(|call| Arc::clone(&call.footprint))
        .unwrap_or_default()
}
