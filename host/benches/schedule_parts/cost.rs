//! What the scheduler itself costs, by how many calls are alive, how deep their paths are and how they meet.
//! It must not time anything but the scheduler: footprints and the order of ends are worked out beforehand.

use super::table::{self, row};
use serde::Serialize;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use toolyard::call::{Access, CanonicalPath, Entry, Footprint, Resource, Scope};
use toolyard::schedule::{Decision, Ended, Scheduler, Submission, Ticket};

/// Slots when there are few; otherwise as many as there are calls.
const FEW: usize = 8;

/// When filling a scheduler takes longer than this, the case is given up and its cost so far is told. Steps and
/// rounds stop at a part of it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The number of the shared file: above all others.
const SHARED: usize = 1 << 21;

/// How calls meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Each writes files of its own.
    Apart,
    /// Every tenth writes one shared file, the others their own.
    Tenth,
    /// All write one file.
    All,
    /// All read one file, and every tenth writes it.
    Readers,
    /// Each writes its own file, but one in a hundred reads the whole tree.
    Trees,
}

impl Mix {
    fn name(self) -> &'static str {
        match self {
            Self::Apart => "no conflict",
            Self::Tenth => "every tenth on one file",
            Self::All => "all on one file",
            Self::Readers => "readers of one file, a writer each 10",
            Self::Trees => "own files, a reader of all each 100",
        }
    }

    fn footprint(self, number: usize, case: &Case) -> Footprint {
        let own = |claim: usize| file(number * case.claims + claim, case.depth, Access::Write);
        let shared = |access| file(SHARED, case.depth, access);
        let first = match self {
            Self::Apart => own(0),
            Self::Tenth if !number.is_multiple_of(10) => own(0),
            Self::Tenth | Self::All => shared(Access::Write),
            Self::Readers if !number.is_multiple_of(10) => shared(Access::Read),
            Self::Readers => shared(Access::Write),
            Self::Trees if !number.is_multiple_of(100) => own(0),
            Self::Trees => entry("", Scope::Tree, Access::Read),
        };
        Footprint::new(std::iter::once(first).chain((1..case.claims).map(own)))
    }
}

fn entry(at: &str, scope: Scope, access: Access) -> Entry {
    let path = CanonicalPath::new("", at);
    let object = None;
    let resource = Resource::Path { path, scope, object };
    Entry { resource, access }
}

/// A file `depth` components deep, in folders of sixteen.
fn file(number: usize, depth: usize, access: Access) -> Entry {
    const NAMES: [&str; 4] = ["src", "room", "part", "piece"];
    let folder = |level: usize| match level {
        0 => "src/".to_owned(),
        _ => format!("{}{}/", NAMES[level % 4], number >> (4 * (depth - level)).min(60)),
    };
    let folders: String = (0..depth - 1).map(folder).collect();
    entry(&format!("{folders}file{number}.rs"), Scope::File, access)
}

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    mix: Mix,
    live: usize,
    depth: usize,
    claims: usize,
    few_slots: bool,
}

impl Case {
    fn scheduler(&self) -> Scheduler {
        let slots = if self.few_slots { FEW } else { 10 * self.live };
        Scheduler::new(NonZeroUsize::new(slots).expect("more than none"))
    }
}

/// What a case cost.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    pub mix: &'static str,
    pub live: usize,
    pub depth: usize,
    pub claims: usize,
    /// At most this many run; `None`: no limit.
    pub slots: Option<usize>,
    /// One arrival, one end and the decisions between them, in nanoseconds; the best of some rounds.
    pub ns_per_call: f64,
    pub ns_per_claim: f64,
    /// The filling was given up with so many calls alive; the cost is then that of the filling, so far.
    pub given_up_at: Option<usize>,
}

/// What is replayed: arrivals, and who ends after each.
struct Tape {
    first: Vec<Arc<Footprint>>,
    then: Vec<Arc<Footprint>>,
    ends: Vec<Ticket>,
}

/// Filling took too long.
struct GivenUp {
    live: usize,
    ns_per_call: f64,
}

fn arrive(scheduler: &mut Scheduler, footprint: &Arc<Footprint>) {
    let mut submission = Submission::new(Arc::clone(footprint));
    submission.estimate_us = 1_000;
    scheduler.submit(submission);
}

impl Tape {
    /// Finds out who runs and ends when: each time the oldest that runs.
    fn record(case: &Case, steps: usize) -> Result<Self, GivenUp> {
        let footprint = |number| Arc::new(case.mix.footprint(number, case));
        let first: Vec<_> = (0..case.live).map(footprint).collect();
        let then: Vec<_> = (case.live..case.live + steps).map(footprint).collect();
        let mut scheduler = case.scheduler();
        let mut running = BTreeSet::new();
        let mut pump = |scheduler: &mut Scheduler, ended: bool| {
            let ends = if ended { running.pop_first() } else { None };
            if let Some(ticket) = ends {
                scheduler.finish(ticket, Ended::Ok);
            }
            while let Some(decision) = scheduler.next() {
                if let Decision::Start(ticket) = decision {
                    running.insert(ticket);
                }
            }
            ends
        };
        let begun = Instant::now();
        for (number, footprint) in first.iter().enumerate() {
            arrive(&mut scheduler, footprint);
            pump(&mut scheduler, false);
            if number % 64 == 63 && begun.elapsed() > PATIENCE {
                let live = number + 1;
                let ns_per_call = begun.elapsed().as_nanos() as f64 / live as f64;
                return Err(GivenUp { live, ns_per_call });
            }
        }
        let begun = Instant::now();
        let step = |footprint| {
            arrive(&mut scheduler, footprint);
            pump(&mut scheduler, true).expect("something always runs")
        };
        let ends = then
            .iter()
            .take_while(|_| begun.elapsed() < PATIENCE / 8)
            .map(step)
            .collect();
        Ok(Self { first, then, ends })
    }

