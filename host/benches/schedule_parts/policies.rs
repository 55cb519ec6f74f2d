//! Ways to order a batch, ours among them, and the virtual time in which they run.
//! It must not look at how long a call takes before it ended; `Estimates::True` is there to say what that would give.

use super::batches::{Batch, Planned};
use super::conflicts::{Conflicts, Span, writes};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use toolyard::schedule::{Decision, Ended, Scheduler, Submission, Ticket};

/// Decides who starts. Calls are named by their places in the batch.
trait Policy {
    /// Who starts now; asked while a slot is free.
    fn start(&mut self) -> Option<usize>;
    /// A call that was started is over.
    fn end(&mut self, call: usize);
}

/// The policies compared, in the order of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Serial,
    AllAtOnce,
    ReadersTogether,
    Contiguous,
    GreedyGroups,
    HeadWaits,
    Age,
    Ours,
    Known,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Serial,
        Self::AllAtOnce,
        Self::ReadersTogether,
        Self::Contiguous,
        Self::GreedyGroups,
        Self::HeadWaits,
        Self::Age,
        Self::Ours,
        Self::Known,
    ];

    /// What it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::AllAtOnce => "all at once (unsafe)",
            Self::ReadersTogether => "readers together, writers alone; = one FIFO read/write lock",
            Self::Contiguous => "contiguous batches, broken by a conflict",
            Self::GreedyGroups => "greedy conflict groups with barriers",
            Self::HeadWaits => "in order, the first that conflicts holds up the rest",
            Self::Age => "ours without estimates (oldest first)",
            Self::Ours => "ours",
            Self::Known => "ours, if durations were known",
        }
    }

    /// Whether it keeps conflicting calls apart and in order.
    pub fn is_safe(self) -> bool {
        self != Self::AllAtOnce
    }

    /// Whether ours is to be measured against it: safe, and a way that hosts go. The others only explain ours.
    pub fn is_rival(self) -> bool {
        self.is_safe() && !matches!(self, Self::Age | Self::Ours | Self::Known)
    }

    /// Runs a batch; when each call ran.
    pub fn run(self, batch: &Batch, conflicts: &Conflicts) -> Vec<Span> {
        let waves = |mut groups: Vec<Vec<usize>>| {
            groups.iter_mut().for_each(|group| group.reverse());
            groups.reverse();
            Waves {
                groups,
                ..Waves::default()
            }
        };
        let size = batch.calls.len();
        match self {
            Self::Serial => simulate(batch, waves((0..size).map(|call| vec![call]).collect())),
            Self::AllAtOnce => simulate(batch, waves(vec![(0..size).collect()])),
            Self::ReadersTogether => simulate(batch, waves(readers_together(batch))),
            Self::Contiguous => simulate(batch, waves(contiguous(size, conflicts))),
            Self::GreedyGroups => simulate(batch, waves(greedy_groups(size, conflicts))),
            Self::HeadWaits => simulate(batch, HeadWaits::new(size, conflicts)),
            Self::Age => simulate(batch, Ours::new(batch, Estimates::None)),
            Self::Ours => simulate(batch, Ours::new(batch, Estimates::Medians)),
            Self::Known => simulate(batch, Ours::new(batch, Estimates::True)),
        }
    }
}

/// Virtual time goes from end to end; what ends at one moment is over before anything starts.
fn simulate(batch: &Batch, mut policy: impl Policy) -> Vec<Span> {
    let mut spans = vec![Span::default(); batch.calls.len()];
    let mut ends: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let (mut now, mut started) = (0, 0);
    loop {
        while ends.len() < batch.slots
            && let Some(call) = policy.start()
        {
            let end = now + batch.calls[call].duration_us;
            spans[call] = Span { start: now, end };
            ends.push(Reverse((end, call)));
            started += 1;
        }
        let Some(Reverse((end, _))) = ends.peek() else { break };
        now = *end;
        while let Some(Reverse((end, call))) = ends.peek().copied()
            && end == now
        {
            ends.pop();
            policy.end(call);
        }
    }
    assert_eq!(started, spans.len(), "calls were left behind");
    spans
}

