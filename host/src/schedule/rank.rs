//! Who of the ready calls is first. It must not decide who is ready.
//!
//! Higher priority; then the longest remaining chain, so that the work that others wait for is not left for the end; then
//! age. A chain is the sum of estimates along followers, each of which has one edge to the next: it grows with every
//! arrival behind it, and telling all calls before would cost as much as the chain is long. So an arrival only tells its
//! direct blockers, and all chains are summed anew, in one pass from the youngest to the oldest, when slots are short, a
//! chain has changed, and the table has grown by a quarter since: a fixed number of steps for each arrival, however many
//! wait.

use super::calls::{Call, State};
use super::{Scheduler, Ticket};
use std::cmp::Reverse;

/// The greatest goes first.
pub(super) type Rank = (i32, u64, Reverse<Ticket>);

impl Call {
    pub(super) fn rank(&self, ticket: Ticket) -> Rank {
        (self.priority, self.chain_us, Reverse(ticket))
    }
}

impl Scheduler {
    /// A follower with such a chain came to a call.
    pub(super) fn lengthen(&mut self, ticket: Ticket, chain: u64) {
        // Of a call that has started, nobody asks any more, and its rank may be in use.
        let Some(call) = self.calls.get_mut(ticket).filter(|call| !call.state.started()) else {
            return;
        };
        let longer = call.estimate_us.saturating_add(chain);
        if longer <= call.chain_us {
            return;
        }
        let was = call.rank(ticket);
        call.chain_us = longer;
        let now = call.rank(ticket);
        // Whoever is before it has a longer chain, too, and was not told.
        self.stale |= call.pending > 0;
        if call.state == State::Ready && self.ready.remove(&was) {
            self.ready.insert(now);
        }
    }

    /// Sums all chains anew, if the order matters and enough has changed.
    pub(super) fn rank_all(&mut self) {
        let short = self.ready.len() > self.slots.saturating_sub(self.running);
        if !short || !self.stale || self.arrived.saturating_mul(4) < self.calls.len() {
            return;
        }
        self.arrived = 0;
        self.stale = false;
        let tickets: Vec<Ticket> = self.calls.tickets().rev().collect();
        for ticket in tickets {
            let Some(call) = self.calls.get(ticket).filter(|call| !call.state.started()) else {
                continue;
            };
            let chains = call.followers.iter().filter_map(|(next, _)| self.calls.get(*next));
            let longest = chains.map(|next| next.chain_us).max().unwrap_or(0);
            let Some(call) = self.calls.get_mut(ticket) else {
                continue;
            };
            let chain = call.estimate_us.saturating_add(longest);
            if chain == call.chain_us {
                continue;
            }
            let was = call.rank(ticket);
            call.chain_us = chain;
            let now = call.rank(ticket);
            if call.state == State::Ready && self.ready.remove(&was) {
                self.ready.insert(now);
            }
        }
    }
}
