//! The edges between calls. It must not look for conflicts by itself; it keeps those that were found.
//!
//! Edges are only ever added: one whose end is gone is left where it is and passed over. Calls are never renumbered, so a
//! ticket that isn't in the table any more has ended; a follower that was planned again has a new epoch, and edges to the
//! old one are passed over, too.

use super::calls::{Call, State};
use super::index::{Handles, Index};
use super::{Ended, Mode, Scheduler, Ticket};
use crate::call::{Access, Footprint};
use std::sync::Arc;

/// As many pairs are compared one by one rather than through an index of their own.
const PAIRS: usize = if cfg!(test) { 2 } else { 64 };

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
        found.sort_unstable();
        found.dedup();
        found.retain(|blocker| *blocker != ticket);
        self.compress(&mut found);
        // Whom it comes after it must hear of itself.
        if let Some(call) = self.calls.get(ticket) {
            found.extend(&call.after);
        }
        for blocker in found.drain(..) {
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
            true if call.join => {
                if call.pending == 0 {
                    self.ended_joins.push(ticket);
                }
            }
            true if call.pending == 0 => {
                call.state = State::Ready;
                self.ready.insert(call.rank(ticket));
            }
            false if call.after.is_empty() && !call.asked => _ = self.unresolved.insert(ticket),
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
        self.release_followers(ticket, call, how);
        self.end_joins();
    }

    pub(super) fn release_followers(&mut self, ticket: Ticket, call: &Call, how: Ended) {
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

    fn conflicting(&self, call: Ticket, footprint: &Footprint) -> bool {
        let conflicts = |call: &Call| call.footprint.conflict(footprint).is_some();
        self.mode == Mode::Serial || self.calls.get(call).is_some_and(conflicts)
    }

    /// Before `ticket` goes away: what it hid becomes visible, and its followers get edges to those of its blockers that
    /// they conflict with themselves. See the module comment for why direct blockers are enough.
    fn bridge(&mut self, ticket: Ticket) {
        let writes = |call: &Call| {
            call.footprint
                .entries()
                .iter()
                .any(|entry| entry.access == Access::Write)
        };
        if self.mode == Mode::Parallel && !self.calls.get(ticket).is_some_and(writes) {
            // It hid nothing, so it stood for nobody.
            return;
        }
        let (before, behind) = (self.before(ticket), self.behind(ticket));
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
        let (before, behind) = (self.before(ticket), self.behind(ticket));
        let joins = self.joins_to_leave(ticket);
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
        for follower in dropped.into_iter().chain(joins) {
            self.unlink(ticket, follower);
        }
        self.end_joins();
        self.appear(ticket);
    }

    /// Gives a call any other footprint. Rare, so by the definition: everyone alive is compared.
    pub(super) fn reattach(&mut self, ticket: Ticket, footprint: &Arc<Footprint>) {
        self.vanish(ticket);
        self.bridge(ticket);
        let (behind, joins) = (self.behind(ticket), self.joins_to_leave(ticket));
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
        for join in joins {
            self.unlink(ticket, join);
        }
        self.end_joins();
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

    /// A follower is a follower again: it still has its edge, or had one through a join and now gets its own.
    fn relink(&mut self, blocker: Ticket, follower: Ticket) {
        let Some(next) = self.calls.get(follower) else { return };
        if next.blockers.binary_search(&blocker).is_err() {
            return self.link(blocker, follower);
        }
        let epoch = next.epoch;
        if let Some(call) = self.calls.get_mut(blocker) {
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