/// Groups of calls, each after the one before is over. Both lists are last first.
#[derive(Default)]
struct Waves {
    groups: Vec<Vec<usize>>,
    group: Vec<usize>,
    running: usize,
}

impl Policy for Waves {
    fn start(&mut self) -> Option<usize> {
        if self.group.is_empty() && self.running == 0 {
            self.group = self.groups.pop()?;
        }
        let call = self.group.pop()?;
        self.running += 1;
        Some(call)
    }

    fn end(&mut self, _: usize) {
        self.running -= 1;
    }
}

/// Neighbours that `joins` lets into the group so far.
fn runs(size: usize, mut joins: impl FnMut(&[usize], usize) -> bool) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for call in 0..size {
        match groups.last_mut() {
            Some(group) if joins(group, call) => group.push(call),
            _ => groups.push(vec![call]),
        }
    }
    groups
}

/// With a whole batch at hand, a read/write lock that is taken in order comes to the same.
fn readers_together(batch: &Batch) -> Vec<Vec<usize>> {
    let reads = |call: usize| !writes(&batch.calls[call].footprint);
    runs(batch.calls.len(), |group, call| reads(call) && reads(group[0]))
}

fn contiguous(size: usize, conflicts: &Conflicts) -> Vec<Vec<usize>> {
    runs(size, |group, call| {
        let last = conflicts.before(call).last();
        last.is_none_or(|last| *last < group[0])
    })
}

/// Each group takes, in order, what conflicts with nothing in it and with nothing earlier that is still to run: so a
/// call is in the group after the last one that holds an earlier conflict.
fn greedy_groups(size: usize, conflicts: &Conflicts) -> Vec<Vec<usize>> {
    let mut place: Vec<usize> = Vec::with_capacity(size);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for call in 0..size {
        let after = conflicts.before(call).iter().map(|other| place[*other] + 1);
        let group = after.max().unwrap_or(0);
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(call);
        place.push(group);
    }
    groups
}

/// Strictly in order, with no barriers: the next call starts when nothing that runs conflicts with it.
struct HeadWaits<'a> {
    conflicts: &'a Conflicts,
    over: Vec<bool>,
    next: usize,
}

impl<'a> HeadWaits<'a> {
    fn new(size: usize, conflicts: &'a Conflicts) -> Self {
        Self {
            conflicts,
            over: vec![false; size],
            next: 0,
        }
    }
}

impl Policy for HeadWaits<'_> {
    fn start(&mut self) -> Option<usize> {
        let call = self.next;
        let free = call < self.over.len() && self.conflicts.before(call).iter().all(|other| self.over[*other]);
        self.next += usize::from(free);
        free.then_some(call)
    }

    fn end(&mut self, call: usize) {
        self.over[call] = true;
    }
}

/// What the scheduler is told about durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Estimates {
    None,
    Medians,
    True,
}

/// The scheduler of the crate.
struct Ours {
    core: Scheduler,
    /// In the order of submission, which is the order of tickets.
    tickets: Vec<Ticket>,
}

impl Ours {
    fn new(batch: &Batch, estimates: Estimates) -> Self {
        let slots = NonZeroUsize::new(batch.slots).expect("at least two slots");
        let mut core = Scheduler::new(slots);
        let submit = |call: &Planned| {
            let mut submission = Submission::new(Arc::clone(&call.footprint));
            submission.estimate_us = match estimates {
                Estimates::None => 0,
                Estimates::Medians => call.estimate_us,
                Estimates::True => call.duration_us,
            };
            core.submit(submission)
        };
        let tickets = batch.calls.iter().map(submit).collect();
        Self { core, tickets }
    }
}

impl Policy for Ours {
    fn start(&mut self) -> Option<usize> {
        // Nothing is skipped here, and what else a scheduler may say starts no call.
        loop {
            if let Decision::Start(ticket) = self.core.next()? {
                return self.tickets.binary_search(&ticket).ok();
            }
        }
    }

    fn end(&mut self, call: usize) {
        self.core.finish(self.tickets[call], Ended::Ok);
    }
}
