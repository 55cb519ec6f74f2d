//! The calls and the edges between them. It must not look for conflicts by itself; it keeps those that were found.
//!
//! Edges are only ever added: one whose end is gone is left where it is and passed over. Calls are never renumbered, so a
//! ticket that isn't in the table any more has ended; a follower that was planned again has a new epoch, and edges to the
//! old one are passed over, too.

use super::index::{Handles, Index};
use super::{Ended, Mode, Scheduler, Ticket, When};
use crate::call::Footprint;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

/// As many pairs are compared one by one rather than through an index of their own.
const PAIRS: usize = if cfg!(test) { 2 } else { 64 };

/// Where a call is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Something unfinished is before it, or its footprint is not known.
    Waiting,
    /// Only a slot is missing.
    Ready,
    /// It has started and holds a slot.
    Running,
    /// It has started and waits for something outside: it holds its resources and no slot.
    Paused,
}

impl State {
    pub(super) fn started(self) -> bool {
        match self {
            Self::Waiting | Self::Ready => false,
            Self::Running | Self::Paused => true,
        }
    }
}

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) footprint: Arc<Footprint>,
    pub(super) handles: Handles,
    pub(super) state: State,
    /// Whether the footprint is more than a guess from above.
    pub(super) known: bool,
    pub(super) priority: i32,
    pub(super) estimate_us: u64,
    /// The estimates along the longest chain of calls that starts with this one.
    pub(super) chain_us: u64,
    /// How many of the blockers have not ended.
    pub(super) pending: usize,
    /// Calls that must end first, in order; some of them may have.
    pub(super) blockers: Vec<Ticket>,
    /// Calls that wait for this one, and the epoch in which they do.
    pub(super) followers: Vec<(Ticket, u32)>,
    /// Grows when the call is planned again.
    pub(super) epoch: u32,
    /// Those of the blockers whose end decides about this call, as long as they have not ended.
    pub(super) after: SmallVec<[Ticket; 2]>,
    pub(super) when: When,
    /// Whether one of those has ended otherwise than ok.
    pub(super) failed: bool,
}

/// All calls that have not ended, in the order of submission.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The ticket of the first place.
    base: u64,
    places: VecDeque<Option<Box<Call>>>,
    live: usize,
}

impl Calls {
    fn at(&self, ticket: Ticket) -> Option<usize> {
        usize::try_from(ticket.0.checked_sub(self.base)?).ok()
    }