    /// Nanoseconds for each step: the same decisions again, with nothing else in between.
    fn replay(&self, case: &Case) -> f64 {
        let mut scheduler = case.scheduler();
        for footprint in &self.first {
            arrive(&mut scheduler, footprint);
            while scheduler.next().is_some() {}
        }
        let begun = Instant::now();
        for (footprint, ticket) in self.then.iter().zip(&self.ends) {
            arrive(&mut scheduler, footprint);
            scheduler.finish(*ticket, Ended::Ok);
            while scheduler.next().is_some() {}
        }
        let took = begun.elapsed();
        let live = scheduler.running() + scheduler.waiting();
        assert_eq!(live, case.live, "the replay went another way than the recording");
        took.as_nanos() as f64 / self.ends.len() as f64
    }
}

fn measure(case: &Case, steps: usize, rounds: usize) -> Cost {
    let (ns_per_call, given_up_at) = match Tape::record(case, steps) {
        Ok(tape) => {
            let begun = Instant::now();
            let rounds = (0..rounds).take_while(|round| *round == 0 || begun.elapsed() < PATIENCE / 3);
            (rounds.map(|_| tape.replay(case)).fold(f64::INFINITY, f64::min), None)
        }
        Err(given_up) => (given_up.ns_per_call, Some(given_up.live)),
    };
    Cost {
        mix: case.mix.name(),
        live: case.live,
        depth: case.depth,
        claims: case.claims,
        slots: case.few_slots.then_some(FEW),
        ns_per_call,
        ns_per_claim: ns_per_call / case.claims as f64,
        given_up_at,
    }
}

/// What all cases cost.
#[derive(Debug, Serialize)]
pub struct Costs {
    pub cases: Vec<Cost>,
}

/// The loads that are measured at every depth, and those for which one is enough.
const EVERY_DEPTH: [(Mix, bool); 5] = [
    (Mix::Apart, false),
    (Mix::Apart, true),
    (Mix::Tenth, false),
    (Mix::Tenth, true),
    (Mix::All, true),
];
const ONE_DEPTH: [(Mix, bool); 2] = [(Mix::Readers, false), (Mix::Trees, false)];
const DEPTH: usize = 8;

impl Costs {
    /// Measures everything; `lives` are the numbers of live calls, `depths` must have 8 among them.
    pub fn measure(lives: &[usize], depths: &[usize], steps: usize) -> Self {
        let mut cases = Vec::new();
        for live in lives {
            let rounds = if *live > 10_000 { 2 } else { 5 };
            let mut add = |(mix, few_slots), depth, claims| {
                let case = Case {
                    mix,
                    live: *live,
                    depth,
                    claims,
                    few_slots,
                };
                cases.push(measure(&case, steps, rounds));
            };
            for load in EVERY_DEPTH {
                depths.iter().for_each(|depth| add(load, *depth, 1));
            }
            ONE_DEPTH.iter().for_each(|load| add(*load, DEPTH, 1));
            [4, 16]
                .iter()
                .for_each(|claims| add((Mix::Apart, false), DEPTH, *claims));
        }
        Self { cases }
    }

    /// The cost of one case with a depth of 8; infinite if it is not known.
    pub fn at(&self, mix: Mix, live: usize, claims: usize, few_slots: bool) -> f64 {
        let wanted = |cost: &&Cost| {
            let load = cost.mix == mix.name() && cost.slots.is_some() == few_slots;
            load && cost.live == live && cost.depth == DEPTH && cost.claims == claims && cost.given_up_at.is_none()
        };
        let found = self.cases.iter().find(wanted);
        found.map_or(f64::INFINITY, |cost| cost.ns_per_call)
    }

    pub fn print(&self) {
        let mut lives: Vec<usize> = self.cases.iter().map(|cost| cost.live).collect();
        lives.sort_unstable();
        lives.dedup();
        let mut head = row(&["load", "slots", "depth", "claims"]);
        head.extend(lives.iter().map(|live| format!("{live} live")));
        head.extend(row(&["per claim", "calls/s", "growth"]));
        let mut rows = vec![head];
        for first in self.cases.iter().filter(|cost| cost.live == lives[0]) {
            let key = |cost: &Cost| (cost.mix, cost.slots, cost.depth, cost.claims);
            let same: Vec<&Cost> = self.cases.iter().filter(|cost| key(cost) == key(first)).collect();
            let mut cells = vec![first.mix.to_owned()];
            cells.push(first.slots.map_or("any".to_owned(), |slots| slots.to_string()));
            cells.extend([first.depth.to_string(), first.claims.to_string()]);
            cells.extend(same.iter().map(|cost| match cost.given_up_at {
                None => format!("{:.0}", cost.ns_per_call),
                Some(live) => format!("{:.0} (up to {live})", cost.ns_per_call),
            }));
            cells.push(format!("{:.0}", first.ns_per_claim));
            cells.push(format!("{:.0}", 1e9 / first.ns_per_call));
            let growth = same.last().map_or(1.0, |last| last.ns_per_call / first.ns_per_call);
            cells.push(format!("{growth:.1}"));
            rows.push(cells);
        }
        table::print(
            "Arrival and end of one call, in nanoseconds, while so many are alive",
            &rows,
        );
        println!(
            "  per claim, calls/s: with {} live. growth: the last over the first.",
            lives[0]
        );
        for live in lives {
            let ratio = self.at(Mix::All, live, 1, true) / self.at(Mix::Apart, live, 1, false);
            println!("  all on one file over no conflict, {live} live: {ratio:.2}");
        }
    }
}
