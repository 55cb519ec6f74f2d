//! The calls and the edges between them. It must not look for conflicts; it keeps those that were found.

use super::{Ended, Scheduler, Ticket};
use crate::call::Footprint;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a call is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Something unfinished is before it.
    Waiting,
    /// Only a slot is missing.
    Ready,
    Running,
}

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) footprint: Arc<Footprint>,
    pub(super) priority: i32,
    pub(super) state: State,
    /// Unfinished calls that must end first.
    pub(super) blockers: BTreeSet<Ticket>,
    /// Unfinished calls that wait for this one.
    pub(super) followers: BTreeSet<Ticket>,
    /// Those of the blockers that must end ok.
    pub(super) after: BTreeSet<Ticket>,
}

impl Call {
    pub(super) fn new(footprint: Arc<Footprint>, priority: i32) -> Self {
        Self {
            footprint,
            priority,
            state: State::Waiting,
            blockers: BTreeSet::new(),
            followers: BTreeSet::new(),
            after: BTreeSet::new(),
        }
    }

    fn rank(&self, ticket: Ticket) -> (i32, usize, Reverse<Ticket>) {
        (self.priority, self.followers.len(), Reverse(ticket))
    }
}

impl Scheduler {
    /// `follower` waits for `blocker`.
    pub(super) fn link(&mut self, blocker: Ticket, follower: Ticket) {
        let Some(call) = self.calls.get_mut(&blocker) else {
            return;
        };
        // A ready call's rank holds how many follow it.
        let was = (call.state == State::Ready).then(|| call.rank(blocker));
        call.followers.insert(follower);
        if let Some(was) = was {
            let now = call.rank(blocker);
            self.ready.remove(&was);
            self.ready.insert(now);
        }
        if let Some(call) = self.calls.get_mut(&follower) {
            call.blockers.insert(blocker);
        }
    }

    /// Makes a call ready if nothing is before it.
    pub(super) fn settle(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(&ticket)
            && call.state == State::Waiting
            && call.blockers.is_empty()
            && !self.skipped.contains_key(&ticket)
        {
            call.state = State::Ready;
            self.ready.insert(call.rank(ticket));
        }
    }

    /// Takes a call out of the ready ones, if it is there.
    pub(super) fn unready(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(&ticket)
            && call.state == State::Ready
        {
            self.ready.remove(&call.rank(ticket));
            call.state = State::Waiting;
        }
    }

    /// `ticket` is over and gone from the table: its followers lose an edge, and those that come after it are skipped
    /// if it did not end ok.
    pub(super) fn release(&mut self, ticket: Ticket, call: &Call, how: Ended) {
        for follower in &call.followers {
            let Some(next) = self.calls.get_mut(follower) else {
                continue;
            };
            next.blockers.remove(&ticket);
            if next.after.remove(&ticket) && how == Ended::NotOk {
                self.skipped.entry(*follower).or_insert(ticket);
            }
            self.settle(*follower);
        }
    }

    /// Takes a call out that has not run: its followers get the edges that it stood for.
    pub(super) fn take_out(&mut self, ticket: Ticket) {
        self.unready(ticket);
        let Some(call) = self.calls.get(&ticket) else { return };
        let footprint = Arc::clone(&call.footprint);
        self.index.remove(ticket, footprint.entries());
        self.bridge(ticket);
        let Some(call) = self.calls.remove(&ticket) else { return };
        for blocker in &call.blockers {
            self.unfollow(*blocker, ticket);
        }
        self.release(ticket, &call, Ended::NotOk);
    }

    /// Before `ticket` goes away: what it hid becomes visible, and its followers get edges to those of its blockers that
    /// they conflict with themselves. See the module comment for why direct blockers are enough.
    pub(super) fn bridge(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get(&ticket) else { return };
        let (blockers, followers) = (call.blockers.clone(), call.followers.clone());
        for blocker in &blockers {
            let Some(before) = self.calls.get(blocker) else {
                continue;
            };
            let footprint = Arc::clone(&before.footprint);
            self.index.add(*blocker, footprint.entries());
            for follower in &followers {
                let conflict = self.calls.get(follower).is_some_and(|next| {
                    self.mode == super::Mode::Serial || next.footprint.conflict(&footprint).is_some()
                });
                if conflict {
                    self.link(*blocker, *follower);
                }
            }
        }
    }

    /// Takes all edges of `ticket` away, except that its followers that come `after` it keep theirs.
    pub(super) fn unlink_all(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get_mut(&ticket) else {
            return;
        };
        let blockers = std::mem::take(&mut call.blockers);
        let followers = std::mem::take(&mut call.followers);
        for blocker in blockers {
            self.unfollow(blocker, ticket);
        }
        for follower in followers {
            let Some(next) = self.calls.get_mut(&follower) else {
                continue;
            };
            if next.after.contains(&ticket) {
                if let Some(call) = self.calls.get_mut(&ticket) {
                    call.followers.insert(follower);
                }
                continue;
            }
            next.blockers.remove(&ticket);
            self.settle(follower);
        }
    }

    fn unfollow(&mut self, blocker: Ticket, follower: Ticket) {
        let Some(call) = self.calls.get_mut(&blocker) else {
            return;
        };
        let was = (call.state == State::Ready).then(|| call.rank(blocker));
        call.followers.remove(&follower);
        if let Some(was) = was {
            let now = call.rank(blocker);
            self.ready.remove(&was);
            self.ready.insert(now);
        }
    }
}
