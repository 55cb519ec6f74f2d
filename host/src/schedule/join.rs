//! Many waiting for the same many, without an edge from each to each.
//!
//! A thousand calls that list a folder, then a thousand that write into it: every writer waits for every lister, a million
//! edges. So an arrival that has many blockers gets one edge to a *join* instead: a call of nobody's that holds nothing,
//! waits for those blockers, and is over when they are. The next arrival that waits for all of these, and perhaps a few
//! more, uses it again. A join says nothing that edges wouldn't: whatever looks at neighbours looks through it, and a call
//! whose footprint changes is first given the edges that joins stood for. It must not be seen from outside.

use super::Scheduler;
use super::Ticket;
use super::calls::{Call, Calls, State};
use std::collections::VecDeque;

/// As many blockers have edges of their own.
const FEW: usize = if cfg!(test) { 2 } else { 32 };

/// How many joins are looked at again.
const RECENT: usize = 8;

/// A join that may be used again.
#[derive(Debug)]
pub(super) struct Join {
    ticket: Ticket,
    /// All calls that it stands for, in order; some may have ended.
    members: Vec<Ticket>,
}

/// The joins that were made lately, the last first.
pub(super) type Recent = VecDeque<Join>;

impl Join {
    /// Whether everyone that it waits for is among these. What has ended is forgotten now and then.
    fn stands_within(&mut self, found: &[Ticket], calls: &Calls) -> bool {
        let (mut rest, mut gone) = (found, 0);
        for member in &self.members {
            // Mostly the next is the one.
            if rest.first() != Some(member) {
                let place = rest.partition_point(|ticket| ticket < member);
                rest = rest.get(place..).unwrap_or_default();
            }
            match rest.first() == Some(member) {
                true => rest = rest.get(1..).unwrap_or_default(),
                false if calls.contains(*member) => return false,
                false => gone += 1,
            }
        }
        if gone * 2 > self.members.len() {
            self.members.retain(|member| calls.contains(*member));
        }
        true
    }
}

impl Scheduler {
    /// Makes few of many: replaces blockers, which are sorted, by a join that stands for them.
    pub(super) fn compress(&mut self, found: &mut Vec<Ticket>) {
        if found.len() <= FEW {
            return;
        }
        let calls = &self.calls;
        self.recent.retain(|join| calls.contains(join.ticket));
        let again = self.recent.iter_mut().position(|join| join.stands_within(found, calls));
        let old = again.and_then(|at| self.recent.get(at));
        let mut rest: Vec<Ticket> = match old {
            Some(join) => found
                .iter()
                .copied()
                .filter(|ticket| join.members.binary_search(ticket).is_err())
                .collect(),
            None => found.clone(),
        };
        rest.extend(old.map(|join| join.ticket));
        if rest.len() <= FEW {
            *found = rest;
            return;
        }
        // The youngest keep edges of their own: they are those that the next arrival may not wait for any more, because this
        // one hides them.
        let young = found.split_off(found.len() - FEW / 2);
        rest.retain(|blocker| young.binary_search(blocker).is_err());
        let ticket = self.calls.push(Call::join());
        self.joins += 1;
        for blocker in rest {
            self.link(blocker, ticket);
        }
        let members = std::mem::replace(found, young);
        found.push(ticket);
        self.recent.push_front(Join { ticket, members });
        self.recent.truncate(RECENT);
    }

    /// Ends the joins that wait for nobody any more.
    pub(super) fn end_joins(&mut self) {
        while let Some(ticket) = self.ended_joins.pop() {
            if let Some(call) = self.calls.remove(ticket) {
                self.joins -= 1;
                self.release_followers(ticket, &call, super::Ended::Ok);
            }
        }
    }

    /// The calls that `ticket` waits for, joins looked through; each once, the oldest first.
    pub(super) fn before(&self, ticket: Ticket) -> Vec<Ticket> {
        let blockers = |ticket| {
            self.calls
                .get(ticket)
                .map(|call| &call.blockers[..])
                .unwrap_or_default()
        };
        let mut todo: Vec<Ticket> = blockers(ticket).to_vec();
        let mut found = Vec::with_capacity(todo.len());
        while let Some(next) = todo.pop() {
            match self.calls.get(next) {
                Some(call) if call.join => todo.extend(blockers(next)),
                Some(_) => found.push(next),
                None => {}
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The calls that wait for `ticket`, joins looked through; each once, the oldest first.
    pub(super) fn behind(&self, ticket: Ticket) -> Vec<Ticket> {
        let mut todo: Vec<Ticket> = self.direct_followers(ticket).collect();
        let mut found = Vec::with_capacity(todo.len());
        while let Some(next) = todo.pop() {
            match self.calls.get(next).is_some_and(|call| call.join) {
                true => todo.extend(self.direct_followers(next)),
                false => found.push(next),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The joins that wait for `ticket` itself, which is about to leave them: none is used again.
    pub(super) fn joins_to_leave(&mut self, ticket: Ticket) -> Vec<Ticket> {
        let followers = self.direct_followers(ticket);
        let joins: Vec<Ticket> = followers
            .filter(|next| self.calls.get(*next).is_some_and(|call| call.join))
            .collect();
        if !joins.is_empty() {
            self.recent.clear();
        }
        joins
    }

    fn direct_followers(&self, ticket: Ticket) -> impl Iterator<Item = Ticket> {
        let followers = self
            .calls
            .get(ticket)
            .map(|call| &call.followers[..])
            .unwrap_or_default();
        let follows = |(next, epoch): &&(Ticket, u32)| self.calls.get(*next).is_some_and(|call| call.epoch == *epoch);
        followers.iter().filter(follows).map(|(next, _)| *next)
    }
}

impl Call {
    fn join() -> Self {
        Self {
            join: true,
            estimate_us: 0,
            chain_us: 0,
            state: State::Waiting,
            ..Self::new(super::Submission::new(std::sync::Arc::default()))
        }
    }
}
