//! Who may run: a conflict scheduler as a pure state machine. Arrivals, ends and cancels go in; starts, skips and reasons
//! come out. It must not know threads, clocks, files, tokio or wasmtime, and the same history gives the same decisions.
//!
//! # The rule
//!
//! A call becomes *ready* exactly when no earlier unfinished call conflicts with it (see [`Footprint::conflict`]), every
//! call that it comes `after` has ended as its [`When`] wants, and its footprint is known. Ready calls start while slots
//! are free: higher priority first, then the one with the longest chain behind it, then the older (see `rank`). From this
//! follow the promises: conflicting calls run one at a time and in the order of submission (S1); nothing waits for anything
//! else (S2); a waiting writer holds back later readers, so it can't starve (S4).
//!
//! All entries of a call are taken in one step, in the order of arrival. Nobody holds one and waits for another, so there
//! is no deadlock, nothing is tried twice, and an end looks at nobody but those who have an edge to it.
//!
//! # Edges to visible entries are enough
//!
//! Comparing each arrival with every live call would cost too much, and when everything conflicts an edge from every pair
//! would, too. So the `index` keeps, in a tree of path components, the entries that are still *visible*. An arrival W
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
//! # Footprints that are not known yet
//!
//! A call whose paths depend on the result of another holds, until that is there, everything that it could mean: P. When
//! it says what it is, F, F lies within P, so the edges that it has are more than enough, and those stay that stand for a
//! conflict with F. None is missing: if F conflicts with an unfinished earlier E, so did P; then either E's call is a direct
//! blocker, or a direct blocker B hid E by a write around it, and B conflicts with F where E does. The same holds for those
//! who come later: who conflicts with F conflicted with P, and if its edge leads to a call X that hid P instead, X's write
//! covers F, too, so that X keeps its edge. Those who only conflicted with what P had beyond F lose theirs, after they got
//! edges to the blockers that it stood for. A footprint that is not within the old one (a link was changed meanwhile) is
//! rare, and is put in place by the definition: everyone alive is compared.
//!
//! # Slots
//!
//! A call that starts holds a slot. While it waits for something outside (time, network, a browser) it is *paused*: it
//! keeps its resources and gives the slot away. When it goes on it takes one back at once, whether one is free or not: it
//! holds what others wait for, so nobody new starts before it. How many calls have started and not ended is bounded apart
//! from slots, because each takes memory.
//!
//! # Cost
//!
//! An arrival costs its path components, the visible entries found, and its edges; an end costs its entries and edges.
//! Where many wait for the same many, a join stands for the edges from each to each (see `join`).
//! Readers of one place never look at each other: each node lists reads and writes apart, children that lead to writes are
//! listed apart from those that don't, and a search visits only what leads to something that it looks for.

mod calls;
mod graph;
mod index;
mod join;
mod rank;
mod terms;

#[cfg(test)]
mod tests;

pub use terms::{Decision, Ended, Reason, Submission, Ticket, Wait, When};

use crate::call::Footprint;
use calls::{Call, Calls, State};
use index::Index;
use join::Recent;
use rank::Rank;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

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
    most_started: usize,
    running: usize,
    started: usize,
    calls: Calls,
    index: Index,
    /// Ready calls in the order in which they would start: the last first.
    ready: BTreeSet<Rank>,
    /// Calls whose footprint is to be asked for.
    unresolved: BTreeSet<Ticket>,
    /// Calls that are to be skipped, with the reason.
    skipped: BTreeMap<Ticket, Ticket>,
    /// How many calls came since all chains were summed.
    arrived: usize,
    /// Whether a chain has changed since, and not all before were told.
    stale: bool,
    /// Joins among the calls, those that were made lately, and those that are over.
    joins: usize,
    recent: Recent,
    ended_joins: Vec<Ticket>,
    /// Room for what a search finds, kept between searches.
    found: Vec<Ticket>,
}

impl Scheduler {
    /// A scheduler in which at most `slots` calls hold a slot at once, and any number is paused.
    #[must_use]
    pub fn new(slots: NonZeroUsize) -> Self {
        Self {
            mode: Mode::Parallel,
            slots: slots.get(),
            most_started: usize::MAX,
            running: 0,
            started: 0,
            calls: Calls::default(),
            index: Index::default(),
            ready: BTreeSet::new(),
            unresolved: BTreeSet::new(),
            skipped: BTreeMap::new(),
            arrived: 0,
            stale: false,
            joins: 0,
            recent: Recent::new(),
            ended_joins: Vec::new(),
            found: Vec::new(),
        }
    }

