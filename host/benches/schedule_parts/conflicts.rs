//! What a batch allows, by the definition of a conflict alone: who must wait for whom, what no schedule can beat, and
//! whether a schedule kept the rule. It must not use the scheduler: it judges it.

use super::batches::Batch;
use toolyard::call::{Access, Footprint};

/// When a call ran, in microseconds of virtual time: `end` is not part of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub start: u64,
    pub end: u64,
}

/// For each call the earlier ones that it conflicts with, by their places in the batch.
pub struct Conflicts(Vec<Vec<usize>>);

impl Conflicts {
    /// Compares every pair.
    pub fn of(batch: &Batch) -> Self {
        let calls = &batch.calls;
        let writes: Vec<bool> = calls.iter().map(|call| writes(&call.footprint)).collect();
        let earlier = |call: usize| {
            let clash = |other: &usize| {
                (writes[call] || writes[*other]) && calls[call].footprint.conflict(&calls[*other].footprint).is_some()
            };
            (0..call).filter(clash).collect()
        };
        Self((0..calls.len()).map(earlier).collect())
    }

    /// The earlier calls that this one conflicts with.
    pub fn before(&self, call: usize) -> &[usize] {
        &self.0[call]
    }

    /// How many pairs conflict.
    pub fn pairs(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// How many conflicting pairs overlapped, or ran in the wrong order.
    pub fn broken(&self, spans: &[Span]) -> usize {
        let wrong = |call: usize| {
            let before = self.before(call).iter();
            before.filter(|other| spans[**other].end > spans[call].start).count()
        };
        (0..spans.len()).map(wrong).sum()
    }

    /// For each call the longest chain of true durations that must be over before it starts.
    fn heads(&self, batch: &Batch) -> Vec<u64> {
        let mut heads: Vec<u64> = Vec::with_capacity(batch.calls.len());
        for call in 0..batch.calls.len() {
            let ends = self
                .before(call)
                .iter()
                .map(|other| heads[*other] + batch.calls[*other].duration_us);
            heads.push(ends.max().unwrap_or(0));
        }
        heads
    }

    /// For each call the longest chain of true durations that can only start after it.
    fn tails(&self, batch: &Batch) -> Vec<u64> {
        let mut tails = vec![0; batch.calls.len()];
        for call in (0..batch.calls.len()).rev() {
            let with = tails[call] + batch.calls[call].duration_us;
            for other in self.before(call) {
                tails[*other] = with.max(tails[*other]);
            }
        }
        tails
    }
}

/// Whether a call changes anything.
pub fn writes(footprint: &Footprint) -> bool {
    footprint.entries().iter().any(|entry| entry.access == Access::Write)
}

/// What no schedule of a batch can beat, in microseconds.
pub struct Bounds {
    /// The longest chain of conflicts, all work spread over the slots, or the longest call: the usual bound.
    pub simple: u64,
    /// Also counts work that can't be spread over all of the time, since all of it waits for something, or something
    /// waits for all of it: a chain before, the work over the slots, a chain after (Fernandez and Bussell, 1973, for
    /// those intervals). Never below the simple one.
    pub tight: u64,
    /// The longest chain alone, over all work spread over the slots: far above 1, order hardly matters, as the chain
    /// sets the pace; far below 1, neither, as there is always something to run.
    pub chain_over_work: f64,
}

impl Bounds {
    pub fn of(batch: &Batch, conflicts: &Conflicts) -> Self {
        let (heads, tails) = (conflicts.heads(batch), conflicts.tails(batch));
        let works = || batch.calls.iter().map(|call| call.duration_us);
        let slots = batch.slots as u64;
        let chain = heads
            .iter()
            .zip(works())
            .zip(&tails)
            .map(|((head, work), tail)| head + work + tail);
        let (chain, spread) = (chain.max().unwrap_or(0), works().sum::<u64>().div_ceil(slots));
        let simple = chain.max(spread);

        let mut by_tail: Vec<usize> = (0..batch.calls.len()).collect();
        by_tail.sort_by_key(|call| std::cmp::Reverse(tails[*call]));
        let mut marks = heads.clone();
        marks.sort_unstable();
        marks.dedup();
        let mut tight = simple;
        // Some of the heads are enough: any of them gives a bound.
        for head in marks.iter().step_by(marks.len().div_ceil(64)) {
            let mut work = 0;
            for call in by_tail.iter().filter(|call| heads[**call] >= *head) {
                work += batch.calls[*call].duration_us;
                tight = tight.max(head + work.div_ceil(slots) + tails[*call]);
            }
        }
        Self {
            simple,
            tight,
            chain_over_work: chain as f64 / spread as f64,
        }
    }
}