    /// The ticket that `push` will give next.
    pub(super) fn push(&mut self, call: Call) -> Ticket {
        let ticket = Ticket(self.base + self.places.len() as u64);
        self.places.push_back(Some(Box::new(call)));
        self.live += 1;
        ticket
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Call> {
        self.places.get(self.at(ticket)?)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Call> {
        let at = self.at(ticket)?;
        self.places.get_mut(at)?.as_deref_mut()
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Box<Call>> {
        let at = self.at(ticket)?;
        let call = self.places.get_mut(at)?.take()?;
        self.live -= 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.base += 1;
        }
        Some(call)
    }

    pub(super) fn contains(&self, ticket: Ticket) -> bool {
        self.get(ticket).is_some()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// All calls, the oldest first.
    pub(super) fn tickets(&self) -> impl DoubleEndedIterator<Item = Ticket> {
        let numbers = self.base..self.base + self.places.len() as u64;
        numbers.map(Ticket).filter(|ticket| self.contains(*ticket))
    }
}

impl Scheduler {
    /// Gives a call its edges and makes its entries visible. Its earlier conflicts are found in the index.
    pub(super) fn attach(&mut self, ticket: Ticket) {
        let mut found = std::mem::take(&mut self.found);
        match self.mode {
            Mode::Serial => found.extend(self.calls.tickets().rev().nth(1)),
            Mode::Parallel => {
                let Some(call) = self.calls.get_mut(ticket) else { return };
                let entries = call.footprint.entries();
                self.index.add(ticket, entries, &mut call.handles);
                self.index.conflicts(entries, &call.handles, &mut found);
                self.index.hide_within(ticket, entries, &call.handles);
            }
        }
        if let Some(call) = self.calls.get(ticket) {
            found.extend(&call.after);
        }
        found.sort_unstable();
        found.dedup();
        for blocker in found.drain(..).filter(|blocker| *blocker != ticket) {
            self.link(blocker, ticket);
        }
        self.found = found;
    }

    /// `follower` waits for `blocker`, if that has not ended.
    pub(super) fn link(&mut self, blocker: Ticket, follower: Ticket) {
        if !self.calls.contains(blocker) {
            return;
        }
        let Some(next) = self.calls.get_mut(follower) else {
            return;
        };
        let Err(place) = next.blockers.binary_search(&blocker) else {
            return;
        };
        next.blockers.insert(place, blocker);
        next.pending += 1;
        let (epoch, chain) = (next.epoch, next.chain_us);
        if let Some(call) = self.calls.get_mut(blocker) {
            call.followers.push((follower, epoch));
        }
        self.lengthen(blocker, chain);
    }

    /// Makes a call ready if nothing is before it.
    pub(super) fn settle(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get_mut(ticket) else { return };
        if call.state != State::Waiting || self.skipped.contains_key(&ticket) {
            return;
        }
        match call.known {
            true if call.pending == 0 => {
                call.state = State::Ready;
                self.ready.insert(call.rank(ticket));
            }
            false if call.after.is_empty() => _ = self.unresolved.insert(ticket),
            true | false => {}
        }
    }

    /// Takes a call out of the ready ones, if it is there.
    pub(super) fn unready(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(ticket)
            && call.state == State::Ready
        {
            self.ready.remove(&call.rank(ticket));
            call.state = State::Waiting;
        }
    }

    /// `ticket` is over and gone from the table: its followers lose an edge, and those that named it may be skipped.
    pub(super) fn release(&mut self, ticket: Ticket, call: &Call, how: Ended) {
        for (follower, epoch) in &call.followers {
            let Some(next) = self.calls.get_mut(*follower).filter(|next| next.epoch == *epoch) else {
                continue;
            };
            next.pending -= 1;
            if let Some(place) = next.after.iter().position(|on| *on == ticket) {
                next.after.swap_remove(place);
                next.failed |= how == Ended::NotOk;
                if !next.may_run() {
                    self.skipped.entry(*follower).or_insert(ticket);
                }
            }
            self.settle(*follower);
        }
    }

    /// Takes a call out that has not run: its followers get the edges that it stood for.
    pub(super) fn take_out(&mut self, ticket: Ticket) {
        self.unready(ticket);
        self.unresolved.remove(&ticket);
        self.stale = true;
        self.vanish(ticket);
        self.bridge(ticket);
        if let Some(call) = self.calls.remove(ticket) {
            self.release(ticket, &call, Ended::NotOk);
        }
    }

    /// Takes a call's entries out of the index.
    fn vanish(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(ticket) {
            self.index.remove(ticket, call.footprint.entries(), &mut call.handles);
        }
    }

    /// Makes a call's entries visible, and hides nothing.
    fn appear(&mut self, ticket: Ticket) {
        if let (Mode::Parallel, Some(call)) = (self.mode, self.calls.get_mut(ticket)) {
            self.index.add(ticket, call.footprint.entries(), &mut call.handles);
        }
    }

    /// The calls before and behind `ticket` that have not ended.
    fn neighbours(&self, ticket: Ticket) -> (Vec<Ticket>, Vec<Ticket>) {
        let Some(call) = self.calls.get(ticket) else {
            return Default::default();
        };
        let before = call.blockers.iter().copied().filter(|on| self.calls.contains(*on));
        let follows = |(next, epoch): &&(Ticket, u32)| self.calls.get(*next).is_some_and(|call| call.epoch == *epoch);
        let behind = call.followers.iter().filter(follows).map(|(next, _)| *next);
        (before.collect(), behind.collect())
    }

    fn conflicting(&self, call: Ticket, footprint: &Footprint) -> bool {
        let conflicts = |call: &Call| call.footprint.conflict(footprint).is_some();
        self.mode == Mode::Serial || self.calls.get(call).is_some_and(conflicts)
    }

    /// Before `ticket` goes away: what it hid becomes visible, and its followers get edges to those of its blockers that
    /// they conflict with themselves. See the module comment for why direct blockers are enough.
    fn bridge(&mut self, ticket: Ticket) {
        let (before, behind) = self.neighbours(ticket);
        for blocker in &before {
            self.appear(*blocker);
        }
        if self.mode == Mode::Parallel && before.len().saturating_mul(behind.len()) > PAIRS {
            return self.bridge_by_index(&before, &behind);
        }
        for blocker in before {
            let Some(footprint) = self.calls.get(blocker).map(|call| Arc::clone(&call.footprint)) else {
                continue;
            };
            for follower in &behind {
                if self.conflicting(*follower, &footprint) {
                    self.link(blocker, *follower);
                }
            }
        }
    }

    /// The same for many: an index of the blockers alone, in which nothing is hidden, finds the pairs.
    fn bridge_by_index(&mut self, before: &[Ticket], behind: &[Ticket]) {
        let mut index = Index::default();
        for blocker in before {
            if let Some(call) = self.calls.get(*blocker) {
                index.add(*blocker, call.footprint.entries(), &mut Handles::new());
            }
        }
        let mut found = Vec::new();
        for follower in behind {
            let Some(call) = self.calls.get(*follower) else {
                continue;
            };
            let (entries, mut handles) = (call.footprint.entries(), Handles::new());
            index.add(*follower, entries, &mut handles);
            index.conflicts(entries, &handles, &mut found);
            index.remove(*follower, entries, &mut handles);
            for blocker in found.drain(..).filter(|blocker| blocker != follower) {
                self.link(blocker, *follower);
            }
        }
    }

    /// Gives a waiting call a footprint within its old one. It keeps those edges that still stand for a
    /// conflict; see the module comment for why no other is needed.
    pub(super) fn narrow(&mut self, ticket: Ticket, footprint: &Arc<Footprint>) {
        self.vanish(ticket);
        self.bridge(ticket);
        let (before, behind) = self.neighbours(ticket);
        let named = self
            .calls
            .get(ticket)
            .map(|call| call.after.clone())
            .unwrap_or_default();
        let keep = |blocker: &Ticket| named.contains(blocker) || self.conflicting(*blocker, footprint);
        let before: Vec<Ticket> = before.into_iter().filter(keep).collect();
        let (kept, dropped): (Vec<Ticket>, Vec<Ticket>) = behind.into_iter().partition(|follower| {
            let names = |call: &Call| call.after.contains(&ticket);
            self.conflicting(*follower, footprint) || self.calls.get(*follower).is_some_and(names)
        });
        self.replace(ticket, footprint);
        for blocker in before {
            self.link(blocker, ticket);
        }
        for follower in kept {
            self.relink(ticket, follower);
        }
        for follower in dropped {
            self.unlink(ticket, follower);
        }
        self.appear(ticket);
    }

    /// Gives a call any other footprint. Rare, so by the definition: everyone alive is compared.
    pub(super) fn reattach(&mut self, ticket: Ticket, footprint: &Arc<Footprint>) {
        self.vanish(ticket);
        self.bridge(ticket);
        let (_, behind) = self.neighbours(ticket);
        let mut before: Vec<Ticket> = self
            .calls
            .get(ticket)
            .map(|call| call.after.to_vec())
            .unwrap_or_default();
        let mut follow = Vec::new();
        for other in self.calls.tickets().filter(|other| *other != ticket) {
            let started = self.calls.get(other).is_some_and(|call| call.state.started());
            match self.conflicting(other, footprint) {
                false => {}
                true if started || other < ticket => before.push(other),
                true => follow.push(other),
            }
        }
        self.replace(ticket, footprint);
        for blocker in before {
            self.link(blocker, ticket);
        }
        for follower in behind {
            let names = |call: &Call| call.after.contains(&ticket);
            match self.calls.get(follower).is_some_and(names) {
                true => self.relink(ticket, follower),
                false => self.unlink(ticket, follower),
            }
        }
        for follower in follow {
            self.unready(follower);
            self.link(ticket, follower);
        }
        // Nothing of the index is hidden by this call: its entries are only added, which is always safe.
        self.appear(ticket);
    }

    /// The call with its new footprint and without edges; those that lead to it are of an old epoch.
    fn replace(&mut self, ticket: Ticket, footprint: &Arc<Footprint>) {
        if let Some(call) = self.calls.get_mut(ticket) {
            call.footprint = Arc::clone(footprint);
            call.blockers.clear();
            call.followers.clear();
            call.pending = 0;
            call.epoch += 1;
        }
    }

    /// A follower that still has its edge is a follower again.
    fn relink(&mut self, blocker: Ticket, follower: Ticket) {
        let epoch = self.calls.get(follower).map(|next| next.epoch);
        if let (Some(call), Some(epoch)) = (self.calls.get_mut(blocker), epoch) {
            call.followers.push((follower, epoch));
        }
    }

    /// A follower loses its edge.
    fn unlink(&mut self, blocker: Ticket, follower: Ticket) {
        if let Some(next) = self.calls.get_mut(follower)
            && let Ok(place) = next.blockers.binary_search(&blocker)
        {
            next.blockers.remove(place);
            next.pending -= 1;
        }
        self.settle(follower);
    }
}
