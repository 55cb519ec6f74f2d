//! What a batch cost, and what it would have cost one by one. Pure arithmetic over outcomes.
//! It must not measure anything itself.

use crate::call::{CallId, Outcome, Status};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::num::NonZeroUsize;

/// A run in numbers. Times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many calls.
    pub calls: usize,
    /// How many of them ended `ok`.
    pub ok: usize,
    /// From the batch's submission to the last end.
    pub wall_us: u64,
    /// The sum of all run times: what running one by one would have taken.
    pub serial_us: u64,
    /// The longest chain of calls that had to wait for each other: what no number of slots could beat.
    pub critical_path_us: u64,
    /// What no order could beat: the critical path, or all computing spread evenly over the cores, whichever is longer.
    pub lower_bound_us: u64,
    /// `serial_us / wall_us`.
    pub speedup: f64,
    /// `lower_bound_us / wall_us`: 1 means that nothing was lost to waiting, starting and stopping.
    pub efficiency: f64,
    /// The most calls that ran at one moment.
    pub max_parallel_seen: usize,
}

impl Summary {
    /// The numbers of these outcomes, which are one batch in request order, run on so many cores.
    #[must_use]
    pub fn of(outcomes: &[Outcome], cores: NonZeroUsize) -> Self {
        let wall_us = outcomes.iter().map(|outcome| outcome.timing.end_us).max().unwrap_or(0);
        let serial_us = outcomes.iter().map(|outcome| outcome.timing.run_us).sum();
        let cpu_us: u64 = outcomes.iter().map(|outcome| outcome.timing.cpu_us).sum();
        let critical_path_us = critical_path(outcomes);
        let lower_bound_us = critical_path_us.max(cpu_us / cores.get() as u64);
        Self {
            calls: outcomes.len(),
            ok: outcomes.iter().filter(|outcome| outcome.status == Status::Ok).count(),
            wall_us,
            serial_us,
            critical_path_us,
            lower_bound_us,
            speedup: ratio(serial_us, wall_us),
            efficiency: ratio(lower_bound_us, wall_us).min(1.0),
            max_parallel_seen: most_at_once(outcomes),
        }
    }

    /// As the `summary` object of `run --json`.
    #[must_use]
    pub fn to_json(self) -> Value {
        json!({
            "calls": self.calls,
            "ok": self.ok,
            "wall_us": self.wall_us,
            "serial_us": self.serial_us,
            "critical_path_us": self.critical_path_us,
            "lower_bound_us": self.lower_bound_us,
            "speedup": self.speedup,
            "efficiency": self.efficiency,
            "max_parallel_seen": self.max_parallel_seen,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a run; two decimals are kept")]
fn ratio(serial: u64, wall: u64) -> f64 {
    match wall {
        0 => 1.0,
        wall => (serial as f64 / wall as f64 * 100.0).round() / 100.0,
    }
}

/// The longest sum of run times along waits. Who ends first can't wait for who ends later, so one pass is enough.
fn critical_path(outcomes: &[Outcome]) -> u64 {
    let mut by_end: Vec<&Outcome> = outcomes.iter().collect();
    by_end.sort_by_key(|outcome| (outcome.timing.end_us, outcome.timing.start_us));
    let mut longest: HashMap<&CallId, u64> = HashMap::new();
    for outcome in by_end {
        let own = outcome.waits.iter().filter(|wait| wait.batch.is_none());
        let before = own.filter_map(|wait| longest.get(&wait.on)).max();
        let length = before.copied().unwrap_or(0) + outcome.timing.run_us;
        longest.insert(&outcome.id, length);
    }
    longest.values().copied().max().unwrap_or(0)
}

fn most_at_once(outcomes: &[Outcome]) -> usize {
    let ran = outcomes
        .iter()
        .map(|outcome| outcome.timing)
        .filter(|timing| timing.end_us > timing.start_us);
    // At one microsecond, ends come before starts: touching is not overlapping.
    let mut steps: Vec<(u64, i32)> = ran
        .flat_map(|timing| [(timing.start_us, 1), (timing.end_us, -1)])
        .collect();
    steps.sort_unstable();
    let (mut now, mut most) = (0_i32, 0_i32);
    for (_, step) in steps {
        now += step;
        most = most.max(now);
    }
    usize::try_from(most).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Timing, Wait};

    fn ran(id: &str, start: u64, end: u64, waited_for: &[&str]) -> Outcome {
        Outcome {
            id: id.into(),
            tool: "t".into(),
            status: Status::Ok,
            content: vec![],
            structured: None,
            error: None,
            footprint: Default::default(),
            waits: waited_for
                .iter()
                .map(|id| Wait {
                    on: CallId::from(*id),
                    batch: None,
                    entries: None,
                })
                .collect(),
            more_waits: 0,
            timing: Timing {
                queued_us: 0,
                start_us: start,
                end_us: end,
                run_us: end - start,
                cpu_us: end - start,
            },
            notes: vec![],
            log: String::new(),
        }
    }

    #[test]
    fn sums() {
        let outcomes = [
            ran("a", 0, 10, &[]),
            ran("b", 0, 30, &[]),
            ran("c", 10, 15, &["a"]),
            ran("d", 30, 40, &["b", "c"]),
        ];
        let expect = Summary {
            calls: 4,
            ok: 4,
            wall_us: 40,
            serial_us: 55,
            critical_path_us: 40,
            lower_bound_us: 40,
            speedup: 1.38,
            efficiency: 1.0,
            max_parallel_seen: 2,
        };
        let cores = NonZeroUsize::new(2).expect("two");
        assert_eq!(Summary::of(&outcomes, cores), expect);
        assert_eq!(Summary::of(&[], cores).speedup, 1.0);
    }
}
