//! The calls that have not ended. It must not know how they hang together beyond the lists of names that they carry.

use super::index::Handles;
use super::{Submission, Ticket, When};
use crate::call::Footprint;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

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
    /// Whether the footprint was asked for: once is enough.
    pub(super) asked: bool,
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
    /// Nobody's: see [`super::join`].
    pub(super) join: bool,
}

impl Call {
    pub(super) fn new(submission: Submission) -> Self {
        Self {
            footprint: submission.footprint,
            handles: Handles::new(),
            state: State::Waiting,
            known: submission.known,
            asked: false,
            priority: submission.priority,
            estimate_us: submission.estimate_us,
            chain_us: submission.estimate_us,
            pending: 0,
            blockers: Vec::new(),
            followers: Vec::new(),
            epoch: 0,
            after: submission.after.into(),
            when: submission.when,
            failed: submission.failed,
            join: false,
        }
    }

    /// Whether what it comes after has ended so, or may still end so, that it runs.
    pub(super) fn may_run(&self) -> bool {
        match self.when {
            When::Ok => !self.failed,
            When::Failed => self.failed || !self.after.is_empty(),
            When::Always => true,
        }
    }
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