    /// The same scheduler, in which at most `most` calls have started and not ended, paused ones counted.
    #[must_use]
    pub fn with_most_started(self, most: NonZeroUsize) -> Self {
        Self {
            most_started: most.get(),
            ..self
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

    /// Takes a call in. It starts, is resolved, or is skipped, when `next` says so.
    pub fn submit(&mut self, submission: Submission) -> Ticket {
        let mut call = Call::new(submission);
        call.after.retain(|earlier| self.calls.contains(*earlier));
        let ticket = self.calls.push(call);
        self.arrived += 1;
        self.attach(ticket);
        if self.calls.get(ticket).is_some_and(|call| !call.may_run()) {
            self.skipped.insert(ticket, ticket);
        }
        self.settle(ticket);
        ticket
    }

    /// A started call ended. Its resources are free; ask `next` who starts.
    pub fn finish(&mut self, ticket: Ticket, how: Ended) {
        let Some(state) = self
            .calls
            .get(ticket)
            .map(|call| call.state)
            .filter(|state| state.started())
        else {
            return;
        };
        if state == State::Running {
            self.running -= 1;
        }
        self.started -= 1;
        let Some(mut call) = self.calls.remove(ticket) else {
            return;
        };
        self.index.remove(ticket, call.footprint.entries(), &mut call.handles);
        self.release(ticket, &call, how);
    }

    /// A running call waits for something outside the host: it keeps its resources and gives its slot away.
    pub fn pause(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(ticket).filter(|call| call.state == State::Running) {
            call.state = State::Paused;
            self.running -= 1;
        }
    }

    /// A paused call goes on. It holds a slot again, even if that is one too many for a while: nobody new starts meanwhile.
    pub fn resume(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(ticket).filter(|call| call.state == State::Paused) {
            call.state = State::Running;
            self.running += 1;
        }
    }

    /// Takes a call out that has not started, as if it had never come; for those that come after it, it did not end ok.
    /// Whether it was waiting.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        if self.calls.get(ticket).is_none_or(|call| call.state.started()) {
            return false;
        }
        self.skipped.remove(&ticket);
        self.take_out(ticket);
        true
    }

    /// Gives a call its footprint, or another one: a call that waits, or one that was just started and has not opened
    /// anything.
    ///
    /// It keeps its place: it waits for every started call and every earlier waiting one that conflicts with the new
    /// footprint, and later waiting ones that conflict wait for it. Whether it is running (still).
    pub fn replan(&mut self, ticket: Ticket, footprint: Arc<Footprint>) -> bool {
        let Some(call) = self.calls.get(ticket) else {
            return false;
        };
        let was_running = match call.state {
            State::Running => true,
            State::Waiting | State::Ready => false,
            State::Paused => return false,
        };
        // One that has started may have earlier calls behind it, which were planned again meanwhile and go first now.
        let narrower = !was_running && call.footprint.covers(&footprint);
        self.unready(ticket);
        self.unresolved.remove(&ticket);
        self.stale = true;
        if let Some(call) = self.calls.get_mut(ticket) {
            call.state = State::Waiting;
            call.known = true;
        }
        match narrower {
            true => self.narrow(ticket, &footprint),
            false => self.reattach(ticket, &footprint),
        }
        let free = self.calls.get(ticket).is_some_and(|call| call.pending == 0);
        match (was_running, free) {
            (true, true) => {
                if let Some(call) = self.calls.get_mut(ticket) {
                    call.state = State::Running;
                }
                true
            }
            (true, false) => {
                self.running -= 1;
                self.started -= 1;
                false
            }
            (false, _) => {
                self.settle(ticket);
                false
            }
        }
    }

    /// Has a call whose footprint is not known yet hold nothing until it is: whoever is asked about it may take a while.
    pub fn let_go(&mut self, ticket: Ticket) {
        if self.calls.get(ticket).is_some_and(|call| !call.known) {
            self.stale = true;
            self.narrow(ticket, &Arc::default());
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
        if let Some(ticket) = self.unresolved.pop_first() {
            self.calls.get_mut(ticket)?.asked = true;
            return Some(Decision::Resolve(ticket));
        }
        if self.running >= self.slots {
            return None;
        }
        if self.started >= self.most_started {
            return None;
        }
        self.rank_all();
        let (_, _, std::cmp::Reverse(ticket)) = self.ready.pop_last()?;
        self.calls.get_mut(ticket)?.state = State::Running;
        self.running += 1;
        self.started += 1;
        Some(Decision::Start(ticket))
    }

    /// What a call waits for now, directly, the oldest first: at most so many reasons, and how many more there are. That it
    /// comes after the other one goes before a conflict.
    #[must_use]
    pub fn waits(&self, ticket: Ticket, most: usize) -> (Vec<Wait<'_>>, usize) {
        let Some(call) = self.calls.get(ticket) else {
            return (Vec::new(), 0);
        };
        let before = self.before(ticket);
        let left_out = before.len().saturating_sub(most);
        let waits = before.into_iter().take(most).filter_map(|on| {
            let other = self.calls.get(on)?;
            let reason = match call.footprint.conflict(&other.footprint) {
                _ if call.after.contains(&on) => Reason::After,
                Some(pair) => Reason::Conflict {
                    mine: pair.mine,
                    theirs: pair.theirs,
                },
                None => Reason::After,
            };
            Some(Wait { on, reason })
        });
        (waits.collect(), left_out)
    }

    /// All calls that this one waits for now, directly, the oldest first.
    #[must_use]
    pub fn blockers(&self, ticket: Ticket) -> Vec<Ticket> {
        self.before(ticket)
    }

    /// How many calls hold a slot.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many calls have started and not ended.
    #[must_use]
    pub fn started(&self) -> usize {
        self.started
    }

    /// How many calls have not started.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.calls.len() - self.joins - self.started
    }
}
